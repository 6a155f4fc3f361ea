// Writing whole representations, on the loop and on the database's writing thread.

#include "batch.h"
#include "calls.h"
#include "database.h"

namespace kept {
namespace {

using rocksdb::Status;

/** Of lent bytes, what is longer is copied on the thread: megabytes would take the loop milliseconds. */
constexpr size_t kCopiedAtOnce = 64 * 1024;

class WriteTask final : public Task {
 public:
  WriteTask(Store* store, std::string representation, uint32_t flags)
      : store_(store), representation_(std::move(representation)), flags_(flags) {}

  /** The bytes are JavaScript's, which `held` keeps from being collected. */
  WriteTask(Store* store, const rocksdb::Slice& lent, napi_ref held, uint32_t flags)
      : store_(store), lent_(lent), held_(held), flags_(flags) {}

  Status Work() override {
    if (held_ != nullptr) representation_.assign(lent_.data(), lent_.size());
    return store_->Write(std::move(representation_), flags_, &sequence_);
  }

  void Done(Env& env) override {
    if (held_ != nullptr) napi_delete_reference(env.raw, held_);
  }

  napi_value Result(napi_env raw) override {
    return MakeNumber(raw, static_cast<double>(sequence_));
  }

 private:
  Store* const store_;
  std::string representation_;
  const rocksdb::Slice lent_;
  const napi_ref held_ = nullptr;
  const uint32_t flags_;
  uint64_t sequence_ = 0;
};

bool ReadWrite(const Call& call, rocksdb::Slice* bytes, uint32_t* flags) {
  char* data = nullptr;
  size_t size = 0;
  double length = 0;
  double number = 0;
  if (!call.Array(1, "bytes", &data, &size) ||
      !call.Number(2, "length", 0, static_cast<double>(size), &length) ||
      !call.Number(3, "flags", 0, kWriteFlagsMask, &number)) {
    return false;
  }
  *bytes = rocksdb::Slice(data, static_cast<size_t>(length));
  *flags = static_cast<uint32_t>(number);
  return true;
}

/** write(database, bytes, length, flags): sequence */
napi_value Write(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  rocksdb::Slice bytes;
  uint32_t flags = 0;
  if (database == nullptr || !ReadWrite(call, &bytes, &flags)) return nullptr;
  uint64_t sequence = 0;
  const Status status =
      database->store->Write(std::string(bytes.data(), bytes.size()), flags, &sequence);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  return MakeNumber(raw, static_cast<double>(sequence));
}

/** writeAsync(database, bytes, length, flags, lent): Promise of the sequence */
napi_value WriteAsync(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  rocksdb::Slice bytes;
  uint32_t flags = 0;
  if (database == nullptr || !ReadWrite(call, &bytes, &flags)) return nullptr;
  bool lent = false;
  if (!call.Boolean(4, "lent", &lent)) return nullptr;
  Store* store = database->store.get();
  std::unique_ptr<WriteTask> task;
  if (!lent || bytes.size() <= kCopiedAtOnce) {
    task = std::make_unique<WriteTask>(store, bytes.ToString(), flags);
  } else {
    napi_ref held = nullptr;
    if (napi_create_reference(raw, call.values[1], 1, &held) != napi_ok) return nullptr;
    task = std::make_unique<WriteTask>(store, bytes, held, flags);
  }
  return Start(*call.env, database->shared_from_this(), database->writes, std::move(task));
}

bool ReadBatchWrite(const Call& call, std::string* bytes, uint32_t* flags) {
  double number = 0;
  if (!BatchBytes(call, 1, bytes) || !call.Number(2, "flags", 0, kWriteFlagsMask, &number)) {
    return false;
  }
  *flags = static_cast<uint32_t>(number);
  return true;
}

/** writeBatch(database, batch, flags): sequence */
napi_value WriteBatch(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  std::string bytes;
  uint32_t flags = 0;
  if (database == nullptr || !ReadBatchWrite(call, &bytes, &flags)) return nullptr;
  uint64_t sequence = 0;
  const Status status = database->store->Write(std::move(bytes), flags, &sequence);
  if (status.ok()) return MakeNumber(raw, static_cast<double>(sequence));
  call.StatusError(status);
  return nullptr;
}

/** writeBatchAsync(database, batch, flags): Promise of the sequence */
napi_value WriteBatchAsync(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  std::string bytes;
  uint32_t flags = 0;
  if (database == nullptr || !ReadBatchWrite(call, &bytes, &flags)) return nullptr;
  return Start(*call.env, database->shared_from_this(), database->writes,
               std::make_unique<WriteTask>(database->store.get(), std::move(bytes), flags));
}

/** latestSequenceNumber(database): number */
napi_value LatestSequenceNumber(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  return MakeNumber(raw, static_cast<double>(database->store->db()->GetLatestSequenceNumber()));
}

}  // namespace

void AddWriteCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"write", Write},
                                       {"writeAsync", Promised<WriteAsync>},
                                       {"writeBatch", WriteBatch},
                                       {"writeBatchAsync", Promised<WriteBatchAsync>},
                                       {"latestSequenceNumber", LatestSequenceNumber}});
}

}  // namespace kept
