// What is done to an open database as a whole, always on a thread: flush, compact, checkpoint, sync,
// options, recovery.

#include <rocksdb/convenience.h>
#include <rocksdb/utilities/checkpoint.h>

#include <functional>
#include <optional>

#include "calls.h"
#include "database.h"

namespace kept {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

class FunctionTask final : public Task {
 public:
  explicit FunctionTask(std::function<Status()> work) : work_(std::move(work)) {}
  Status Work() override { return work_(); }

 private:
  const std::function<Status()> work_;
};

napi_value StartFunction(const Call& call, DatabaseObject* database, Workers& workers,
                         std::function<Status()> work) {
  return Start(*call.env, database->shared_from_this(), workers,
               std::make_unique<FunctionTask>(std::move(work)));
}

/** The families of an array of numbers; all that are not dropped when the array is missing. */
bool ReadFamilyList(const Call& call, size_t at, const DatabaseObject* database,
                    std::vector<rocksdb::ColumnFamilyHandle*>* handles) {
  if (call.Missing(at)) {
    for (const std::shared_ptr<Family>& family : *database->families) {
      if (family && !family->dropped) handles->push_back(family->handle);
    }
    return true;
  }
  bool is_array = false;
  napi_is_array(call.raw, call.values[at], &is_array);
  if (!is_array) return call.TypeError("families", "an array of numbers");
  uint32_t length = 0;
  napi_get_array_length(call.raw, call.values[at], &length);
  Call element = call;
  for (uint32_t i = 0; i < length; i++) {
    if (napi_get_element(call.raw, call.values[at], i, &element.values[0]) != napi_ok) return false;
    const Family* family = database->FamilyAt(element, 0);
    if (family == nullptr) return false;
    handles->push_back(family->handle);
  }
  return true;
}

/** flush(database, families?, wait, allowWriteStall): Promise<void> */
napi_value Flush(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::FlushOptions options;
  if (database == nullptr || !ReadFamilyList(call, 1, database, &handles) ||
      !call.Boolean(2, "wait", &options.wait) ||
      !call.Boolean(3, "allowWriteStall", &options.allow_write_stall)) {
    return nullptr;
  }
  // Reading the array may have run JavaScript that closed the database.
  if (OpenDatabase(call, 0) != database) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance,
                       [db, options, handles] { return db->Flush(options, handles); });
}

/**
 * compactRange(database, family, begin, end, bottommost, flags, targetLevel, maxSubcompactions):
 * Promise<void>. flags: 1 exclusive, 2 change level, 4 allow write stall
 */
napi_value CompactRange(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  BytesArgument begin;
  BytesArgument end;
  bool has_begin = false;
  bool has_end = false;
  double bottommost = 0;
  double flags = 0;
  double level = 0;
  double subcompactions = 0;
  if (family == nullptr || !call.OptionalBytes(2, "begin", &begin, &has_begin) ||
      !call.OptionalBytes(3, "end", &end, &has_end) ||
      !call.Number(4, "bottommost", 0, 3, &bottommost) || !call.Number(5, "flags", 0, 7, &flags) ||
      !call.Number(6, "targetLevel", -1, 64, &level) ||
      !call.Number(7, "maxSubcompactions", 0, 64, &subcompactions)) {
    return nullptr;
  }
  rocksdb::CompactRangeOptions options;
  const auto bits = static_cast<uint32_t>(flags);
  options.exclusive_manual_compaction = (bits & 1) != 0;
  options.change_level = (bits & 2) != 0;
  options.allow_write_stall = (bits & 4) != 0;
  options.target_level = static_cast<int>(level);
  options.max_subcompactions = static_cast<uint32_t>(subcompactions);
  options.bottommost_level_compaction =
      static_cast<rocksdb::BottommostLevelCompaction>(static_cast<int>(bottommost));
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance,
                       [=, handle = family->handle, first = begin.slice.ToString(),
                        last = end.slice.ToString()] {
                         const Slice first_slice(first);
                         const Slice last_slice(last);
                         return db->CompactRange(options, handle,
                                                 has_begin ? &first_slice : nullptr,
                                                 has_end ? &last_slice : nullptr);
                       });
}

/** Null for an open end. Newer versions take an optional slice in place of a pointer. */
template <class Bound>
Status DeleteFiles(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* handle, const Bound* begin,
                   const Bound* end, bool include_end) {
  using rocksdb::DeleteFilesInRange;
  if constexpr (requires { DeleteFilesInRange(db, handle, begin, end, include_end); }) {
    return DeleteFilesInRange(db, handle, begin, end, include_end);
  } else {
    const auto run = [&](auto first, auto last) {
      return DeleteFilesInRange(db, handle, first, last, include_end);
    };
    if (begin != nullptr && end != nullptr) return run(*begin, *end);
    if (begin != nullptr) return run(*begin, std::nullopt);
    if (end != nullptr) return run(std::nullopt, *end);
    return run(std::nullopt, std::nullopt);
  }
}

/** deleteFilesInRange(database, family, begin, end, includeEnd): Promise<void> */
napi_value DeleteFilesInRange(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  BytesArgument begin;
  BytesArgument end;
  bool has_begin = false;
  bool has_end = false;
  bool include_end = false;
  if (family == nullptr || !call.OptionalBytes(2, "begin", &begin, &has_begin) ||
      !call.OptionalBytes(3, "end", &end, &has_end) ||
      !call.Boolean(4, "includeEnd", &include_end)) {
    return nullptr;
  }
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance,
                       [=, handle = family->handle, first = begin.slice.ToString(),
                        last = end.slice.ToString()] {
                         const Slice first_slice(first);
                         const Slice last_slice(last);
                         return DeleteFiles(db, handle, has_begin ? &first_slice : nullptr,
                                            has_end ? &last_slice : nullptr, include_end);
                       });
}

/** checkpoint(database, path, logSizeForFlush): Promise<void> */
napi_value Checkpoint(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  std::string path;
  double log_size = 0;
  if (database == nullptr || !call.Text(1, "path", &path) ||
      !call.Number(2, "logSizeForFlush", 0, 9007199254740991.0, &log_size)) {
    return nullptr;
  }
  if (path.empty() || path.find('\0') != std::string::npos) {
    call.RangeError("path must name a directory");
    return nullptr;
  }
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance, [db, path, log_size] {
    rocksdb::Checkpoint* raw_checkpoint = nullptr;
    Status status = rocksdb::Checkpoint::Create(db, &raw_checkpoint);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw_checkpoint);
    if (!status.ok()) return status;
    return checkpoint->CreateCheckpoint(path, static_cast<uint64_t>(log_size));
  });
}

bool ChangesHashPrefix(const Family* family, const OptionMap& options) {
  return family->traits.memtable_prefix && options.count("prefix_extractor") != 0;
}

/** setOptions(database, family, options): Promise<void> */
napi_value SetOptions(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  OptionMap options;
  if (family == nullptr || !call.Options(2, "options", &options)) return nullptr;
  if (ChangesHashPrefix(family, options)) {
    call.StatusError(Status::NotSupported("prefix_extractor of a hash memtable is fixed"));
    return nullptr;
  }
  if (OpenDatabase(call, 0) != database) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->control,
                       [db, handle = family->handle, options] {
                         return db->SetOptions(handle, options);
                       });
}

/** setDBOptions(database, options): Promise<void> */
napi_value SetDBOptions(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  OptionMap options;
  if (database == nullptr || !call.Options(1, "options", &options)) return nullptr;
  if (OpenDatabase(call, 0) != database) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->control,
                       [db, options] { return db->SetDBOptions(options); });
}

/** flushWal(database, sync): Promise<void> */
napi_value FlushWal(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  bool sync = false;
  if (database == nullptr || !call.Boolean(1, "sync", &sync)) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance,
                       [db, sync] { return db->FlushWAL(sync); });
}

/** syncWal(database): Promise<void> */
napi_value SyncWal(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->maintenance, [db] { return db->SyncWAL(); });
}

/** resume(database): Promise<void> */
napi_value Resume(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->control, [db] { return db->Resume(); });
}

/** backgroundWork(database, what): Promise<void>. what: 0 pause, 1 continue, 2 cancel, 3 cancel and wait */
napi_value BackgroundWork(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  double what = 0;
  if (database == nullptr || !call.Number(1, "what", 0, 3, &what)) return nullptr;
  rocksdb::DB* db = database->store->db();
  return StartFunction(call, database, database->control, [db, what] {
    if (what == 0) return db->PauseBackgroundWork();
    if (what == 1) return db->ContinueBackgroundWork();
    rocksdb::CancelAllBackgroundWork(db, what == 3);
    return Status::OK();
  });
}

}  // namespace

void AddMaintenanceCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"flush", Promised<Flush>},
                                       {"compactRange", Promised<CompactRange>},
                                       {"deleteFilesInRange", Promised<DeleteFilesInRange>},
                                       {"checkpoint", Promised<Checkpoint>},
                                       {"setOptions", Promised<SetOptions>},
                                       {"setDBOptions", Promised<SetDBOptions>},
                                       {"flushWal", Promised<FlushWal>},
                                       {"syncWal", Promised<SyncWal>},
                                       {"resume", Promised<Resume>},
                                       {"backgroundWork", Promised<BackgroundWork>}});
}

}  // namespace kept
