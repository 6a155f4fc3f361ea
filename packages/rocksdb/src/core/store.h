// An open database: RocksDB's handle, its column families by number, and the few operations that need
// more than one RocksDB call. Every method but Close may be called from any thread at any time.

#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "events.h"
#include "options.h"
#include "patient_files.h"

namespace kept {

struct Family {
  uint32_t id;
  std::string name;
  rocksdb::ColumnFamilyHandle* handle;
  FamilyTraits traits;
  std::atomic<bool> dropped{false};
};

/** Families by RocksDB's column family number, with holes. Never changed once it is published. */
using FamilyTable = std::vector<std::shared_ptr<Family>>;

constexpr uint32_t kWriteSync = 1;
constexpr uint32_t kWriteNoSlowdown = 2;
constexpr uint32_t kWriteLowPriority = 4;
constexpr uint32_t kWriteDisableWal = 8;
constexpr uint32_t kWriteFlagsMask = 15;

class Store {
 public:
  static rocksdb::Status Open(const OpenSpec& spec, EventSink sink, std::unique_ptr<Store>* store);
  ~Store() { Close(); }

  rocksdb::DB* db() const { return db_.get(); }
  std::shared_ptr<const FamilyTable> families() const;
  rocksdb::Statistics* statistics() const { return statistics_.get(); }

  /** Checks the whole representation first: RocksDB would find some faults only after the WAL. */
  rocksdb::Status Write(std::string representation, uint32_t flags, uint64_t* sequence);

  rocksdb::Status CreateFamily(const FamilySpec& spec, uint32_t* id);
  rocksdb::Status DropFamily(uint32_t id);

  /** Lets waiting writers and compactions go, so that a close behind them comes to its turn. */
  void PrepareClose();

  /** No other call may run any more, no iterator or snapshot may be left. */
  rocksdb::Status Close();

 private:
  Store() = default;

  /** No recovery from an error is under way any more, and none begins. */
  void EndRecovery();

  /** Before the database: it is the last to go. */
  PatientFiles files_;
  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  bool read_only_ = false;
  mutable std::mutex families_mutex_;
  std::shared_ptr<const FamilyTable> families_;
};

}  // namespace kept
