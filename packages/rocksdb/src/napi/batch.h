// A write batch, plain or indexed. It is used on the loop only: a write on a thread takes a copy of
// the representation with it.

#pragma once

#include <rocksdb/utilities/write_batch_with_index.h>
#include <rocksdb/write_batch.h>

#include "objects.h"

namespace kept {

class BatchObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kBatch;
  static constexpr const char* kClosed = "the batch is closed";

  BatchObject(std::shared_ptr<DatabaseObject> owner, bool with_index, size_t max_bytes)
      : database(std::move(owner)) {
    if (with_index) {
      indexed = std::make_unique<rocksdb::WriteBatchWithIndex>(rocksdb::BytewiseComparator(), 0,
                                                               true, max_bytes);
    } else {
      plain = std::make_unique<rocksdb::WriteBatch>(0, max_bytes);
    }
  }

  rocksdb::WriteBatchBase* base() const {
    if (indexed) return indexed.get();
    return plain.get();
  }
  rocksdb::WriteBatch* batch() const { return base()->GetWriteBatch(); }

  const std::shared_ptr<DatabaseObject> database;
  std::unique_ptr<rocksdb::WriteBatch> plain;
  std::unique_ptr<rocksdb::WriteBatchWithIndex> indexed;
  /** Grows with every change: an iterator over an older state would read memory that is gone. */
  uint64_t changes = 0;
};

class IteratorObject;

/** The representation of the batch in argument `at`; false with an exception pending. */
bool BatchBytes(const Call& call, size_t at, std::string* representation);

/** Lays the indexed batch of argument `at` over a finished iterator of its database. */
bool MergeBatch(const Call& call, size_t at, IteratorObject* iterator);

}  // namespace kept
