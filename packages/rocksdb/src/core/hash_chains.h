// A memtable that costs almost nothing to write to: a hash of key prefixes to short unsorted chains.
//
// RocksDB's own hashed memtables keep each bucket sorted, so that an insert visits the keys before its
// place, each of them a cache miss. Most keys of a memtable are never looked for in it before it is
// flushed, so here an insert only puts the entry in front of its bucket's chain, and who reads does
// the comparing: a look-up or a step goes through one chain of at most CHAIN_MAX entries.
//
// A bucket that outgrows that, by a key written again and again or by many keys of one prefix, becomes a
// skip list: everything then costs what it costs elsewhere.
//
// A walk over the whole (a flush, mostly) sorts pointers, by the first bytes of each key side by side with
// the pointer; RocksDB's hashed ones build a skip list of all entries for that.
//
// One writer at a time, any number of readers beside him. Entries never move and never change once they can
// be seen, and live as long as the memtable. As with RocksDB's hashed memtables, an iterator that keeps to
// a prefix has no first and no last.

#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace kept {

inline constexpr const char* kHashChainsName = "kept.HashChains";

/** `bytewise`: the family's comparator is BytewiseComparator(), which sorting may use. */
std::shared_ptr<rocksdb::MemTableRepFactory> NewHashChains(size_t bucket_count, bool bytewise);

}  // namespace kept
