// A database as JavaScript sees it: the store, its threads, what was opened on it, and the order in
// which all of that ends. Everything here happens on the loop, but Task::Work.
//
// Closing: from the moment close() is called no new work is taken; tasks under way run to their end
// and are answered; then iterators and snapshots are let go, then the store is closed on a thread,
// then the threads are joined and the promise settles.

#pragma once

#include <atomic>
#include <memory>
#include <unordered_set>
#include <vector>

#include "../core/store.h"
#include "arguments.h"
#include "env.h"

namespace kept {

class DatabaseObject;

/** What was opened on a database and must let go of RocksDB before it closes. */
class Child : public Object {
 public:
  explicit Child(std::shared_ptr<DatabaseObject> database);
  ~Child() override;
  LoanGuard Guard() override;
  /** Lets go of everything that is RocksDB's; the object answers "closed" from then on. */
  virtual void Invalidate() = 0;

  const std::shared_ptr<DatabaseObject> database;
};

/** A promise and the work behind it: Work on a thread, Result on the loop if the status is OK. */
class Task : public Job, public LoopItem {
 public:
  virtual rocksdb::Status Work() = 0;
  virtual napi_value Result(napi_env env) { return MakeUndefined(env); }
  /** Always called on the loop, before the promise settles and whatever the status is. */
  virtual void Done(Env&) {}

  void Run() final;
  void Deliver(Env& env) final;

  /** Throws away a task that no thread has begun; its promise stays open for ever. At exit only. */
  static void Discard(Job* job);

  rocksdb::Status status;

 private:
  friend napi_value Start(Env&, const std::shared_ptr<DatabaseObject>&, Workers&,
                          std::unique_ptr<Task>);
  Env* env_ = nullptr;
  std::shared_ptr<DatabaseObject> database_;
  napi_deferred deferred_ = nullptr;
};

/** Starts the task on `workers` and returns its promise. `database` may be null. */
napi_value Start(Env& env, const std::shared_ptr<DatabaseObject>& database, Workers& workers,
                 std::unique_ptr<Task> task);

class DatabaseObject : public Object, public std::enable_shared_from_this<DatabaseObject> {
 public:
  static constexpr Kind kKind = Kind::kDatabase;
  static constexpr const char* kClosed = "the database is closed";

  DatabaseObject(Env& env, size_t read_threads) : reads(read_threads), env_(env) {}

  std::shared_ptr<Store> store;
  /** Set for one that is borrowed: all below is then changed under its lock, perhaps by another thread. */
  std::shared_ptr<Loan> loan;
  /** What the loop last saw of the store's families: no lock on the hot path. */
  std::shared_ptr<const FamilyTable> families;
  double handle = 0;
  napi_ref listener = nullptr;

  /** One thread: writes are made in the order in which they were asked for. */
  Workers writes{1};
  /** Cold reads, in parallel. */
  Workers reads;
  /** What may take minutes: flush, compaction, checkpoint, resume. */
  Workers maintenance{8};
  /** What must get through while all of those wait: resume, options, cancel. */
  Workers control{1};

  std::unordered_set<Child*> children;
  std::atomic<size_t> running{0};
  std::atomic<size_t> events_waiting{0};
  std::atomic<size_t> events_dropped{0};
  rocksdb::PinnableSlice value;
  /** Of the loop alone: a moving mean of what a key took that was read on a thread, microseconds. */
  double key_read_us = 0;

  bool closing() const { return closing_; }
  /** Returns the promise of the close; every call gets one. */
  napi_value Close();
  /** The same without a promise, for a database that nobody holds any more. */
  void CloseUnseen();
  /** On the loop's last day, without JavaScript: first waits for what runs, then closes. */
  void StopAtExit();
  void CloseAtExit();

  void TaskEnded();

  /** For a new one: it is what is lent. */
  void Borrow(std::shared_ptr<Loan> taken);
  /** The loan ends, and its lock is held. */
  void LetGo();
  LoanGuard Guard() override { return loan ? LoanGuard(loan) : LoanGuard(); }

  /** Null with an exception pending when there is no such family. */
  const Family* FamilyAt(const Call& call, size_t at) const;

 private:
  friend class CloseTask;
  void BeginClose();
  void GiveBack();
  void InvalidateChildren();
  void FinishClose();
  void Closed(const rocksdb::Status& status);

  Env& env_;
  bool closing_ = false;
  bool close_started_ = false;
  bool closed_ = false;
  rocksdb::Status close_status_;
  std::vector<napi_deferred> waiting_;
  size_t tasks_ = 0;
  friend napi_value Start(Env&, const std::shared_ptr<DatabaseObject>&, Workers&,
                          std::unique_ptr<Task>);
};

/** The open database of argument `at`, or null with an exception pending. */
DatabaseObject* OpenDatabase(const Call& call, size_t at);

/** The same, borrowed ones included: for what only reads, on the loop. They stay as they are during the call. */
DatabaseObject* ReadableDatabase(const Call& call, size_t at);

}  // namespace kept
