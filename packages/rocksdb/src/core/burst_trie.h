// An ordered memtable that costs little to write to: a trie over the half bytes of the keys, with short
// unsorted leaves.
//
// A skip list of a hundred thousand keys visits some twenty of them before a new one's place is found,
// most of them cache misses. Here an insert goes down a few branches, and puts the entry behind the others
// of a leaf of at most kLeafMax; nothing in a leaf is compared before somebody reads there. A leaf that is
// full bursts: a branch takes its place, at the first half byte in which its keys differ (so what all
// have in common costs one branch, however long), with a leaf for each value of it. One that cannot
// burst, since it holds a single key written again and again, becomes a skip list.
//
// It is in order, unlike a hashed memtable: a branch has its children in the order of their keys, and a
// walk sorts a leaf when it comes to it. So it needs no prefixes, and a walk over a part does not pay for
// the whole. The family's comparator must be the bytewise one.
//
// One writer at a time, any number of readers beside him. A branch's children are replaced by what holds
// the same entries and more; what was replaced stays as it was, for who is still in it, and goes with the
// memtable. A reader who finds an old leaf misses only what was written after he had begun.

#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace kept {

inline constexpr const char* kBurstTrieName = "kept.BurstTrie";

std::shared_ptr<rocksdb::MemTableRepFactory> NewBurstTrie();

}  // namespace kept
