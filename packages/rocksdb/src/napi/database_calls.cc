// Opening and closing, column families, block caches, and what is done to a database that is not open.

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>

#include <cmath>

#include "../core/status.h"
#include "calls.h"
#include "database.h"
#include "objects.h"

namespace kept {
namespace {

using rocksdb::Status;

constexpr size_t kEventsWaitingMax = 4096;

/** An event on its way to the listener. */
class EventItem final : public LoopItem {
 public:
  EventItem(double handle, Event&& event) : handle_(handle), event_(std::move(event)) {}

  void Deliver(Env& env) override {
    auto* database = static_cast<DatabaseObject*>(env.registry.Find(handle_, Kind::kDatabase));
    if (database == nullptr) return;
    database->events_waiting--;
    napi_value listener = nullptr;
    if (database->listener == nullptr ||
        napi_get_reference_value(env.raw, database->listener, &listener) != napi_ok) {
      return;
    }
    napi_value value = Make(env, database->events_dropped.exchange(0));
    napi_value result;
    napi_call_function(env.raw, MakeUndefined(env.raw), listener, 1, &value, &result);
  }

 private:
  napi_value Make(Env& env, size_t dropped) const {
    static constexpr const char* kTypes[] = {"stall",        "background-error", "recovery-begin",
                                             "recovery-end", "flush",            "compaction"};
    napi_env raw = env.raw;
    napi_value value;
    napi_create_object(raw, &value);
    SetField(raw, value, "type", MakeText(raw, kTypes[static_cast<size_t>(event_.kind)]));
    SetField(raw, value, "dropped", MakeNumber(raw, static_cast<double>(dropped)));
    switch (event_.kind) {
      case EventKind::kStall:
        SetField(raw, value, "family", MakeText(raw, event_.family));
        SetField(raw, value, "from", MakeText(raw, event_.from));
        SetField(raw, value, "to", MakeText(raw, event_.to));
        break;
      case EventKind::kBackgroundError:
      case EventKind::kRecoveryBegin:
        SetField(raw, value, "reason", MakeText(raw, event_.reason));
        SetField(raw, value, "error", MakeError(env, event_.status));
        if (event_.kind == EventKind::kRecoveryBegin) {
          SetField(raw, value, "automatic", MakeBoolean(raw, event_.auto_recovery));
        }
        break;
      case EventKind::kRecoveryEnd:
        SetField(raw, value, "error",
                 event_.status.ok() ? MakeNull(raw) : MakeError(env, event_.status));
        break;
      case EventKind::kFlush:
        SetField(raw, value, "family", MakeText(raw, event_.family));
        SetField(raw, value, "entries", Count(raw, event_.entries));
        SetField(raw, value, "bytes", Count(raw, event_.output_bytes));
        SetField(raw, value, "slowdown", MakeBoolean(raw, event_.slowdown));
        SetField(raw, value, "stop", MakeBoolean(raw, event_.stop));
        break;
      case EventKind::kCompaction:
        SetField(raw, value, "family", MakeText(raw, event_.family));
        SetField(raw, value, "error",
                 event_.status.ok() ? MakeNull(raw) : MakeError(env, event_.status));
        SetField(raw, value, "inputLevel", MakeNumber(raw, event_.input_level));
        SetField(raw, value, "outputLevel", MakeNumber(raw, event_.output_level));
        SetField(raw, value, "inputFiles", Count(raw, event_.input_files));
        SetField(raw, value, "outputFiles", Count(raw, event_.output_files));
        SetField(raw, value, "inputBytes", Count(raw, event_.input_bytes));
        SetField(raw, value, "outputBytes", Count(raw, event_.output_bytes));
        SetField(raw, value, "entries", Count(raw, event_.entries));
        SetField(raw, value, "elapsedMicros", Count(raw, event_.elapsed_micros));
        break;
    }
    return value;
  }

  static napi_value Count(napi_env raw, uint64_t count) {
    return MakeNumber(raw, static_cast<double>(count));
  }

  const double handle_;
  const Event event_;
};

/** Called by RocksDB's threads. A listener that does not keep up loses events, and is told so. */
EventSink SinkFor(Env* env, DatabaseObject* database) {
  return [env, database, handle = database->handle](Event&& event) {
    if (database->events_waiting.load() >= kEventsWaitingMax) {
      database->events_dropped++;
      return;
    }
    database->events_waiting++;
    env->Post(new EventItem(handle, std::move(event)));
  };
}

napi_value MakeFamilies(napi_env raw, const FamilyTable& families) {
  napi_value object;
  napi_create_object(raw, &object);
  for (const std::shared_ptr<Family>& family : families) {
    if (family && !family->dropped) {
      SetField(raw, object, family->name.c_str(), MakeNumber(raw, family->id));
    }
  }
  return object;
}

class OpenTask final : public Task {
 public:
  OpenTask(Env& env, OpenSpec spec, std::shared_ptr<DatabaseObject> database)
      : spec_(std::move(spec)), database_(std::move(database)) {
    if (database_->listener != nullptr) sink_ = SinkFor(&env, database_.get());
  }

  Status Work() override { return Store::Open(spec_, std::move(sink_), &store_); }

  void Done(Env& env) override {
    if (status.ok()) {
      database_->families = store_->families();
      database_->store = std::move(store_);
      return;
    }
    if (database_->listener != nullptr) napi_delete_reference(env.raw, database_->listener);
    database_->listener = nullptr;
    env.registry.Remove(database_->handle, Kind::kDatabase);
    env.databases.erase(database_);
  }

  napi_value Result(napi_env raw) override {
    napi_value result;
    napi_create_array_with_length(raw, 2, &result);
    napi_set_element(raw, result, 0, MakeNumber(raw, database_->handle));
    napi_set_element(raw, result, 1, MakeFamilies(raw, *database_->families));
    return result;
  }

 private:
  const OpenSpec spec_;
  EventSink sink_;
  const std::shared_ptr<DatabaseObject> database_;
  std::unique_ptr<Store> store_;
};

/** A family as the TypeScript side flattens it; see `flattenFamily` in options.ts. */
bool ReadFamily(const Call& outer, napi_value list, FamilySpec* spec) {
  Call call = outer;
  bool is_array = false;
  napi_is_array(call.raw, list, &is_array);
  if (!is_array) return call.TypeError("family", "an array of its options");
  constexpr size_t kFields = 10;
  for (size_t i = 0; i < kFields; i++) {
    if (napi_get_element(call.raw, list, static_cast<uint32_t>(i), &call.values[i]) != napi_ok) {
      return false;
    }
  }
  call.count = kFields;
  double number = 0;
  bool flag = false;
  if (!call.Text(0, "family name", &spec->name) || !call.Options(1, "options", &spec->options) ||
      !call.Options(2, "tableOptions", &spec->table_options)) {
    return false;
  }
  if (!call.Number(3, "memtable", 0, 6, &number)) return false;
  spec->memtable.kind = static_cast<MemtableKind>(static_cast<int>(number));
  if (!call.Number(4, "bucketCount", 1, 1 << 28, &number)) return false;
  spec->memtable.bucket_count = static_cast<size_t>(number);
  if (!call.Number(5, "filter", 0, 3, &number)) return false;
  spec->filter = static_cast<FilterKind>(static_cast<int>(number));
  if (napi_get_value_double(call.raw, call.values[6], &spec->filter_bits_per_key) != napi_ok ||
      !(spec->filter_bits_per_key >= 0 && spec->filter_bits_per_key <= 100)) {
    return call.RangeError("bitsPerKey must be a number from 0 to 100");
  }
  if (!call.Number(7, "blockCache", -1, 9007199254740991.0, &number)) return false;
  if (number < 0) spec->without_block_cache = true;
  if (number > 0) {
    auto* cache = call.Find<CacheObject>(7);
    if (cache == nullptr) return false;
    spec->block_cache = cache->cache;
  }
  if (!call.Number(8, "blockSize", 0, 1 << 30, &number)) return false;
  if (number > 0) spec->block_size = static_cast<uint64_t>(number);
  // Two bits for each of two choices: whether it was made, and how.
  if (!call.Number(9, "table flags", 0, 15, &number)) return false;
  const int flags = static_cast<int>(number);
  flag = (flags & 2) != 0;
  if ((flags & 1) != 0) spec->cache_index_and_filter_blocks = flag;
  flag = (flags & 8) != 0;
  if ((flags & 4) != 0) spec->whole_key_filtering = flag;
  return true;
}

bool ReadFamilies(const Call& call, size_t at, std::vector<FamilySpec>* families) {
  bool is_array = false;
  napi_is_array(call.raw, call.values[at], &is_array);
  if (!is_array) return call.TypeError("families", "an array");
  uint32_t length = 0;
  napi_get_array_length(call.raw, call.values[at], &length);
  for (uint32_t i = 0; i < length; i++) {
    napi_value list;
    FamilySpec spec;
    if (napi_get_element(call.raw, call.values[at], i, &list) != napi_ok) return false;
    if (!ReadFamily(call, list, &spec)) return false;
    families->push_back(std::move(spec));
  }
  return true;
}

/** open(path, options, families, flags, readThreads, listener?): Promise<[handle, families]> */
napi_value Open(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  OpenSpec spec;
  uint32_t flags = 0;
  double read_threads = 0;
  if (!call.Text(0, "path", &spec.path) || !call.Options(1, "options", &spec.options) ||
      !ReadFamilies(call, 2, &spec.families) || !call.Uint32(3, "flags", &flags) ||
      !call.Number(4, "readThreads", 1, 256, &read_threads)) {
    return nullptr;
  }
  if (spec.path.empty() || spec.path.find('\0') != std::string::npos) {
    call.RangeError("path must name a directory");
    return nullptr;
  }
  spec.create_if_missing = (flags & 1) != 0;
  spec.create_missing_column_families = (flags & 2) != 0;
  spec.error_if_exists = (flags & 4) != 0;
  spec.read_only = (flags & 8) != 0;
  spec.statistics = (flags & 16) != 0;
  spec.without_message_log = (flags & 32) != 0;
  Env& env = *call.env;
  auto database = std::make_shared<DatabaseObject>(env, static_cast<size_t>(read_threads));
  if (!call.Missing(5)) {
    napi_valuetype type = napi_undefined;
    napi_typeof(raw, call.values[5], &type);
    if (type != napi_function) {
      call.TypeError("listener", "a function");
      return nullptr;
    }
    napi_create_reference(raw, call.values[5], 1, &database->listener);
  }
  database->handle = env.registry.Add(Kind::kDatabase, database);
  if (database->handle == 0) {
    call.StateError("ERR_ROCKSDB_LIMIT", "too many open objects");
    return nullptr;
  }
  env.databases.insert(database);
  return Start(env, nullptr, env.lane, std::make_unique<OpenTask>(env, std::move(spec), database));
}

/** close(database): Promise<void> */
napi_value Close(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  auto* database = call.Find<DatabaseObject>(0);
  if (database == nullptr || (!database->loan && !database->store)) return nullptr;
  return database->Close();
}

/** release(handle, kind): for objects that nobody holds any more, and for explicit close. */
napi_value Release(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double handle = 0;
  double kind = 0;
  if (!call.Handle(0, &handle) ||
      !call.Number(1, "kind", 0, static_cast<double>(kLastKind), &kind)) {
    return nullptr;
  }
  const Kind which = static_cast<Kind>(static_cast<int>(kind));
  if (which != Kind::kDatabase) {
    std::shared_ptr<Object> object = call.env->registry.Share(handle, which);
    LoanGuard guard;
    if (object) guard = object->Guard();
    const bool was_open = call.env->registry.Remove(handle, which);
    object.reset();
    return MakeBoolean(raw, was_open);
  }
  auto* database = static_cast<DatabaseObject*>(call.env->registry.Find(handle, which));
  if (database != nullptr && (database->loan || database->store)) database->CloseUnseen();
  return MakeBoolean(raw, database != nullptr);
}

class CreateFamilyTask final : public Task {
 public:
  CreateFamilyTask(std::shared_ptr<DatabaseObject> database, FamilySpec spec)
      : database_(std::move(database)), spec_(std::move(spec)) {}
  Status Work() override { return database_->store->CreateFamily(spec_, &id_); }
  void Done(Env&) override { database_->families = database_->store->families(); }
  napi_value Result(napi_env raw) override { return MakeNumber(raw, id_); }

 private:
  const std::shared_ptr<DatabaseObject> database_;
  const FamilySpec spec_;
  uint32_t id_ = 0;
};

/** createFamily(database, family): Promise<number> */
napi_value CreateFamily(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  FamilySpec spec;
  if (database == nullptr || !ReadFamily(call, call.values[1], &spec)) return nullptr;
  if (OpenDatabase(call, 0) != database) return nullptr;
  const auto shared = database->shared_from_this();
  return Start(*call.env, shared, database->maintenance,
               std::make_unique<CreateFamilyTask>(shared, std::move(spec)));
}

class DropFamilyTask final : public Task {
 public:
  DropFamilyTask(Store* store, uint32_t id) : store_(store), id_(id) {}
  Status Work() override { return store_->DropFamily(id_); }

 private:
  Store* const store_;
  const uint32_t id_;
};

/** dropFamily(database, family): Promise<void> */
napi_value DropFamily(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  return Start(*call.env, database->shared_from_this(), database->maintenance,
               std::make_unique<DropFamilyTask>(database->store.get(), family->id));
}

/** cacheCreate(capacityBytes, shardBits, strict, highPriorityRatio): handle */
napi_value CacheCreate(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double capacity = 0;
  double shard_bits = 0;
  double ratio = 0;
  bool strict = false;
  if (!call.Number(0, "capacity", 0, 9007199254740991.0, &capacity) ||
      !call.Number(1, "shardBits", -1, 19, &shard_bits) || !call.Boolean(2, "strict", &strict)) {
    return nullptr;
  }
  if (napi_get_value_double(raw, call.values[3], &ratio) != napi_ok || !(ratio >= 0 && ratio <= 1)) {
    call.RangeError("highPriorityRatio must be a number from 0 to 1");
    return nullptr;
  }
  auto object = std::make_shared<CacheObject>();
  object->cache = rocksdb::NewLRUCache(static_cast<size_t>(capacity), static_cast<int>(shard_bits),
                                       strict, ratio);
  if (!object->cache) {
    call.StatusError(Status::InvalidArgument("RocksDB refused these options for a cache"));
    return nullptr;
  }
  return call.Keep(Kind::kCache, std::move(object));
}

/** cacheInfo(cache): [capacity, usage, pinnedUsage], in bytes */
napi_value CacheInfo(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  auto* object = call.Find<CacheObject>(0);
  if (object == nullptr) return nullptr;
  const size_t sizes[] = {object->cache->GetCapacity(), object->cache->GetUsage(),
                          object->cache->GetPinnedUsage()};
  napi_value result;
  napi_create_array_with_length(raw, 3, &result);
  for (uint32_t i = 0; i < 3; i++) {
    napi_set_element(raw, result, i, MakeNumber(raw, static_cast<double>(sizes[i])));
  }
  return result;
}

/** cacheSetCapacity(cache, capacityBytes) */
napi_value CacheSetCapacity(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  auto* object = call.Find<CacheObject>(0);
  double capacity = 0;
  if (object == nullptr || !call.Number(1, "capacity", 0, 9007199254740991.0, &capacity)) {
    return nullptr;
  }
  object->cache->SetCapacity(static_cast<size_t>(capacity));
  return nullptr;
}

class PathTask final : public Task {
 public:
  enum class What { kList, kDestroy, kRepair };
  PathTask(What what, std::string path) : what_(what), path_(std::move(path)) {}

  Status Work() override {
    if (what_ == What::kList) {
      return rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path_, &names_);
    }
    if (what_ == What::kRepair) return rocksdb::RepairDB(path_, rocksdb::Options());
    // Without its column families RocksDB would look for the default one only.
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    if (rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path_, &names_).ok()) {
      for (const std::string& name : names_) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
    return rocksdb::DestroyDB(path_, rocksdb::Options(), families);
  }

  napi_value Result(napi_env raw) override {
    if (what_ != What::kList) return MakeUndefined(raw);
    napi_value result;
    napi_create_array_with_length(raw, names_.size(), &result);
    for (size_t i = 0; i < names_.size(); i++) {
      napi_set_element(raw, result, static_cast<uint32_t>(i), MakeText(raw, names_[i]));
    }
    return result;
  }

 private:
  const What what_;
  const std::string path_;
  std::vector<std::string> names_;
};

template <PathTask::What what>
napi_value OnPath(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  std::string path;
  if (!call.Text(0, "path", &path)) return nullptr;
  if (path.empty() || path.find('\0') != std::string::npos) {
    call.RangeError("path must name a directory");
    return nullptr;
  }
  return Start(*call.env, nullptr, call.env->lane, std::make_unique<PathTask>(what, path));
}

}  // namespace

void AddDatabaseCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(),
                    {{"open", Promised<Open>},
                     {"close", Promised<Close>},
                     {"release", Release},
                     {"createFamily", Promised<CreateFamily>},
                     {"dropFamily", Promised<DropFamily>},
                     {"cacheCreate", CacheCreate},
                     {"cacheInfo", CacheInfo},
                     {"cacheSetCapacity", CacheSetCapacity},
                     {"listColumnFamilies", Promised<OnPath<PathTask::What::kList>>},
                     {"destroy", Promised<OnPath<PathTask::What::kDestroy>>},
                     {"repair", Promised<OnPath<PathTask::What::kRepair>>}});
}

}  // namespace kept
