// The calls of an iterator: make, seek, take entries packed or as strings, here or on a thread.

#include <cstring>

#include "../core/representation.h"
#include "batch.h"
#include "calls.h"
#include "iterator.h"

namespace kept {

using rocksdb::Slice;
using rocksdb::Status;

bool IteratorObject::Live() const {
  if (!iterator->Valid()) return false;
  if (!batch) return true;
  const rocksdb::Comparator* comparator = family->traits.comparator;
  const Slice key = iterator->key();
  if (options.iterate_lower_bound != nullptr && comparator->Compare(key, lower_slice) < 0) {
    return false;
  }
  return options.iterate_upper_bound == nullptr || comparator->Compare(key, upper_slice) < 0;
}

Status IteratorObject::Settle() {
  if (Live()) {
    state = IteratorState::kMore;
    return Status::OK();
  }
  taken = false;
  const Status status = iterator->status();
  if (status.IsIncomplete()) {
    state = IteratorState::kIncomplete;
    return Status::OK();
  }
  state = IteratorState::kEnd;
  return status;
}

Status IteratorObject::Seek(int how, const Slice& given) {
  Slice target = given;
  if (batch) {
    const rocksdb::Comparator* comparator = family->traits.comparator;
    const bool forward = how == 0 || how == 2;
    const Slice* bound = forward ? options.iterate_lower_bound : options.iterate_upper_bound;
    if (bound != nullptr) {
      const int order = how < 2 ? -1 : comparator->Compare(target, *bound);
      if (how < 2 || (forward ? order < 0 : order > 0)) {
        how = forward ? 2 : 3;
        target = *bound;
      }
    }
  }
  if (how >= 2 && !options.total_order_seek) {
    const Status status = CheckKey(family->traits, target);
    if (!status.ok()) return status;
  }
  positioned = true;
  taken = false;
  switch (how) {
    case 0:
      iterator->SeekToFirst();
      break;
    case 1:
      iterator->SeekToLast();
      break;
    case 2:
      iterator->Seek(target);
      break;
    default:
      iterator->SeekForPrev(target);
      // The upper bound itself is outside.
      if (batch && iterator->Valid() && !Live()) iterator->Prev();
      break;
  }
  return Settle();
}

namespace {

constexpr size_t kEntryHeader = 8;

void PutLength(char* at, size_t length) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<char>(length >> (8 * i));
}

/** The iterator of argument 0 if it may be used now, or null with an exception pending. */
IteratorObject* UsableIterator(const Call& call) {
  auto* object = call.Find<IteratorObject>(0);
  if (object == nullptr) return nullptr;
  call.guard = object->database->Guard();
  if (object->database->closing() || !object->iterator) {
    call.StateError("ERR_ROCKSDB_CLOSED", DatabaseObject::kClosed);
    return nullptr;
  }
  if (object->busy) {
    call.StateError("ERR_ROCKSDB_BUSY", "the iterator is in use by an asynchronous step");
    return nullptr;
  }
  if (object->batch_changes != nullptr && *object->batch_changes != object->changes_seen) {
    call.StateError("ERR_ROCKSDB_STALE", "the batch has changed since this iterator was made");
    return nullptr;
  }
  return object;
}

napi_value StateOrError(const Call& call, const IteratorObject* object, const Status& status) {
  if (status.ok()) return MakeNumber(call.raw, static_cast<double>(object->state));
  call.StatusError(status);
  return nullptr;
}

/**
 * iteratorCreate(database, family, lower, upper, readTier, snapshot, flags, readaheadBytes, batch,
 * valueBytesMax): handle; batch is 0 or an indexed batch to be laid over the database; valueBytesMax
 * is -1 for whole values
 * flags: 1 total order, 2 prefix same as start, 4 do not fill the cache, 8 pin data, 16 keep
 * verification of checksums off
 */
napi_value IteratorCreate(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = ReadableDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  auto object = std::make_shared<IteratorObject>(database->shared_from_this(), family);
  BytesArgument lower;
  BytesArgument upper;
  bool has_lower = false;
  bool has_upper = false;
  double flags = 0;
  double readahead = 0;
  double value_bytes_max = -1;
  rocksdb::ReadOptions& options = object->options;
  if (!call.OptionalBytes(2, "lowerBound", &lower, &has_lower) ||
      !call.OptionalBytes(3, "upperBound", &upper, &has_upper) ||
      !ReadTierAndSnapshot(call, 4, database, &options, &object->snapshot) ||
      !call.Number(6, "flags", 0, 31, &flags) ||
      !call.Number(7, "readahead", 0, 1 << 30, &readahead) ||
      !call.Number(9, "valueBytesMax", -1, 1 << 30, &value_bytes_max)) {
    return nullptr;
  }
  if (value_bytes_max >= 0) object->value_bytes_max = static_cast<size_t>(value_bytes_max);
  if (has_lower) {
    object->lower = lower.slice.ToString();
    object->lower_slice = object->lower;
    options.iterate_lower_bound = &object->lower_slice;
  }
  if (has_upper) {
    object->upper = upper.slice.ToString();
    object->upper_slice = object->upper;
    options.iterate_upper_bound = &object->upper_slice;
  }
  const auto bits = static_cast<uint32_t>(flags);
  options.total_order_seek = (bits & 1) != 0;
  options.prefix_same_as_start = (bits & 2) != 0;
  options.fill_cache = (bits & 4) == 0;
  options.pin_data = (bits & 8) != 0;
  options.verify_checksums = (bits & 16) == 0;
  options.readahead_size = static_cast<size_t>(readahead);
  // Otherwise the loop would delete obsolete files when it lets go of an iterator.
  options.background_purge_on_iterator_cleanup = true;
  object->iterator.reset(database->store->db()->NewIterator(options, family->handle));
  const Status status = object->iterator->status();
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  double batch = 0;
  if (!call.Handle(8, &batch) || (batch != 0 && !MergeBatch(call, 8, object.get()))) return nullptr;
  return call.Keep(Kind::kIterator, std::move(object));
}

bool ReadSeek(const Call& call, double* how, BytesArgument* target) {
  if (!call.Number(1, "how", 0, 3, how)) return false;
  return *how < 2 || call.Bytes(2, "key", target);
}

/** iteratorSeek(iterator, how, key): state. how: 0 first, 1 last, 2 at or after, 3 at or before */
napi_value IteratorSeek(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  IteratorObject* object = UsableIterator(call);
  double how = 0;
  BytesArgument target;
  if (object == nullptr || !ReadSeek(call, &how, &target)) return nullptr;
  return StateOrError(call, object, object->Seek(static_cast<int>(how), target.slice));
}

struct StepArguments {
  size_t entries_max = 0;
  size_t bytes_max = 0;
  bool reverse = false;
  bool keys_only = false;
};

bool ReadStep(const Call& call, size_t at, StepArguments* step) {
  double entries = 0;
  double flags = 0;
  if (!call.Number(at, "maxEntries", 0, 1 << 24, &entries) ||
      !call.Number(at + 1, "flags", 0, kStepFlagsMask, &flags)) {
    return false;
  }
  step->entries_max = static_cast<size_t>(entries);
  step->reverse = (static_cast<uint32_t>(flags) & kStepReverse) != 0;
  step->keys_only = (static_cast<uint32_t>(flags) & kStepKeysOnly) != 0;
  return true;
}

/**
 * iteratorNext(iterator, target, maxEntries, flags): entries packed, times 4, plus the state; or
 * minus the bytes the first entry needs when even that one does not fit.
 */
napi_value IteratorNext(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  IteratorObject* object = UsableIterator(call);
  char* target = nullptr;
  size_t size = 0;
  StepArguments step;
  if (object == nullptr || !call.Array(1, "target", &target, &size) || !ReadStep(call, 2, &step)) {
    return nullptr;
  }
  size_t used = 0;
  size_t entries = 0;
  size_t needed = 0;
  const auto take = [&](const Slice& key, const Slice& value) {
    const size_t value_size = step.keys_only ? 0 : value.size();
    const size_t length = kEntryHeader + key.size() + value_size;
    if (length > size - used) {
      needed = length;
      return false;
    }
    PutLength(target + used, key.size());
    PutLength(target + used + 4, value_size);
    memcpy(target + used + kEntryHeader, key.data(), key.size());
    memcpy(target + used + kEntryHeader + key.size(), value.data(), value_size);
    used += length;
    entries++;
    return true;
  };
  const Status status = object->Step(step.entries_max, step.reverse, take);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  if (entries == 0 && needed > 0) return MakeNumber(raw, -static_cast<double>(needed));
  return MakeNumber(raw, static_cast<double>(entries * 4) + static_cast<double>(object->state));
}

/** The entries of a step as lengths and one run of bytes, to be turned into strings on the loop. */
struct Packed {
  std::vector<size_t> lengths;
  std::string bytes;

  Status Fill(IteratorObject* object, const StepArguments& step) {
    return object->Step(step.entries_max, step.reverse, [&](const Slice& key, const Slice& value) {
      const size_t length = key.size() + (step.keys_only ? 0 : value.size());
      // At least one entry, so that a limit below its size does not mean standing still.
      if (!lengths.empty() && bytes.size() + length > step.bytes_max) return false;
      Add(key);
      if (!step.keys_only) Add(value);
      return true;
    });
  }

  void Add(const Slice& part) {
    lengths.push_back(part.size());
    bytes.append(part.data(), part.size());
  }

  napi_value Make(napi_env raw, IteratorState state) const {
    napi_value result;
    napi_create_array_with_length(raw, lengths.size() + 1, &result);
    size_t at = 0;
    uint32_t index = 0;
    for (const size_t length : lengths) {
      napi_handle_scope scope;
      napi_open_handle_scope(raw, &scope);
      napi_value text = MakeLatin1(raw, Slice(bytes.data() + at, length));
      if (text != nullptr) napi_set_element(raw, result, index++, text);
      napi_close_handle_scope(raw, scope);
      if (text == nullptr) return nullptr;
      at += length;
    }
    napi_set_element(raw, result, index, MakeNumber(raw, static_cast<double>(state)));
    return result;
  }
};

bool ReadBinaryStep(const Call& call, StepArguments* step) {
  double bytes = 0;
  if (!ReadStep(call, 1, step) || !call.Number(3, "maxBytes", 0, 9007199254740991.0, &bytes)) {
    return false;
  }
  step->bytes_max = static_cast<size_t>(bytes);
  return true;
}

/** iteratorNextBinary(iterator, maxEntries, flags, maxBytes): [key, value..., state] */
napi_value IteratorNextBinary(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  IteratorObject* object = UsableIterator(call);
  StepArguments step;
  if (object == nullptr || !ReadBinaryStep(call, &step)) return nullptr;
  Packed packed;
  const Status status = packed.Fill(object, step);
  if (!status.ok()) {
    call.StatusError(status);
    return nullptr;
  }
  return packed.Make(raw, object->state);
}

/** A seek, if one was asked for, and then a step. Nobody else may touch the iterator meanwhile. */
class StepTask final : public Task {
 public:
  explicit StepTask(std::shared_ptr<IteratorObject> object) : object_(std::move(object)) {
    object_->busy = true;
  }

  Status Work() override {
    if (seek >= 0) {
      const Status sought = object_->Seek(seek, target);
      if (!sought.ok()) return sought;
    }
    if (step.entries_max == 0) return Status::OK();
    return packed_.Fill(object_.get(), step);
  }

  void Done(Env&) override { object_->busy = false; }

  napi_value Result(napi_env raw) override { return packed_.Make(raw, object_->state); }

  StepArguments step;
  int seek = -1;
  std::string target;

 private:
  const std::shared_ptr<IteratorObject> object_;
  Packed packed_;
};

/**
 * iteratorStepAsync(iterator, maxEntries, flags, maxBytes, how, key): Promise of the same as
 * iteratorNextBinary; how is -1 for no seek before the step.
 */
napi_value IteratorStepAsync(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  IteratorObject* object = UsableIterator(call);
  StepArguments step;
  double how = 0;
  BytesArgument target;
  if (object == nullptr || !ReadBinaryStep(call, &step) ||
      !call.Number(4, "how", -1, 3, &how) || (how >= 2 && !call.Bytes(5, "key", &target))) {
    return nullptr;
  }
  if (object->batch || object->database->loan) {
    call.StatusError(Status::NotSupported(
        "an iterator over a batch, or over what is borrowed, steps on the event loop only"));
    return nullptr;
  }
  auto task = std::make_unique<StepTask>(call.Share<IteratorObject>(0));
  task->step = step;
  task->seek = static_cast<int>(how);
  if (how >= 2) task->target = target.slice.ToString();
  return Start(*call.env, object->database, object->database->reads, std::move(task));
}

}  // namespace

void AddIteratorCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"iteratorCreate", IteratorCreate},
                                       {"iteratorSeek", IteratorSeek},
                                       {"iteratorNext", IteratorNext},
                                       {"iteratorNextBinary", IteratorNextBinary},
                                       {"iteratorStepAsync", Promised<IteratorStepAsync>}});
}

}  // namespace kept
