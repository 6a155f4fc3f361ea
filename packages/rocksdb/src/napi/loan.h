// A moment of an open database, lent to another JavaScript environment of the process (a worker thread), which
// reads it there: one snapshot, nothing but calls that read.
//
// The lender may close at any time, and either environment may end. So a loan has a lock: the borrower holds it
// during each call, and so does whoever ends the loan while he takes away what the borrower has of RocksDB's.
// From then on the borrower's calls are answered "closed". Nobody holds the lock for longer than one call.

#pragma once

#include <rocksdb/snapshot.h>

#include <cstdint>
#include <memory>
#include <mutex>

#include "../core/store.h"

namespace kept {

class DatabaseObject;

class Loan {
 public:
  Loan(std::shared_ptr<Store> from, uint64_t number);
  ~Loan();

  /** Makes a loan that can be found by its number, on the lender's loop; null when RocksDB gives no snapshot. */
  static std::shared_ptr<Loan> Make(const std::shared_ptr<Store>& from);
  /** The loan of that number, once; null when there is none, or not any more. */
  static std::shared_ptr<Loan> Take(uint64_t number);
  /** Ends a loan that nobody has taken; false when somebody has, or when it has ended. */
  static bool TakeBack(uint64_t number);
  /** Ends all loans of a store. */
  static void EndAll(const Store* lender);

  /** The lock must not be held. Twice is fine. */
  void End();

  const uint64_t number;
  const Store* const lender;
  std::mutex mutex;

  // Under the lock.
  /** Null when the loan has ended. */
  std::shared_ptr<Store> store;
  const rocksdb::Snapshot* snapshot;
  DatabaseObject* borrower = nullptr;

 private:
  /** Under the lock of the table of all loans. */
  bool taken_ = false;
};

/** Held during a call on what is borrowed; empty for everything else. */
class LoanGuard {
 public:
  LoanGuard() = default;
  explicit LoanGuard(std::shared_ptr<Loan> loan) : loan_(std::move(loan)), lock_(loan_->mutex) {}
  LoanGuard(LoanGuard&&) = default;
  /** A copy of a call holds nothing: the call does, and outlives it. */
  LoanGuard(const LoanGuard&) {}
  LoanGuard& operator=(LoanGuard&& other) {
    lock_ = std::move(other.lock_);
    loan_ = std::move(other.loan_);
    return *this;
  }

 private:
  /** Outlives its lock. */
  std::shared_ptr<Loan> loan_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace kept
