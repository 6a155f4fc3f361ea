// A cursor that hands out many entries in one call. It stays on the entry it gave last and moves on
// when it is asked again: a read that needs ten entries from the block cache must not fail because
// the eleventh would need the disk.

#pragma once

#include <rocksdb/db.h>

#include <algorithm>
#include <cstdint>

#include "objects.h"

namespace kept {

constexpr uint32_t kStepReverse = 1;
constexpr uint32_t kStepKeysOnly = 2;
constexpr uint32_t kStepFlagsMask = 3;

enum class IteratorState { kMore = 0, kEnd = 1, kIncomplete = 2 };

class IteratorObject final : public Child {
 public:
  static constexpr Kind kKind = Kind::kIterator;
  static constexpr const char* kClosed = "the iterator is closed";

  IteratorObject(std::shared_ptr<DatabaseObject> owner, const Family* of)
      : Child(std::move(owner)), family(of) {}
  ~IteratorObject() override { Invalidate(); }
  void Invalidate() override {
    iterator.reset();
    snapshot.reset();
    batch.reset();
  }

  /** How an entry leaves: called with key and value; false means there is no room for it. */
  template <class Take>
  rocksdb::Status Step(size_t entries_max, bool reverse, Take take);
  rocksdb::Status Seek(int how, const rocksdb::Slice& target);
  rocksdb::Status Settle();
  /** On an entry within the bounds. RocksDB clips its own entries, but not all of a batch's. */
  bool Live() const;

  const Family* const family;
  std::unique_ptr<rocksdb::Iterator> iterator;
  rocksdb::ReadOptions options;
  std::string lower;
  std::string upper;
  rocksdb::Slice lower_slice;
  rocksdb::Slice upper_slice;
  std::shared_ptr<SnapshotObject> snapshot;
  /** The indexed batch merged into this iterator, and how often it had changed at its making. */
  std::shared_ptr<Object> batch;
  const uint64_t* batch_changes = nullptr;
  uint64_t changes_seen = 0;
  IteratorState state = IteratorState::kEnd;
  /** How much of each value leaves. */
  size_t value_bytes_max = SIZE_MAX;
  bool positioned = false;
  bool taken = false;
  bool busy = false;
};

template <class Take>
rocksdb::Status IteratorObject::Step(size_t entries_max, bool reverse, Take take) {
  if (!positioned) return rocksdb::Status::InvalidArgument("seek before the first step");
  for (size_t taken_now = 0; taken_now < entries_max; taken_now++) {
    if (taken && Live()) {
      if (reverse) {
        iterator->Prev();
      } else {
        iterator->Next();
      }
      taken = false;
    }
    if (!Live()) break;
    const rocksdb::Slice value = iterator->value();
    const size_t shown = std::min(value.size(), value_bytes_max);
    if (!take(iterator->key(), rocksdb::Slice(value.data(), shown))) break;
    taken = true;
  }
  return Settle();
}

}  // namespace kept
