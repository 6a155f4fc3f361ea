// The calls of write batches, plain and indexed.

#include "../core/representation.h"
#include "batch.h"
#include "calls.h"
#include "database.h"
#include "iterator.h"

namespace kept {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

/** What `batchChange` does; the TypeScript side has the same numbers. */
enum class Change { kPut, kDelete, kSingleDelete, kDeleteRange, kLogData };
enum class Mark { kSet, kRollback, kPop, kClear };

BatchObject* UsableBatch(const Call& call) {
  auto* batch = call.Find<BatchObject>(0);
  if (batch == nullptr) return nullptr;
  if (batch->database->closing()) {
    call.StateError("ERR_ROCKSDB_CLOSED", DatabaseObject::kClosed);
    return nullptr;
  }
  return batch;
}

/** batchCreate(database, indexed, maxBytes): handle; maxBytes 0 for no limit */
napi_value BatchCreate(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  bool indexed = false;
  double max_bytes = 0;
  if (database == nullptr || !call.Boolean(1, "indexed", &indexed) ||
      !call.Number(2, "maxBytes", 0, 9007199254740991.0, &max_bytes)) {
    return nullptr;
  }
  auto batch = std::make_shared<BatchObject>(database->shared_from_this(), indexed,
                                             static_cast<size_t>(max_bytes));
  return call.Keep(Kind::kBatch, std::move(batch));
}

Status Apply(const BatchObject* batch, Change change, const Family* family, const Slice& first,
             const Slice& second) {
  rocksdb::WriteBatchBase* base = batch->base();
  switch (change) {
    case Change::kPut:
      return base->Put(family->handle, first, second);
    case Change::kDelete:
      return base->Delete(family->handle, first);
    case Change::kSingleDelete:
      return base->SingleDelete(family->handle, first);
    case Change::kDeleteRange:
      return base->DeleteRange(family->handle, first, second);
    default:
      return base->PutLogData(first);
  }
}

/** batchChange(batch, change, family, first, second) */
napi_value BatchChange(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  double number = 0;
  if (batch == nullptr || !call.Number(1, "change", 0, 4, &number)) return nullptr;
  const auto change = static_cast<Change>(static_cast<int>(number));
  const Family* family = batch->database->FamilyAt(call, 2);
  if (family == nullptr) return nullptr;
  BytesArgument first;
  BytesArgument second;
  const bool two = change == Change::kPut || change == Change::kDeleteRange;
  const char* names[] = {change == Change::kLogData      ? "blob"
                         : change == Change::kDeleteRange ? "begin"
                                                          : "key",
                         change == Change::kDeleteRange ? "end" : "value"};
  if (!call.Bytes(3, names[0], &first) || (two && !call.Bytes(4, names[1], &second))) {
    return nullptr;
  }
  batch->changes++;
  const Status status = Apply(batch, change, family, first.slice, second.slice);
  if (!status.ok()) call.StatusError(status);
  return nullptr;
}

/** batchMark(batch, mark): save points and clear */
napi_value BatchMark(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  double number = 0;
  if (batch == nullptr || !call.Number(1, "mark", 0, 3, &number)) return nullptr;
  Status status;
  switch (static_cast<Mark>(static_cast<int>(number))) {
    case Mark::kSet:
      batch->base()->SetSavePoint();
      break;
    case Mark::kRollback:
      batch->changes++;
      status = batch->base()->RollbackToSavePoint();
      break;
    case Mark::kPop:
      status = batch->base()->PopSavePoint();
      break;
    case Mark::kClear:
      batch->changes++;
      batch->base()->Clear();
      break;
  }
  if (!status.ok()) call.StatusError(status);
  return nullptr;
}

/** batchInfo(batch): [count, bytes] */
napi_value BatchInfo(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  if (batch == nullptr) return nullptr;
  napi_value result;
  napi_create_array_with_length(raw, 2, &result);
  napi_set_element(raw, result, 0, MakeNumber(raw, batch->batch()->Count()));
  napi_set_element(raw, result, 1,
                   MakeNumber(raw, static_cast<double>(batch->batch()->GetDataSize())));
  return result;
}

/** batchRepresentation(batch): Buffer, a copy */
napi_value BatchRepresentation(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  return batch == nullptr ? nullptr : MakeBuffer(raw, batch->batch()->Data());
}

/** batchLoad(batch, bytes, length): a plain batch becomes what the representation says */
napi_value BatchLoad(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  char* data = nullptr;
  size_t size = 0;
  double length = 0;
  if (batch == nullptr || !call.Array(1, "bytes", &data, &size) ||
      !call.Number(2, "length", 0, static_cast<double>(size), &length)) {
    return nullptr;
  }
  if (!batch->plain) {
    call.StatusError(Status::NotSupported("an indexed batch cannot be made from a representation"));
    return nullptr;
  }
  std::string representation(data, static_cast<size_t>(length));
  uint32_t count = 0;
  const Status status =
      VerifyRepresentation(representation, *batch->database->families, &count);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  batch->changes++;
  *batch->plain = rocksdb::WriteBatch(std::move(representation));
  return nullptr;
}

/** batchGet(batch, family, key, readTier, snapshot): string, null or undefined */
napi_value BatchGet(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  BatchObject* batch = UsableBatch(call);
  if (batch == nullptr) return nullptr;
  DatabaseObject* database = batch->database.get();
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  BytesArgument key;
  rocksdb::ReadOptions options;
  if (!call.Bytes(2, "key", &key) || !ReadTierAndSnapshot(call, 3, database, &options, nullptr)) {
    return nullptr;
  }
  if (!batch->indexed) {
    call.StatusError(Status::NotSupported("a plain batch cannot be read"));
    return nullptr;
  }
  rocksdb::PinnableSlice value;
  Status status = CheckKey(family->traits, key.slice);
  if (status.ok()) {
    status = batch->indexed->GetFromBatchAndDB(database->store->db(), options, family->handle,
                                               key.slice, &value);
  }
  if (status.IsNotFound()) return MakeNull(raw);
  if (status.IsIncomplete()) return MakeUndefined(raw);
  if (status.ok()) return MakeLatin1(raw, value);
  call.StatusError(status);
  return nullptr;
}

}  // namespace

bool BatchBytes(const Call& call, size_t at, std::string* representation) {
  auto* batch = call.Find<BatchObject>(at);
  if (batch == nullptr) return false;
  *representation = batch->batch()->Data();
  return true;
}

bool MergeBatch(const Call& call, size_t at, IteratorObject* iterator) {
  std::shared_ptr<BatchObject> batch = call.Share<BatchObject>(at);
  if (!batch) return false;
  if (!batch->indexed || batch->database != iterator->database) {
    return call.StateError("ERR_ROCKSDB_CLOSED", "the batch belongs to another database");
  }
  // The merged iterator owns the one below it.
  iterator->iterator.reset(batch->indexed->NewIteratorWithBase(
      iterator->family->handle, iterator->iterator.release(), &iterator->options));
  iterator->batch_changes = &batch->changes;
  iterator->changes_seen = batch->changes;
  iterator->batch = std::move(batch);
  return true;
}

void AddBatchCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"batchCreate", BatchCreate},
                                       {"batchChange", BatchChange},
                                       {"batchMark", BatchMark},
                                       {"batchInfo", BatchInfo},
                                       {"batchRepresentation", BatchRepresentation},
                                       {"batchLoad", BatchLoad},
                                       {"batchGet", BatchGet}});
}

}  // namespace kept
