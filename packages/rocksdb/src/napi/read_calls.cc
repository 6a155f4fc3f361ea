// Reading by key: into a caller's buffer, as a binary string, many at once, and on a thread.

#include <sys/resource.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "../core/representation.h"
#include "calls.h"
#include "database.h"
#include "external_text.h"
#include "objects.h"

namespace kept {

bool ReadTierAndSnapshot(const Call& call, size_t at, const DatabaseObject* database,
                         rocksdb::ReadOptions* options, std::shared_ptr<SnapshotObject>* held) {
  double tier = 0;
  double handle = 0;
  if (!call.Number(at, "readTier", 0, 3, &tier) || !call.Handle(at + 1, &handle)) return false;
  options->read_tier = static_cast<rocksdb::ReadTier>(static_cast<int>(tier));
  if (database->loan) options->snapshot = database->loan->snapshot;
  if (handle == 0) return true;
  std::shared_ptr<SnapshotObject> snapshot = call.Share<SnapshotObject>(at + 1);
  if (!snapshot) return false;
  if (snapshot->snapshot == nullptr || snapshot->database.get() != database) {
    return call.StateError("ERR_ROCKSDB_CLOSED", "the snapshot belongs to another database");
  }
  options->snapshot = snapshot->snapshot;
  if (held != nullptr) *held = std::move(snapshot);
  return true;
}

namespace {

using rocksdb::PinnableSlice;
using rocksdb::Slice;
using rocksdb::Status;

constexpr double kNotFound = -1;
constexpr double kIncomplete = -2;

Status GetInto(DatabaseObject* database, const Family* family,
               const rocksdb::ReadOptions& options, const Slice& key) {
  const Status good = CheckKey(family->traits, key);
  if (!good.ok()) return good;
  database->value.Reset();
  return database->store->db()->Get(options, family->handle, key, &database->value);
}

/** get(database, family, key, keyLength, target, readTier, snapshot): length, -1 or -2 */
napi_value Get(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = ReadableDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  char* key = nullptr;
  char* target = nullptr;
  size_t key_size = 0;
  size_t target_size = 0;
  double key_length = 0;
  rocksdb::ReadOptions options;
  if (!call.Array(2, "key", &key, &key_size) ||
      !call.Number(3, "keyLength", 0, static_cast<double>(key_size), &key_length) ||
      !call.Array(4, "target", &target, &target_size) ||
      !ReadTierAndSnapshot(call, 5, database, &options, nullptr)) {
    return nullptr;
  }
  const Status status =
      GetInto(database, family, options, Slice(key, static_cast<size_t>(key_length)));
  if (status.IsNotFound()) return MakeNumber(raw, kNotFound);
  if (status.IsIncomplete()) return MakeNumber(raw, kIncomplete);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  const size_t size = database->value.size();
  if (size <= target_size) memcpy(target, database->value.data(), size);
  database->value.Reset();
  return MakeNumber(raw, static_cast<double>(size));
}

/** getBinary(database, family, key, readTier, snapshot): string, null or undefined */
napi_value GetBinary(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = ReadableDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  BytesArgument key;
  rocksdb::ReadOptions options;
  if (!call.Bytes(2, "key", &key) || !ReadTierAndSnapshot(call, 3, database, &options, nullptr)) {
    return nullptr;
  }
  const Status status = GetInto(database, family, options, key.slice);
  if (status.IsNotFound()) return MakeNull(raw);
  if (status.IsIncomplete()) return MakeUndefined(raw);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  // Copying so much is a thread's work: multiGetBinary does it there.
  const bool is_long = options.read_tier == rocksdb::kBlockCacheTier &&
                       database->value.size() >= kExternalBytesMin;
  napi_value result = is_long ? MakeUndefined(raw) : MakeLatin1(raw, database->value);
  database->value.Reset();
  return result;
}

/** The keys of one multi-get and where their values come to lie. */
struct ManyGet {
  std::vector<std::string> keys;
  std::vector<PinnableSlice> values;
  std::vector<Status> statuses;

  /** The first status that is neither OK, NotFound nor Incomplete, or OK. */
  Status Run(rocksdb::DB* db, const Family* family, const rocksdb::ReadOptions& options) {
    const size_t count = keys.size();
    std::vector<Slice> slices(keys.begin(), keys.end());
    values.resize(count);
    statuses.resize(count);
    for (const std::string& key : keys) {
      const Status good = CheckKey(family->traits, key);
      if (!good.ok()) return good;
    }
    if (count == 0) return Status::OK();
    if (options.read_tier == rocksdb::kBlockCacheTier) {
      // MultiGet reads the disk even with this tier (seen with 7.8); Get does not.
      for (size_t i = 0; i < count; i++) {
        statuses[i] = db->Get(options, family->handle, slices[i], &values[i]);
      }
    } else {
      db->MultiGet(options, family->handle, count, slices.data(), values.data(), statuses.data());
    }
    for (const Status& status : statuses) {
      if (!status.ok() && !status.IsNotFound() && !status.IsIncomplete()) return status;
    }
    return Status::OK();
  }
};

/** multiGet(database, family, keys, target, lengths, readTier, snapshot): bytes needed */
napi_value MultiGet(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  ManyGet many;
  // Reading an array may run JavaScript, which may close the database: so this comes first.
  if (!call.BytesList(2, "keys", &many.keys)) return nullptr;
  DatabaseObject* database = ReadableDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  char* target = nullptr;
  size_t target_size = 0;
  rocksdb::ReadOptions options;
  if (!call.Array(3, "target", &target, &target_size) ||
      !ReadTierAndSnapshot(call, 5, database, &options, nullptr)) {
    return nullptr;
  }
  napi_typedarray_type type;
  size_t lengths_size = 0;
  void* lengths_data = nullptr;
  bool is_typed = false;
  napi_is_typedarray(raw, call.values[4], &is_typed);
  if (!is_typed ||
      napi_get_typedarray_info(raw, call.values[4], &type, &lengths_size, &lengths_data, nullptr,
                               nullptr) != napi_ok ||
      type != napi_int32_array) {
    call.TypeError("lengths", "an Int32Array");
    return nullptr;
  }
  if (lengths_data == nullptr) lengths_size = 0;
  if (lengths_size < many.keys.size()) {
    call.RangeError("lengths has no room for every key");
    return nullptr;
  }
  const Status status = many.Run(database->store->db(), family, options);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  auto* lengths = static_cast<int32_t*>(lengths_data);
  size_t used = 0;
  for (size_t i = 0; i < many.keys.size(); i++) {
    if (!many.statuses[i].ok()) {
      lengths[i] = many.statuses[i].IsNotFound() ? -1 : -2;
      continue;
    }
    const size_t size = many.values[i].size();
    if (size > INT32_MAX) {
      call.RangeError("a value is too long for multiGet");
      return nullptr;
    }
    lengths[i] = static_cast<int32_t>(size);
    if (used + size <= target_size) memcpy(target + used, many.values[i].data(), size);
    used += size;
  }
  return MakeNumber(raw, static_cast<double>(used));
}

/**
 * What some work of this thread takes: its processor time if it read nothing from the disk, all of its time
 * otherwise. That a thread was not given a processor says nothing about the disk.
 */
class Stopwatch {
 public:
  Stopwatch()
      : wall_(std::chrono::steady_clock::now()), processor_(Processor()), reads_(DiskReads()) {}

  double Micros() const {
    if (DiskReads() == reads_) return Processor() - processor_;
    const auto wall = std::chrono::steady_clock::now() - wall_;
    return std::chrono::duration<double, std::micro>(wall).count();
  }

 private:
  static double Processor() {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }

  static int64_t DiskReads() {
#ifdef RUSAGE_THREAD
    rusage usage = {};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_inblock;
#else
    // Where a thread's own are not told, each look is a read: the wall clock decides.
    static thread_local int64_t looks = 0;
    return looks++;
#endif
  }

  const std::chrono::steady_clock::time_point wall_;
  const double processor_;
  const int64_t reads_;
};

class MultiGetTask final : public Task {
 public:
  MultiGetTask(DatabaseObject* database, const Family* family)
      : owner_(database), db_(database->store->db()), family_(family) {}

  Status Work() override {
    const Stopwatch watch;
    Status status = many.Run(db_, family_, options);
    if (status.ok()) CopyLong();
    micros_ = watch.Micros();
    return status;
  }

  void Done(Env&) override {
    if (many.keys.empty()) return;
    const double each = micros_ / static_cast<double>(many.keys.size());
    owner_->key_read_us += (each - owner_->key_read_us) * kNewestShare;
  }

  napi_value Result(napi_env raw) override {
    napi_value result;
    napi_create_array_with_length(raw, many.keys.size(), &result);
    for (size_t i = 0; i < many.keys.size(); i++) {
      napi_handle_scope scope;
      napi_open_handle_scope(raw, &scope);
      napi_value value;
      if (i < long_.size() && long_[i] != nullptr) {
        value = MakeExternalText(raw, std::exchange(long_[i], nullptr), many.values[i].size());
      } else if (many.statuses[i].ok()) {
        value = MakeLatin1(raw, many.values[i]);
      } else {
        value = many.statuses[i].IsNotFound() ? MakeNull(raw) : MakeUndefined(raw);
      }
      if (value != nullptr) napi_set_element(raw, result, static_cast<uint32_t>(i), value);
      napi_close_handle_scope(raw, scope);
      if (value == nullptr) return nullptr;
    }
    return result;
  }

  ~MultiGetTask() override {
    for (char* text : long_) free(text);
  }

  ManyGet many;
  rocksdb::ReadOptions options;
  std::shared_ptr<SnapshotObject> snapshot;

 private:
  /** The loop makes strings of them without another copy. */
  void CopyLong() {
    for (size_t i = 0; i < many.values.size(); i++) {
      const PinnableSlice& value = many.values[i];
      if (!many.statuses[i].ok() || value.size() < kExternalBytesMin) continue;
      char* text = RoomForText(value.size());
      if (text == nullptr) return;
      memcpy(text, value.data(), value.size());
      long_.resize(many.values.size(), nullptr);
      long_[i] = text;
    }
  }

  std::vector<char*> long_;
  static constexpr double kNewestShare = 0.05;

  /** The task keeps it alive. */
  DatabaseObject* const owner_;
  double micros_ = 0;
  rocksdb::DB* const db_;
  const Family* const family_;
};

/** multiGetBinary(database, family, keys, readTier, snapshot): Promise of values and nulls */
napi_value MultiGetBinary(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  std::vector<std::string> keys;
  if (!call.BytesList(2, "keys", &keys)) return nullptr;
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  auto task = std::make_unique<MultiGetTask>(database, family);
  task->many.keys = std::move(keys);
  if (!ReadTierAndSnapshot(call, 3, database, &task->options, &task->snapshot)) return nullptr;
  return Start(*call.env, database->shared_from_this(), database->reads, std::move(task));
}

/** keyReadMicros(database): what a key of a multiGetBinary took on its thread, lately */
napi_value KeyReadMicros(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  return database == nullptr ? nullptr : MakeNumber(raw, database->key_read_us);
}

/** snapshotCreate(database): [handle, sequence] */
napi_value SnapshotCreate(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  auto snapshot = std::make_shared<SnapshotObject>(database->shared_from_this());
  if (snapshot->snapshot == nullptr) {
    call.StatusError(Status::NotSupported("snapshots with these options"));
    return nullptr;
  }
  const auto sequence = static_cast<double>(snapshot->snapshot->GetSequenceNumber());
  const double handle = call.env->registry.Add(Kind::kSnapshot, std::move(snapshot));
  if (handle == 0) {
    call.StateError("ERR_ROCKSDB_LIMIT", "too many open objects");
    return nullptr;
  }
  napi_value result;
  napi_create_array_with_length(raw, 2, &result);
  napi_set_element(raw, result, 0, MakeNumber(raw, handle));
  napi_set_element(raw, result, 1, MakeNumber(raw, sequence));
  return result;
}

}  // namespace

void AddReadCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"get", Get},
                                       {"getBinary", GetBinary},
                                       {"multiGet", MultiGet},
                                       {"multiGetBinary", Promised<MultiGetBinary>},
                                       {"keyReadMicros", KeyReadMicros},
                                       {"snapshotCreate", SnapshotCreate}});
}

}  // namespace kept
