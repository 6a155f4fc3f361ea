// The system's files, whose errors RocksDB may live through. Told of an I/O error that is not "no space",
// RocksDB takes no writes until it is opened anew, though the memtables still hold everything. Told that
// the same error may pass, it keeps them, tries again and again to write them to new files, and goes on
// behind a new log. Which of the two is a word in the error, and the system's files never say it.
//
// A log whose fsync failed is not written to any more by that: what it may have lost is in the memtables,
// and RocksDB writes all of those to tables before it takes writes.

#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>

namespace kept {

/** How the database of these files is being closed. */
struct Ending {
  /** Every error is final. */
  std::atomic<bool> has_begun{false};
  /** Who begins a MANIFEST waits for `is_closing`, and then so long that the close is surely under way. */
  std::atomic<bool> holds_manifests{false};
  std::atomic<bool> has_held{false};
  std::atomic<bool> is_closing{false};
};

/** The files of one database; outlives it. */
class PatientFiles {
 public:
  PatientFiles();

  rocksdb::Env* env() const { return env_.get(); }
  Ending& ending() const { return *ending_; }

 private:
  const std::shared_ptr<Ending> ending_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace kept
