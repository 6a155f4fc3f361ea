// Writing whole representations, on the loop and on the database's writing thread.

#include "batch.h"
#include "calls.h"
#include "database.h"

namespace kept {
namespace {

using rocksdb::Status;

class WriteTask final : public Task {
 public:
  WriteTask(Store* store, std::string representation, uint32_t flags)
      : store_(store), representation_(std::move(representation)), flags_(flags) {}

  Status Work() override { return store_->Write(std::move(representation_), flags_, &sequence_); }

  napi_value Result(napi_env raw) override {
    return MakeNumber(raw, static_cast<double>(sequence_));
  }

 private:
  Store* const store_;
  std::string representation_;
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

/** writeAsync(database, bytes, length, flags): Promise of the sequence */
napi_value WriteAsync(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  rocksdb::Slice bytes;
  uint32_t flags = 0;
  if (database == nullptr || !ReadWrite(call, &bytes, &flags)) return nullptr;
  return Start(*call.env, database->shared_from_this(), database->writes,
               std::make_unique<WriteTask>(database->store.get(),
                                           std::string(bytes.data(), bytes.size()), flags));
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
