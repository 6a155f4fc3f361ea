// A skip list of memtable entries: one writer, readers beside him without locks. Nodes live in the
// memtable's own memory and go with it.

#pragma once

#include <rocksdb/memtablerep.h>

#include <atomic>
#include <cstdint>

namespace kept {

class EntrySkipList {
 public:
  using KeyComparator = rocksdb::MemTableRep::KeyComparator;

  struct Node {
    const char* entry;
    // As many as the node is high; the memory behind the node holds the rest.
    std::atomic<Node*> next[1];
  };

  static constexpr int kHeightMax = 12;
  static size_t NodeBytes(int height) { return sizeof(Node) + (height - 1) * sizeof(Node*); }

  /** `head`: memory of NodeBytes(kHeightMax), aligned. */
  EntrySkipList(const KeyComparator& compare, void* head)
      : compare_(compare), head_(MakeNode(head, nullptr, kHeightMax)) {}

  /** How high the next node is to be. Writer only. */
  int DrawHeight() {
    int height = 1;
    while (height < kHeightMax) {
      random_ ^= random_ << 13;
      random_ ^= random_ >> 17;
      random_ ^= random_ << 5;
      if ((random_ & 3) != 0) break;
      height++;
    }
    return height;
  }

  /** `memory`: NodeBytes(height), aligned. Nothing equal is in the list. Writer only. */
  void Insert(const char* entry, void* memory, int height) {
    Node* before[kHeightMax];
    FindBefore(
        [this, entry](const Node* node) { return compare_(node->entry, entry) < 0; }, before);
    Node* node = MakeNode(memory, entry, height);
    for (int level = 0; level < height; level++) {
      Node* after = before[level]->next[level].load(std::memory_order_relaxed);
      node->next[level].store(after, std::memory_order_relaxed);
    }
    for (int level = 0; level < height; level++) {
      before[level]->next[level].store(node, std::memory_order_release);
    }
  }

  /** The last node that `is_before` holds for; null when it does for none. */
  template <class IsBefore>
  const Node* LastBefore(IsBefore is_before) const {
    Node* before[kHeightMax];
    FindBefore(is_before, before);
    return before[0] == head_ ? nullptr : before[0];
  }

  /** The first node that it does not hold for; null when there is none. */
  template <class IsBefore>
  const Node* FirstAfter(IsBefore is_before) const {
    Node* before[kHeightMax];
    return FindBefore(is_before, before);
  }

  const Node* First() const { return Next(head_); }

  static const Node* Next(const Node* node) {
    return node->next[0].load(std::memory_order_acquire);
  }

 private:
  static Node* MakeNode(void* memory, const char* entry, int height) {
    Node* node = static_cast<Node*>(memory);
    node->entry = entry;
    for (int level = 0; level < height; level++) {
      new (&node->next[level]) std::atomic<Node*>(nullptr);
    }
    return node;
  }

  /**
   * Returns the first node that is not before, as it was seen: by now the writer may have put another
   * one between, of which nobody knows on which side it belongs.
   */
  template <class IsBefore>
  const Node* FindBefore(IsBefore is_before, Node** before) const {
    Node* at = head_;
    const Node* stop = nullptr;
    for (int level = kHeightMax - 1; level >= 0; level--) {
      Node* next = at->next[level].load(std::memory_order_acquire);
      // What stopped the level above need not be compared again.
      while (next != nullptr && next != stop && is_before(next)) {
        at = next;
        next = at->next[level].load(std::memory_order_acquire);
      }
      before[level] = at;
      stop = next;
    }
    return stop;
  }

  const KeyComparator& compare_;
  Node* const head_;
  uint32_t random_ = 2463534242u;
};

}  // namespace kept
