// The memtable of hash_chains.h.
//
// An entry's memory: a pointer to the one before it in its bucket, then the entry as RocksDB writes it:
//
//   size:varint32  user key  number and type (8 bytes)  value size:varint32  value
//            size counts the user key and the 8 bytes behind it
//
// A bucket is one word: the newest entry of its chain, or a skip list with the lowest bit set, or 0.

#include "hash_chains.h"

#include <rocksdb/slice_transform.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "entry_memory.h"
#include "skip_list.h"

namespace kept {
namespace {

using rocksdb::MemTableRep;
using rocksdb::Slice;
using KeyComparator = MemTableRep::KeyComparator;

constexpr unsigned kChainMax = 16;
constexpr uintptr_t kListBit = 1;
/** What is gone through in order lies anywhere in memory: it is fetched so many steps ahead. */
constexpr size_t kBucketsAhead = 8;
constexpr size_t kEntriesAhead = 6;
constexpr size_t kLineBytes = 64;
constexpr size_t kLinkBytes = sizeof(const char*);

/** Entries lie at even addresses and are not aligned beyond that. */
const char* Before(const char* entry) {
  const char* before = nullptr;
  memcpy(&before, entry - kLinkBytes, kLinkBytes);
  return before;
}

void SetBefore(char* entry, const char* before) {
  memcpy(entry - kLinkBytes, &before, kLinkBytes);
}

uint64_t HashOf(const Slice& prefix) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15u;
  uint64_t hash = prefix.size();
  size_t at = 0;
  for (; at + 8 <= prefix.size(); at += 8) {
    uint64_t word = 0;
    memcpy(&word, prefix.data() + at, 8);
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 29;
  }
  uint64_t rest = 0;
  memcpy(&rest, prefix.data() + at, prefix.size() - at);
  hash = (hash ^ rest) * kFactor;
  hash = (hash ^ (hash >> 32)) * kFactor;
  return hash ^ (hash >> 29);
}

/** The first 16 bytes of a user key as numbers, so that most comparisons need no look at the key. */
struct Sortable {
  uint64_t first;
  uint64_t second;
  const char* entry;
};

uint64_t BigEndian(const char* bytes, size_t size) {
  unsigned char padded[8] = {};
  memcpy(padded, bytes, std::min<size_t>(size, 8));
  uint64_t number = 0;
  for (const unsigned char byte : padded) number = (number << 8) | byte;
  return number;
}

Sortable SortableOf(const char* entry, bool bytewise) {
  if (!bytewise) return {0, 0, entry};
  const Slice key = UserKeyOf(entry);
  const size_t rest = key.size() > 8 ? key.size() - 8 : 0;
  return {BigEndian(key.data(), key.size()), BigEndian(key.data() + (key.size() - rest), rest),
          entry};
}

class HashChains final : public MemTableRep {
 public:
  HashChains(const KeyComparator& compare, rocksdb::Allocator* allocator,
             const rocksdb::SliceTransform* prefix, size_t bucket_count, bool bytewise)
      : MemTableRep(allocator),
        compare_(compare),
        prefix_(prefix),
        bytewise_(bytewise),
        bucket_count_(bucket_count),
        buckets_(new std::atomic<uintptr_t>[bucket_count]()),
        lengths_(new uint8_t[bucket_count]()) {}

  rocksdb::KeyHandle Allocate(const size_t size, char** buffer) override {
    MemTableRep::Allocate(size + kLinkBytes + 1, buffer);
    *buffer += kLinkBytes;
    // Even, so that the lowest bit of its address can say that it is no list.
    *buffer += reinterpret_cast<uintptr_t>(*buffer) & kListBit;
    return *buffer;
  }

  void Insert(rocksdb::KeyHandle handle) override {
    char* entry = static_cast<char*>(handle);
    const size_t index = BucketOf(UserKeyOf(entry));
    std::atomic<uintptr_t>& bucket = buckets_[index];
    const uintptr_t held = bucket.load(std::memory_order_relaxed);
    if ((held & kListBit) != 0) {
      AddToList(ListOf(held), entry);
    } else if (lengths_[index] < kChainMax) {
      lengths_[index]++;
      SetBefore(entry, ChainOf(held));
      bucket.store(reinterpret_cast<uintptr_t>(entry), std::memory_order_release);
    } else {
      EntrySkipList* list = NewList();
      for (const char* each = ChainOf(held); each != nullptr; each = Before(each)) {
        AddToList(list, each);
      }
      AddToList(list, entry);
      bucket.store(reinterpret_cast<uintptr_t>(list) | kListBit, std::memory_order_release);
    }
  }

  bool Contains(const char* entry) const override {
    const uintptr_t held = Held(UserKeyOf(entry));
    if ((held & kListBit) != 0) {
      const EntrySkipList::Node* found = ListOf(held)->FirstAfter(
          [&](const EntrySkipList::Node* node) { return compare_(node->entry, entry) < 0; });
      return found != nullptr && compare_(found->entry, entry) == 0;
    }
    for (const char* each = ChainOf(held); each != nullptr; each = Before(each)) {
      if (compare_(each, entry) == 0) return true;
    }
    return false;
  }

  size_t ApproximateMemoryUsage() override {
    return bucket_count_ * (sizeof(uintptr_t) + sizeof(uint8_t));
  }

  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*callback)(void*, const char*)) override;
  Iterator* GetIterator(rocksdb::Arena* arena) override;
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override;

  const KeyComparator& compare() const { return compare_; }

  uintptr_t Held(const Slice& user_key) const {
    return buckets_[BucketOf(user_key)].load(std::memory_order_acquire);
  }

  static const char* ChainOf(uintptr_t held) { return reinterpret_cast<const char*>(held); }
  static EntrySkipList* ListOf(uintptr_t held) {
    return reinterpret_cast<EntrySkipList*>(held & ~kListBit);
  }

  /**
   * All entries in order. Those of one prefix are in one bucket and follow each other in the order, so each
   * bucket is sorted while it is near, and then only their runs have to be put in order.
   */
  std::vector<const char*> Sorted() const {
    std::vector<Sortable> found;
    std::vector<Run> runs;
    for (size_t index = 0; index < bucket_count_; index++) {
      if (index + kBucketsAhead < bucket_count_) Fetch(buckets_[index + kBucketsAhead]);
      const size_t from = found.size();
      AddBucket(buckets_[index].load(std::memory_order_acquire), &found);
      Sort(found.begin() + static_cast<ptrdiff_t>(from), found.end());
      AddRuns(found, from, &runs);
    }
    std::sort(runs.begin(), runs.end(), [&](const Run& a, const Run& b) {
      return IsBefore(found[a.from], found[b.from]);
    });
    if (!AreInOrder(found, runs)) {
      Sort(found.begin(), found.end());
      runs.assign(1, {0, found.size()});
    }
    std::vector<const char*> entries;
    entries.reserve(found.size());
    for (const Run& run : runs) {
      for (size_t index = run.from; index < run.to; index++) entries.push_back(found[index].entry);
    }
    return entries;
  }

 private:
  /** Of entries with one prefix: from the first to before `to`. */
  struct Run {
    size_t from;
    size_t to;
  };
  using Place = std::vector<Sortable>::iterator;

  bool IsBefore(const Sortable& a, const Sortable& b) const {
    if (a.first != b.first) return a.first < b.first;
    if (a.second != b.second) return a.second < b.second;
    return compare_(a.entry, b.entry) < 0;
  }

  void Sort(Place from, Place to) const {
    std::sort(from, to, [this](const Sortable& a, const Sortable& b) { return IsBefore(a, b); });
  }

  /** Has the newest entry of a chain brought near. */
  static void Fetch(const std::atomic<uintptr_t>& bucket) {
    const uintptr_t held = bucket.load(std::memory_order_acquire);
    if (held != 0) __builtin_prefetch(reinterpret_cast<const char*>(held & ~kListBit) - kLinkBytes);
  }

  void AddBucket(uintptr_t held, std::vector<Sortable>* found) const {
    if ((held & kListBit) == 0) {
      for (const char* each = ChainOf(held); each != nullptr; each = Before(each)) {
        found->push_back(SortableOf(each, bytewise_));
      }
      return;
    }
    const EntrySkipList::Node* node = ListOf(held)->First();
    for (; node != nullptr; node = EntrySkipList::Next(node)) {
      found->push_back(SortableOf(node->entry, bytewise_));
    }
  }

  /** Cuts what a bucket has added where the prefix changes. */
  void AddRuns(const std::vector<Sortable>& found, size_t from, std::vector<Run>* runs) const {
    if (from == found.size()) return;
    Slice prefix = PrefixOf(found[from]);
    size_t start = from;
    for (size_t index = from + 1; index < found.size(); index++) {
      const Slice next = PrefixOf(found[index]);
      if (next == prefix) continue;
      runs->push_back({start, index});
      start = index;
      prefix = next;
    }
    runs->push_back({start, found.size()});
  }

  Slice PrefixOf(const Sortable& sortable) const {
    return prefix_->Transform(UserKeyOf(sortable.entry));
  }

  /** Not so where what the extractor takes is not the front of a key. */
  bool AreInOrder(const std::vector<Sortable>& found, const std::vector<Run>& runs) const {
    for (size_t index = 1; index < runs.size(); index++) {
      if (!IsBefore(found[runs[index - 1].to - 1], found[runs[index].from])) return false;
    }
    return true;
  }

  size_t BucketOf(const Slice& user_key) const {
    const uint64_t hash = HashOf(prefix_->Transform(user_key)) >> 32;
    return static_cast<size_t>((hash * bucket_count_) >> 32);
  }

  void* AllocateAligned(size_t size) { return Borrowed(allocator_).Take(size); }

  EntrySkipList* NewList() {
    void* head = AllocateAligned(EntrySkipList::NodeBytes(EntrySkipList::kHeightMax));
    return new (AllocateAligned(sizeof(EntrySkipList))) EntrySkipList(compare_, head);
  }

  void AddToList(EntrySkipList* list, const char* entry) {
    const int height = list->DrawHeight();
    list->Insert(entry, AllocateAligned(EntrySkipList::NodeBytes(height)), height);
  }

  const KeyComparator& compare_;
  const rocksdb::SliceTransform* const prefix_;
  const bool bytewise_;
  const size_t bucket_count_;
  const std::unique_ptr<std::atomic<uintptr_t>[]> buckets_;
  /** Entries of each chain, for the writer alone. */
  const std::unique_ptr<uint8_t[]> lengths_;
};

/** Keeps to one bucket: that of the key sought last. */
class BucketIterator : public MemTableRep::Iterator {
 public:
  explicit BucketIterator(const HashChains& memtable) : memtable_(memtable) {}

  bool Valid() const override { return entry_ != nullptr; }
  const char* key() const override { return entry_; }

  void Seek(const Slice& internal_key, const char*) override {
    Enter(internal_key);
    const KeyComparator& compare = memtable_.compare();
    const auto is_before = [&](const char* entry) { return compare(entry, internal_key) < 0; };
    if (list_ == nullptr) {
      FirstInChain([&](const char* entry) { return !is_before(entry); });
    } else {
      StandAt(list_->FirstAfter([&](const Node* node) { return is_before(node->entry); }));
    }
  }

  void SeekForPrev(const Slice& internal_key, const char*) override {
    Enter(internal_key);
    const KeyComparator& compare = memtable_.compare();
    const auto is_behind = [&](const char* entry) { return compare(entry, internal_key) > 0; };
    if (list_ == nullptr) {
      LastInChain([&](const char* entry) { return !is_behind(entry); });
    } else {
      StandAt(list_->LastBefore([&](const Node* node) { return !is_behind(node->entry); }));
    }
  }

  void Next() override {
    if (list_ != nullptr) {
      StandAt(EntrySkipList::Next(node_));
      return;
    }
    const char* from = entry_;
    FirstInChain([&](const char* entry) { return memtable_.compare()(entry, from) > 0; });
  }

  void Prev() override {
    const char* from = entry_;
    const KeyComparator& compare = memtable_.compare();
    if (list_ == nullptr) {
      LastInChain([&](const char* entry) { return compare(entry, from) < 0; });
    } else {
      StandAt(list_->LastBefore([&](const Node* node) { return compare(node->entry, from) < 0; }));
    }
  }

  void SeekToFirst() override { entry_ = nullptr; }
  void SeekToLast() override { entry_ = nullptr; }

 private:
  using Node = EntrySkipList::Node;

  void Enter(const Slice& internal_key) {
    const Slice user_key(internal_key.data(), internal_key.size() - kTrailerBytes);
    const uintptr_t held = memtable_.Held(user_key);
    const bool is_list = (held & kListBit) != 0;
    list_ = is_list ? HashChains::ListOf(held) : nullptr;
    chain_ = is_list ? nullptr : HashChains::ChainOf(held);
  }

  void StandAt(const Node* node) {
    node_ = node;
    entry_ = node == nullptr ? nullptr : node->entry;
  }

  template <class Suits>
  void FirstInChain(Suits suits) {
    const char* found = nullptr;
    for (const char* each = chain_; each != nullptr; each = Before(each)) {
      if (!suits(each)) continue;
      if (found == nullptr || memtable_.compare()(each, found) < 0) found = each;
    }
    entry_ = found;
  }

  template <class Suits>
  void LastInChain(Suits suits) {
    const char* found = nullptr;
    for (const char* each = chain_; each != nullptr; each = Before(each)) {
      if (!suits(each)) continue;
      if (found == nullptr || memtable_.compare()(each, found) > 0) found = each;
    }
    entry_ = found;
  }

  const HashChains& memtable_;
  /** What the bucket held when it was entered: one of the two, or neither. */
  const char* chain_ = nullptr;
  const EntrySkipList* list_ = nullptr;
  const Node* node_ = nullptr;
  const char* entry_ = nullptr;
};

/** Goes over everything, in order, as it was when it was first sought in. */
class WholeIterator final : public MemTableRep::Iterator {
 public:
  explicit WholeIterator(const HashChains& memtable) : memtable_(memtable) {}

  bool Valid() const override { return at_ < entries_.size(); }
  const char* key() const override { return entries_[at_]; }
  void Next() override {
    at_++;
    if (at_ + kEntriesAhead < entries_.size()) {
      __builtin_prefetch(entries_[at_ + kEntriesAhead]);
      __builtin_prefetch(entries_[at_ + kEntriesAhead] + kLineBytes);
    }
  }
  void Prev() override { at_ = at_ == 0 ? entries_.size() : at_ - 1; }

  void Seek(const Slice& internal_key, const char*) override {
    Sort();
    at_ = FirstFor([&](const char* entry) { return memtable_.compare()(entry, internal_key) < 0; });
  }

  void SeekForPrev(const Slice& internal_key, const char*) override {
    Sort();
    at_ = FirstFor([&](const char* entry) { return memtable_.compare()(entry, internal_key) <= 0; });
    Prev();
  }

  void SeekToFirst() override {
    Sort();
    at_ = 0;
  }

  void SeekToLast() override {
    Sort();
    at_ = entries_.size();
    Prev();
  }

 private:
  void Sort() {
    if (is_sorted_) return;
    entries_ = memtable_.Sorted();
    is_sorted_ = true;
  }

  /** The place of the first entry that `is_before` does not hold for. */
  template <class IsBefore>
  size_t FirstFor(IsBefore is_before) const {
    const auto found = std::partition_point(entries_.begin(), entries_.end(), is_before);
    return static_cast<size_t>(found - entries_.begin());
  }

  const HashChains& memtable_;
  std::vector<const char*> entries_;
  bool is_sorted_ = false;
  size_t at_ = 0;
};

MemTableRep::Iterator* HashChains::GetIterator(rocksdb::Arena* arena) {
  return MakeIn<WholeIterator>(arena, *this);
}

/** On the stack of a look-up: RocksDB 7.8 forgets to delete what it asked for, others may not. */
class LookUpIterator final : public BucketIterator {
 public:
  using BucketIterator::BucketIterator;
  static void operator delete(void*) {}
};

thread_local LookUpIterator* look_up = nullptr;

/** What a LookupKey holds is RocksDB's secret: its own Get passes it on to the iterator it asks for. */
void HashChains::Get(const rocksdb::LookupKey& key, void* argument,
                     bool (*callback)(void*, const char*)) {
  alignas(LookUpIterator) char place[sizeof(LookUpIterator)];
  look_up = new (place) LookUpIterator(*this);
  MemTableRep::Get(key, argument, callback);
  look_up = nullptr;
}

MemTableRep::Iterator* HashChains::GetDynamicPrefixIterator(rocksdb::Arena* arena) {
  if (arena == nullptr && look_up != nullptr) return std::exchange(look_up, nullptr);
  return MakeIn<BucketIterator>(arena, *this);
}

class Factory final : public rocksdb::MemTableRepFactory {
 public:
  Factory(size_t bucket_count, bool bytewise)
      : bucket_count_(bucket_count), bytewise_(bytewise) {}

  const char* Name() const override { return kHashChainsName; }

  using MemTableRepFactory::CreateMemTableRep;
  MemTableRep* CreateMemTableRep(const KeyComparator& compare, rocksdb::Allocator* allocator,
                                 const rocksdb::SliceTransform* prefix,
                                 rocksdb::Logger*) override {
    return new HashChains(compare, allocator, prefix, bucket_count_, bytewise_);
  }

 private:
  const size_t bucket_count_;
  const bool bytewise_;
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewHashChains(size_t bucket_count, bool bytewise) {
  return std::make_shared<Factory>(bucket_count, bytewise);
}

}  // namespace kept
