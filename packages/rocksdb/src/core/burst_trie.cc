// The memtable of burst_trie.h.
//
// A node is one word: 0 for none, or an address whose lowest bits say what is there: a leaf, a branch,
// or a skip list of the versions of one key.
//
// A key is read as symbols: 0 is its end, and each byte gives two, of the high and the low half, 1 to 16.
// So texts and their symbols have one order, and a key that another begins with comes before it.

#include "burst_trie.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "entry_memory.h"
#include "skip_list.h"

namespace kept {
namespace {

using rocksdb::MemTableRep;
using rocksdb::Slice;
using KeyComparator = MemTableRep::KeyComparator;

constexpr uint32_t kLeafFirst = 4;
constexpr uint32_t kLeafMax = 16;
constexpr int kSymbols = 17;
constexpr size_t kSlabBytes = 8192;
constexpr size_t kSame = std::numeric_limits<size_t>::max();

using Word = uintptr_t;
using Slot = std::atomic<Word>;
constexpr Word kKindMask = 3;
constexpr Word kLeafKind = 0;
constexpr Word kBranchKind = 1;
constexpr Word kListKind = 2;

/** Entries in the order they came. Only `count` and what is behind it ever change. */
struct Leaf {
  std::atomic<uint32_t> count;
  uint32_t capacity;
  const char* entries[1];
};

struct Branch {
  /** The symbol by which the keys below differ: the first such. */
  size_t at;
  /** One of the entries below: all have its symbols before `at`. */
  const char* sample;
  Slot children[kSymbols];
};

struct List {
  List(const KeyComparator& compare, void* head, const char* first)
      : entries(compare, head), sample(first) {}
  EntrySkipList entries;
  const char* sample;
};

Word KindOf(Word word) { return word & kKindMask; }
Leaf* LeafOf(Word word) { return reinterpret_cast<Leaf*>(word); }
Branch* BranchOf(Word word) { return reinterpret_cast<Branch*>(word & ~kKindMask); }
List* ListOf(Word word) { return reinterpret_cast<List*>(word & ~kKindMask); }

int SymbolAt(const Slice& key, size_t at) {
  const size_t byte = at / 2;
  if (byte >= key.size()) return 0;
  const auto value = static_cast<unsigned char>(key[byte]);
  return 1 + (at % 2 == 0 ? value >> 4 : value & 15);
}

/** The first symbol in which two keys differ, which is not before `from`; kSame if there is none. */
size_t FirstDifference(const Slice& a, const Slice& b, size_t from) {
  const size_t shorter = std::min(a.size(), b.size());
  for (size_t byte = from / 2; byte < shorter; byte++) {
    if (a[byte] == b[byte]) continue;
    const auto differing = static_cast<unsigned char>(a[byte] ^ b[byte]);
    return byte * 2 + ((differing >> 4) == 0 ? 1 : 0);
  }
  return a.size() == b.size() ? kSame : shorter * 2;
}

class BurstTrie final : public MemTableRep {
 public:
  BurstTrie(const KeyComparator& compare, rocksdb::Allocator* allocator)
      : MemTableRep(allocator), compare_(compare) {}

  void Insert(rocksdb::KeyHandle handle) override {
    const char* entry = static_cast<const char*>(handle);
    const Slice key = UserKeyOf(entry);
    Slot* slot = &root_;
    // All keys below the slot have the symbols of the new one before it.
    size_t from = 0;
    for (;;) {
      const Word word = slot->load(std::memory_order_relaxed);
      if (word == 0) {
        Publish(slot, NewLeaf(entry));
        return;
      }
      if (KindOf(word) == kLeafKind) {
        AddToLeaf(slot, LeafOf(word), entry, from);
        return;
      }
      if (KindOf(word) == kListKind) {
        AddBesideList(slot, word, entry, from);
        return;
      }
      Branch* branch = BranchOf(word);
      if (branch->at > from) {
        const size_t differs = FirstDifference(UserKeyOf(branch->sample), key, from);
        if (differs < branch->at) {
          Fork(slot, word, branch->sample, entry, differs);
          return;
        }
      }
      slot = &branch->children[SymbolAt(key, branch->at)];
      from = branch->at + 1;
    }
  }

  bool Contains(const char* entry) const override;
  size_t ApproximateMemoryUsage() override { return 0; }
  void Get(const rocksdb::LookupKey& key, void* argument,
           bool (*callback)(void*, const char*)) override;
  Iterator* GetIterator(rocksdb::Arena* arena) override;
  Iterator* GetDynamicPrefixIterator(rocksdb::Arena* arena) override;

  const KeyComparator& compare() const { return compare_; }
  Word root() const { return root_.load(std::memory_order_acquire); }

 private:
  static void Publish(Slot* slot, Word word) { slot->store(word, std::memory_order_release); }

  /** Aligned for whatever a node holds. */
  void* Take(size_t size) {
    size = (size + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);
    if (size > slab_left_) {
      slab_ = static_cast<char*>(Borrowed(allocator_).Take(kSlabBytes));
      slab_left_ = kSlabBytes;
    }
    char* taken = slab_;
    slab_ += size;
    slab_left_ -= size;
    return taken;
  }

  Leaf* EmptyLeaf(uint32_t capacity) {
    Leaf* leaf = static_cast<Leaf*>(Take(sizeof(Leaf) + (capacity - 1) * sizeof(const char*)));
    new (&leaf->count) std::atomic<uint32_t>(0);
    leaf->capacity = capacity;
    return leaf;
  }

  Word NewLeaf(const char* entry) {
    Leaf* leaf = EmptyLeaf(kLeafFirst);
    Append(leaf, entry);
    return reinterpret_cast<Word>(leaf);
  }

  static void Append(Leaf* leaf, const char* entry) {
    const uint32_t count = leaf->count.load(std::memory_order_relaxed);
    leaf->entries[count] = entry;
    leaf->count.store(count + 1, std::memory_order_release);
  }

  Leaf* Larger(const Leaf* leaf) {
    Leaf* larger = EmptyLeaf(std::min(leaf->capacity * 2, kLeafMax));
    const uint32_t count = leaf->count.load(std::memory_order_relaxed);
    for (uint32_t index = 0; index < count; index++) Append(larger, leaf->entries[index]);
    return larger;
  }

  void AddToLeaf(Slot* slot, Leaf* leaf, const char* entry, size_t from) {
    const uint32_t count = leaf->count.load(std::memory_order_relaxed);
    if (count < leaf->capacity) {
      Append(leaf, entry);
    } else if (count < kLeafMax) {
      Leaf* larger = Larger(leaf);
      Append(larger, entry);
      Publish(slot, reinterpret_cast<Word>(larger));
    } else {
      Publish(slot, Burst(leaf, entry, from));
    }
  }

  /** What takes the place of a full leaf and one more entry. */
  Word Burst(const Leaf* leaf, const char* entry, size_t from) {
    const uint32_t count = leaf->count.load(std::memory_order_relaxed);
    const Slice key = UserKeyOf(entry);
    size_t differs = kSame;
    for (uint32_t index = 0; index < count; index++) {
      differs = std::min(differs, FirstDifference(key, UserKeyOf(leaf->entries[index]), from));
    }
    if (differs == kSame) {
      const Word list = NewList(entry);
      for (uint32_t index = 0; index < count; index++) AddToList(list, leaf->entries[index]);
      return list;
    }
    Branch* branch = NewBranch(entry, differs);
    for (uint32_t index = 0; index < count; index++) AddToNew(branch, leaf->entries[index]);
    AddToNew(branch, entry);
    return reinterpret_cast<Word>(branch) | kBranchKind;
  }

  Branch* NewBranch(const char* sample, size_t at) {
    Branch* branch = static_cast<Branch*>(Take(sizeof(Branch)));
    branch->at = at;
    branch->sample = sample;
    for (Slot& child : branch->children) new (&child) Slot(0);
    return branch;
  }

  /** To a branch that nobody sees yet, whose children are leaves; at least two of them get something. */
  void AddToNew(Branch* branch, const char* entry) {
    Slot& child = branch->children[SymbolAt(UserKeyOf(entry), branch->at)];
    const Word word = child.load(std::memory_order_relaxed);
    if (word == 0) {
      child.store(NewLeaf(entry), std::memory_order_relaxed);
      return;
    }
    Leaf* leaf = LeafOf(word);
    if (leaf->count.load(std::memory_order_relaxed) == leaf->capacity) {
      leaf = Larger(leaf);
      child.store(reinterpret_cast<Word>(leaf), std::memory_order_relaxed);
    }
    Append(leaf, entry);
  }

  /** A branch for what is at the slot, of which `sample` is one, and an entry beside it. */
  void Fork(Slot* slot, Word word, const char* sample, const char* entry, size_t at) {
    Branch* branch = NewBranch(sample, at);
    branch->children[SymbolAt(UserKeyOf(sample), at)].store(word, std::memory_order_relaxed);
    branch->children[SymbolAt(UserKeyOf(entry), at)].store(NewLeaf(entry),
                                                           std::memory_order_relaxed);
    Publish(slot, reinterpret_cast<Word>(branch) | kBranchKind);
  }

  void AddBesideList(Slot* slot, Word word, const char* entry, size_t from) {
    const char* sample = ListOf(word)->sample;
    const size_t differs = FirstDifference(UserKeyOf(sample), UserKeyOf(entry), from);
    if (differs == kSame) AddToList(word, entry);
    else Fork(slot, word, sample, entry, differs);
  }

  Word NewList(const char* entry) {
    void* head = Take(EntrySkipList::NodeBytes(EntrySkipList::kHeightMax));
    const Word list =
        reinterpret_cast<Word>(new (Take(sizeof(List))) List(compare_, head, entry)) | kListKind;
    AddToList(list, entry);
    return list;
  }

  void AddToList(Word list, const char* entry) {
    EntrySkipList& entries = ListOf(list)->entries;
    const int height = entries.DrawHeight();
    entries.Insert(entry, Take(EntrySkipList::NodeBytes(height)), height);
  }

  const KeyComparator& compare_;
  Slot root_{0};
  char* slab_ = nullptr;
  size_t slab_left_ = 0;
};

/** A place in the trie. Within a leaf, it sees what was there when it came to it. */
class TrieIterator : public MemTableRep::Iterator {
 public:
  explicit TrieIterator(const BurstTrie& trie) : trie_(trie) {}

  bool Valid() const override { return entry_ != nullptr; }
  const char* key() const override { return entry_; }

  void Seek(const Slice& internal_key, const char*) override {
    SeekIn<true>(internal_key, /*inclusive=*/true);
  }
  void SeekForPrev(const Slice& internal_key, const char*) override {
    SeekIn<false>(internal_key, /*inclusive=*/true);
  }
  void SeekToFirst() override { SeekEnd<true>(); }
  void SeekToLast() override { SeekEnd<false>(); }
  void Next() override { Step<true>(); }
  void Prev() override { Step<false>(); }

 private:
  using Node = EntrySkipList::Node;

  /** Deeper ways are found anew for each leaf. */
  static constexpr size_t kPathMax = 20;

  /** A branch on the way to the leaf, and the child that the way takes. */
  struct Turn {
    const Branch* branch;
    int symbol;
  };

  template <bool kForward>
  void SeekEnd() {
    has_path_ = true;
    depth_ = 0;
    ToOutermost<kForward>(trie_.root());
  }

  /** The entry that is nearest to a key on one side of it. */
  template <bool kForward>
  void SeekIn(const Slice& internal_key, bool inclusive) {
    const Slice key(internal_key.data(), internal_key.size() - kTrailerBytes);
    Word beside = 0;
    has_path_ = false;
    const Word near = Descend<kForward, false>(key, &beside);
    Enter(near);
    if (TakeNearest<kForward>(internal_key, inclusive)) return;
    // Nothing there on that side: what is beside the way down. Rarely needed, so found only now.
    Descend<kForward, true>(key, &beside);
    ToOutermost<kForward>(beside);
  }

  /**
   * Down to the leaf or list where the key is or would be; 0 when there is none. With `kNote`, `beside` is
   * the nearest node on the side to which the walk goes.
   */
  template <bool kForward, bool kNote>
  Word Descend(const Slice& key, Word* beside) const {
    Word word = trie_.root();
    size_t from = 0;
    while (KindOf(word) == kBranchKind) {
      const Branch* branch = BranchOf(word);
      if (branch->at > from) {
        const Slice sample = UserKeyOf(branch->sample);
        const size_t differs = FirstDifference(sample, key, from);
        if (differs < branch->at) {
          const bool is_after = SymbolAt(sample, differs) > SymbolAt(key, differs);
          if (kNote && is_after == kForward) *beside = word;
          return 0;
        }
      }
      const int symbol = SymbolAt(key, branch->at);
      if (kNote) {
        int beyond = symbol + (kForward ? 1 : -1);
        const Word sibling = FirstChild<kForward>(branch, &beyond);
        if (sibling != 0) *beside = sibling;
      }
      word = branch->children[symbol].load(std::memory_order_acquire);
      from = branch->at + 1;
    }
    return word;
  }

  /** The first child from `symbol` on that holds anything; 0 when there is none. */
  template <bool kForward>
  static Word FirstChild(const Branch* branch, int* symbol) {
    for (; *symbol >= 0 && *symbol < kSymbols; *symbol += kForward ? 1 : -1) {
      const Word child = branch->children[*symbol].load(std::memory_order_acquire);
      if (child != 0) return child;
    }
    return 0;
  }

  void TakeTurn(const Branch* branch, int symbol) {
    if (!has_path_) return;
    has_path_ = depth_ < kPathMax;
    if (has_path_) path_[depth_++] = {branch, symbol};
  }

  /** Notes the way to an entry that is there. */
  void FindPath(const char* entry) {
    const Slice key = UserKeyOf(entry);
    has_path_ = true;
    depth_ = 0;
    Word word = trie_.root();
    while (KindOf(word) == kBranchKind && has_path_) {
      const Branch* branch = BranchOf(word);
      const int symbol = SymbolAt(key, branch->at);
      TakeTurn(branch, symbol);
      word = branch->children[symbol].load(std::memory_order_acquire);
    }
  }

  /** To what is beside the leaf at the end of the path. */
  template <bool kForward>
  void StepBeside() {
    for (; depth_ > 0; depth_--) {
      Turn& turn = path_[depth_ - 1];
      int symbol = turn.symbol + (kForward ? 1 : -1);
      const Word sibling = FirstChild<kForward>(turn.branch, &symbol);
      if (sibling == 0) continue;
      turn.symbol = symbol;
      ToOutermost<kForward>(sibling);
      return;
    }
    Enter(0);
  }

  /** The first entry below a node, or the last. */
  template <bool kForward>
  void ToOutermost(Word word) {
    while (KindOf(word) == kBranchKind) {
      int symbol = kForward ? 0 : kSymbols - 1;
      const Branch* branch = BranchOf(word);
      word = FirstChild<kForward>(branch, &symbol);
      TakeTurn(branch, symbol);
    }
    Enter(word);
    if (list_ != nullptr) {
      StandAt(kForward ? list_->First() : list_->LastBefore([](const Node*) { return true; }));
    } else if (count_ > 0) {
      SortLeaf();
      place_ = kForward ? 0 : count_ - 1;
      entry_ = sorted_[place_];
    }
  }

  void Enter(Word word) {
    entry_ = nullptr;
    node_ = nullptr;
    list_ = nullptr;
    leaf_ = nullptr;
    count_ = 0;
    is_sorted_ = false;
    if (word == 0) return;
    if (KindOf(word) == kListKind) {
      list_ = &ListOf(word)->entries;
      return;
    }
    leaf_ = LeafOf(word);
    count_ = leaf_->count.load(std::memory_order_acquire);
    // All of them are looked at next, and lie anywhere in memory.
    for (uint32_t index = 0; index < count_; index++) __builtin_prefetch(leaf_->entries[index]);
  }

  /** In the leaf or list that was entered; false when there is nothing on that side of the key. */
  template <bool kForward>
  bool TakeNearest(const Slice& internal_key, bool inclusive) {
    const KeyComparator& compare = trie_.compare();
    const auto is_beyond = [&](const char* entry) {
      const int order = compare(entry, internal_key);
      if (order == 0) return inclusive;
      return kForward ? order > 0 : order < 0;
    };
    if (list_ != nullptr) {
      StandAt(kForward ? list_->FirstAfter([&](const Node* n) { return !is_beyond(n->entry); })
                       : list_->LastBefore([&](const Node* n) { return is_beyond(n->entry); }));
      return entry_ != nullptr;
    }
    for (uint32_t index = 0; index < count_; index++) {
      const char* entry = leaf_->entries[index];
      if (!is_beyond(entry)) continue;
      if (entry_ == nullptr || (compare(entry, entry_) < 0) == kForward) entry_ = entry;
    }
    return entry_ != nullptr;
  }

  template <bool kForward>
  void Step() {
    const char* from = entry_;
    if (list_ != nullptr && kForward) {
      StandAt(EntrySkipList::Next(node_));
      if (entry_ != nullptr) return;
    } else if (list_ == nullptr) {
      if (!is_sorted_) SortLeaf();
      const bool is_last = kForward ? place_ + 1 >= count_ : place_ == 0;
      if (!is_last) {
        place_ += kForward ? 1 : -1;
        entry_ = sorted_[place_];
        return;
      }
    }
    // A list is walked backwards by seeking; so is what lies too deep.
    if (kForward || list_ == nullptr) {
      if (!has_path_) FindPath(from);
      if (has_path_) {
        StepBeside<kForward>();
        return;
      }
    }
    SeekIn<kForward>(rocksdb::GetLengthPrefixedSlice(from), /*inclusive=*/false);
  }

  void SortLeaf() {
    // Few, and mostly told apart by the bytes behind those that they share.
    size_t shared = 0;
    if (count_ > 1) {
      const Slice first = UserKeyOf(leaf_->entries[0]);
      size_t differs = kSame;
      for (uint32_t index = 1; index < count_; index++) {
        const Slice other = UserKeyOf(leaf_->entries[index]);
        differs = std::min(differs, FirstDifference(first, other, 0));
      }
      shared = differs == kSame ? first.size() : differs / 2;
    }
    const KeyComparator& compare = trie_.compare();
    uint64_t numbers[kLeafMax];
    for (uint32_t index = 0; index < count_; index++) {
      const char* entry = leaf_->entries[index];
      const uint64_t number = NumberAt(UserKeyOf(entry), shared);
      uint32_t place = index;
      for (; place > 0; place--) {
        const uint64_t before = numbers[place - 1];
        if (before < number) break;
        if (before == number && compare(sorted_[place - 1], entry) < 0) break;
        numbers[place] = before;
        sorted_[place] = sorted_[place - 1];
      }
      numbers[place] = number;
      sorted_[place] = entry;
    }
    const char** found = std::find(sorted_, sorted_ + count_, entry_);
    place_ = static_cast<uint32_t>(found - sorted_);
    is_sorted_ = true;
  }

  /** Eight bytes of a key as a number; what the key has not counts as zeros. */
  static uint64_t NumberAt(const Slice& key, size_t at) {
    unsigned char padded[8] = {};
    memcpy(padded, key.data() + at, std::min<size_t>(key.size() - at, 8));
    uint64_t number = 0;
    for (const unsigned char byte : padded) number = (number << 8) | byte;
    return number;
  }

  void StandAt(const Node* node) {
    node_ = node;
    entry_ = node == nullptr ? nullptr : node->entry;
  }

  const BurstTrie& trie_;
  const char* entry_ = nullptr;
  /** What was entered: one of the two, or neither. */
  const EntrySkipList* list_ = nullptr;
  const Leaf* leaf_ = nullptr;
  const Node* node_ = nullptr;
  uint32_t count_ = 0;
  /** Where `entry_` is in `sorted_`, once that is made. */
  uint32_t place_ = 0;
  bool is_sorted_ = false;
  /** Whether `path_` leads to what was entered. */
  bool has_path_ = false;
  size_t depth_ = 0;
  const char* sorted_[kLeafMax];
  Turn path_[kPathMax];
};

bool BurstTrie::Contains(const char* entry) const {
  TrieIterator at(*this);
  at.Seek(rocksdb::GetLengthPrefixedSlice(entry), nullptr);
  return at.Valid() && compare_(at.key(), entry) == 0;
}

MemTableRep::Iterator* BurstTrie::GetIterator(rocksdb::Arena* arena) {
  return MakeIn<TrieIterator>(arena, *this);
}

/** On the stack of a look-up: RocksDB 7.8 forgets to delete what it asked for, others may not. */
class LookUpIterator final : public TrieIterator {
 public:
  using TrieIterator::TrieIterator;
  static void operator delete(void*) {}
};

thread_local LookUpIterator* look_up = nullptr;

/** What a LookupKey holds is RocksDB's secret: its own Get passes it on to the iterator it asks for. */
void BurstTrie::Get(const rocksdb::LookupKey& key, void* argument,
                    bool (*callback)(void*, const char*)) {
  alignas(LookUpIterator) char place[sizeof(LookUpIterator)];
  look_up = new (place) LookUpIterator(*this);
  MemTableRep::Get(key, argument, callback);
  look_up = nullptr;
}

MemTableRep::Iterator* BurstTrie::GetDynamicPrefixIterator(rocksdb::Arena* arena) {
  if (arena == nullptr && look_up != nullptr) return std::exchange(look_up, nullptr);
  return MakeIn<TrieIterator>(arena, *this);
}

class Factory final : public rocksdb::MemTableRepFactory {
 public:
  const char* Name() const override { return kBurstTrieName; }

  using MemTableRepFactory::CreateMemTableRep;
  MemTableRep* CreateMemTableRep(const KeyComparator& compare, rocksdb::Allocator* allocator,
                                 const rocksdb::SliceTransform*, rocksdb::Logger*) override {
    return new BurstTrie(compare, allocator);
  }
};

}  // namespace

std::shared_ptr<rocksdb::MemTableRepFactory> NewBurstTrie() { return std::make_shared<Factory>(); }

}  // namespace kept
