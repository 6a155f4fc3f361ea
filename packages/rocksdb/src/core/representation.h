// RocksDB's WriteBatch representation, read without trusting it:
//
//   offset  size  field
//   0       8     sequence number, little-endian; ignored on the way in
//   8       4     count of records, little-endian
//   12      ...   records: a tag byte, the family as varint32 for some tags, then one or two
//                 varint32-prefixed strings
//
// Why here, when RocksDB parses it too: it writes the batch to its log first and parses it second, so
// a fault found there leaves a log that cannot be replayed.

#pragma once

#include <rocksdb/slice.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/status.h>

#include "store.h"

namespace kept {

constexpr size_t kRepresentationHeader = 12;

/** Corruption for a malformed one; InvalidArgument or NotSupported for one this database cannot take. */
rocksdb::Status VerifyRepresentation(const rocksdb::Slice& representation,
                                     const FamilyTable& families, uint32_t* count);

uint64_t RepresentationSequence(const rocksdb::Slice& representation);

/** Whether a hash memtable of this family can place the key; OK for every other memtable. */
rocksdb::Status CheckKey(const FamilyTraits& traits, const rocksdb::Slice& key);

}  // namespace kept
