// The small objects that calls share: block caches and snapshots.

#pragma once

#include <rocksdb/cache.h>
#if __has_include(<rocksdb/advanced_cache.h>)
#include <rocksdb/advanced_cache.h>  // where the class itself has moved in version 8
#endif
#include <rocksdb/snapshot.h>

#include "database.h"

namespace kept {

class CacheObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kCache;
  static constexpr const char* kClosed = "the block cache is closed";
  std::shared_ptr<rocksdb::Cache> cache;
};

class SnapshotObject final : public Child {
 public:
  static constexpr Kind kKind = Kind::kSnapshot;
  static constexpr const char* kClosed = "the snapshot is released";

  explicit SnapshotObject(std::shared_ptr<DatabaseObject> owner)
      : Child(std::move(owner)), snapshot(database->store->db()->GetSnapshot()) {}
  ~SnapshotObject() override { Invalidate(); }
  void Invalidate() override {
    if (snapshot != nullptr) database->store->db()->ReleaseSnapshot(snapshot);
    snapshot = nullptr;
  }

  const rocksdb::Snapshot* snapshot;
};

/**
 * Reads a read tier and a snapshot's handle (0 for none) from two arguments. `kept` keeps the snapshot
 * alive for work that outlasts the call.
 */
bool ReadTierAndSnapshot(const Call& call, size_t at, const DatabaseObject* database,
                         rocksdb::ReadOptions* options, std::shared_ptr<SnapshotObject>* kept);

}  // namespace kept
