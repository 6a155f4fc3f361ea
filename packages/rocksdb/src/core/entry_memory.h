// What our memtables share: how an entry is read, and how the memory of a memtable is had.

#pragma once

#include <rocksdb/memtablerep.h>
#include <rocksdb/slice.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace kept {

/** Number and type of an entry, behind the user key. */
inline constexpr size_t kTrailerBytes = 8;

/** Of an entry as RocksDB writes it: size:varint32, user key, number and type, value. */
inline rocksdb::Slice UserKeyOf(const char* entry) {
  const rocksdb::Slice internal_key = rocksdb::GetLengthPrefixedSlice(entry);
  return rocksdb::Slice(internal_key.data(), internal_key.size() - kTrailerBytes);
}

/** Memory of an allocator, as only a MemTableRep may ask for it. */
class Borrowed final : public rocksdb::MemTableRep {
 public:
  using MemTableRep::MemTableRep;

  void* Take(size_t size) {
    char* memory = nullptr;
    MemTableRep::Allocate(size + alignof(std::max_align_t), &memory);
    const uintptr_t at = reinterpret_cast<uintptr_t>(memory) + alignof(std::max_align_t) - 1;
    return reinterpret_cast<void*>(at & ~uintptr_t{alignof(std::max_align_t) - 1});
  }

  void Insert(rocksdb::KeyHandle) override {}
  bool Contains(const char*) const override { return false; }
  size_t ApproximateMemoryUsage() override { return 0; }
  Iterator* GetIterator(rocksdb::Arena*) override { return nullptr; }
};

/**
 * RocksDB destroys what it gave an arena for and does not delete it. It keeps the class Arena to itself;
 * that an Arena is an Allocator, it says in its own memtables by using one as the other.
 */
template <class Made, class... Arguments>
rocksdb::MemTableRep::Iterator* MakeIn(rocksdb::Arena* arena, Arguments&&... arguments) {
  if (arena == nullptr) return new Made(std::forward<Arguments>(arguments)...);
  Borrowed borrowed(reinterpret_cast<rocksdb::Allocator*>(arena));
  return new (borrowed.Take(sizeof(Made))) Made(std::forward<Arguments>(arguments)...);
}

}  // namespace kept
