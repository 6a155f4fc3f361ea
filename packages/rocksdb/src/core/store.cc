// The open database of store.h.

#include "store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include <chrono>
#include <thread>

#include "representation.h"

namespace kept {
namespace {

using rocksdb::Status;

constexpr uint32_t kFamilyIdMax = 1u << 20;
/** More than RocksDB sleeps between two attempts: 5 s for a full disk, bgerror_resume_retry_interval else. */
constexpr std::chrono::seconds kRecoveryEndsWithin{15};

// RocksDB is moving from DB** to std::unique_ptr<DB>*, one function at a time; take what there is.
template <class Database, class... Arguments>
Status OpenForWriting(std::unique_ptr<Database>* db, Arguments&&... arguments) {
  if constexpr (requires { Database::Open(arguments..., db); }) {
    return Database::Open(arguments..., db);
  } else {
    Database* raw = nullptr;
    Status status = Database::Open(arguments..., &raw);
    db->reset(raw);
    return status;
  }
}

template <class Database, class... Arguments>
Status OpenForReading(std::unique_ptr<Database>* db, Arguments&&... arguments) {
  if constexpr (requires { Database::OpenForReadOnly(arguments..., db); }) {
    return Database::OpenForReadOnly(arguments..., db);
  } else {
    Database* raw = nullptr;
    Status status = Database::OpenForReadOnly(arguments..., &raw);
    db->reset(raw);
    return status;
  }
}

rocksdb::WriteOptions MakeWriteOptions(uint32_t flags) {
  rocksdb::WriteOptions options;
  options.sync = (flags & kWriteSync) != 0;
  options.no_slowdown = (flags & kWriteNoSlowdown) != 0;
  options.low_pri = (flags & kWriteLowPriority) != 0;
  options.disableWAL = (flags & kWriteDisableWal) != 0;
  return options;
}

Status AddFamily(FamilyTable* table, rocksdb::ColumnFamilyHandle* handle, FamilyTraits traits) {
  const uint32_t id = handle->GetID();
  if (id > kFamilyIdMax) return Status::NotSupported("column family number too large");
  if (table->size() <= id) table->resize(id + 1);
  auto family = std::make_shared<Family>();
  family->id = id;
  family->name = handle->GetName();
  family->handle = handle;
  family->traits = std::move(traits);
  (*table)[id] = std::move(family);
  return Status::OK();
}

}  // namespace

Status Store::Open(const OpenSpec& spec, EventSink sink, std::unique_ptr<Store>* store) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const FamilySpec& family : spec.families) {
    rocksdb::ColumnFamilyOptions options;
    Status status = MakeFamilyOptions(family, &options);
    if (!status.ok()) return status;
    descriptors.emplace_back(family.name, options);
  }
  rocksdb::DBOptions options;
  Status status = MakeDatabaseOptions(spec, descriptors, &options);
  if (!status.ok()) return status;
  if (sink) options.listeners.push_back(MakeListener(std::move(sink)));

  std::unique_ptr<Store> opened(new Store());
  options.env = opened->files_.env();
  opened->statistics_ = options.statistics;
  opened->read_only_ = spec.read_only;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  status = spec.read_only
               ? OpenForReading(&opened->db_, options, spec.path, descriptors, &handles)
               : OpenForWriting(&opened->db_, options, spec.path, descriptors, &handles);
  if (!status.ok()) return status;
  auto table = std::make_shared<FamilyTable>();
  for (size_t i = 0; i < handles.size(); i++) {
    const Status added = AddFamily(table.get(), handles[i], TraitsOf(descriptors[i].options));
    if (!added.ok()) {
      opened->db_->DestroyColumnFamilyHandle(handles[i]).PermitUncheckedError();
      status = added;
    }
  }
  opened->families_ = std::move(table);
  if (status.ok()) *store = std::move(opened);
  return status;
}

std::shared_ptr<const FamilyTable> Store::families() const {
  std::lock_guard<std::mutex> lock(families_mutex_);
  return families_;
}

Status Store::Write(std::string representation, uint32_t flags, uint64_t* sequence) {
  uint32_t count = 0;
  Status status = VerifyRepresentation(representation, *families(), &count);
  if (!status.ok()) return status;
  rocksdb::WriteBatch batch(std::move(representation));
  status = db_->Write(MakeWriteOptions(flags), &batch);
  if (!status.ok()) return status;
  // RocksDB has put the number of the first record into the header.
  *sequence = count == 0 ? db_->GetLatestSequenceNumber()
                         : RepresentationSequence(batch.Data()) + count - 1;
  return status;
}

Status Store::CreateFamily(const FamilySpec& spec, uint32_t* id) {
  rocksdb::ColumnFamilyOptions options;
  Status status = MakeFamilyOptions(spec, &options);
  if (!status.ok()) return status;
  if (!options.memtable_factory->IsInsertConcurrentlySupported() &&
      db_->GetDBOptions().allow_concurrent_memtable_write) {
    return Status::InvalidArgument(
        "column family " + spec.name +
        ": this memtable needs the database opened with allow_concurrent_memtable_write=false");
  }
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  status = db_->CreateColumnFamily(options, spec.name, &handle);
  if (!status.ok()) return status;
  std::lock_guard<std::mutex> lock(families_mutex_);
  auto table = std::make_shared<FamilyTable>(*families_);
  status = AddFamily(table.get(), handle, TraitsOf(options));
  if (!status.ok()) {
    db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    return status;
  }
  *id = handle->GetID();
  families_ = std::move(table);
  return status;
}

Status Store::DropFamily(uint32_t id) {
  const std::shared_ptr<const FamilyTable> table = families();
  if (id >= table->size() || !(*table)[id]) return Status::InvalidArgument("no such column family");
  Status status = db_->DropColumnFamily((*table)[id]->handle);
  if (status.ok()) (*table)[id]->dropped = true;
  return status;
}

void Store::PrepareClose() {
  if (!db_ || read_only_) return;
  db_->DisableManualCompaction();
  uint64_t stopped = 0;
  uint64_t delayed = 0;
  db_->GetIntProperty("rocksdb.is-write-stopped", &stopped);
  db_->GetIntProperty("rocksdb.actual-delayed-write-rate", &delayed);
  if (stopped == 0 && delayed == 0) return;
  // A writer waits for a condition that may never come. Cancelling RocksDB's work instead would lose
  // what was written without a WAL; with these limits the writer goes through.
  const OptionMap limits = {
      {"max_write_buffer_number", "1000000"},
      {"level0_slowdown_writes_trigger", "1000000"},
      {"level0_stop_writes_trigger", "1000000"},
      {"soft_pending_compaction_bytes_limit", "0"},
      {"hard_pending_compaction_bytes_limit", "0"},
  };
  // SetOptions waits for the writer before it wakes it. DisableManualCompaction wakes whoever waits
  // for RocksDB's background work, and does nothing else a second time.
  std::atomic<bool> done{false};
  std::thread waker([this, &done] {
    while (!done) {
      db_->DisableManualCompaction();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const std::shared_ptr<const FamilyTable> table = families();
  for (const std::shared_ptr<Family>& family : *table) {
    if (!family || family->dropped) continue;
    db_->SetOptions(family->handle, limits).PermitUncheckedError();
  }
  done = true;
  waker.join();
}

void Store::EndRecovery() {
  if (read_only_) return;
  Ending& ending = files_.ending();
  ending.has_begun = true;
  // A recovery that waits for a flush ends by this, as Close would do a little later.
  rocksdb::CancelAllBackgroundWork(db_.get(), false);
  // RocksDB 7.8 closes for ever when its recovery sleeps between two attempts: it is told to end, ends, and
  // leaves the mark that it is under way. So it has to have ended before, by an error that is final; `Resume`
  // says when it has not. Of a MANIFEST it remembers the first error, which was not; but told to close in the
  // middle of an attempt it ends well, and each attempt then begins a MANIFEST: there it is held.
  const auto deadline = std::chrono::steady_clock::now() + kRecoveryEndsWithin;
  while (db_->Resume().IsBusy() && !ending.has_held &&
         std::chrono::steady_clock::now() < deadline) {
    ending.holds_manifests = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Status Store::Close() {
  if (!db_) return Status::OK();
  EndRecovery();
  const std::shared_ptr<const FamilyTable> table = families();
  if (table) {
    for (const std::shared_ptr<Family>& family : *table) {
      if (!family) continue;
      db_->DestroyColumnFamilyHandle(family->handle).PermitUncheckedError();
      family->handle = nullptr;
    }
  }
  files_.ending().is_closing = true;
  Status status = db_->Close();
  if (status.IsNotSupported()) status = Status::OK();  // a read-only database has nothing to close
  db_.reset();
  return status;
}

}  // namespace kept
