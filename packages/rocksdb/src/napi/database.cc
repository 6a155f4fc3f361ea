// The life of a database (database.h), and of the tasks that run on it.

#include "database.h"

#include <chrono>
#include <thread>

namespace kept {

Child::Child(std::shared_ptr<DatabaseObject> owner) : database(std::move(owner)) {
  database->children.insert(this);
}

Child::~Child() { database->children.erase(this); }

LoanGuard Child::Guard() { return database->Guard(); }

napi_value Start(Env& env, const std::shared_ptr<DatabaseObject>& database, Workers& workers,
                 std::unique_ptr<Task> task) {
  napi_value promise = nullptr;
  if (napi_create_promise(env.raw, &task->deferred_, &promise) != napi_ok) return nullptr;
  task->env_ = &env;
  task->database_ = database;
  if (database) {
    database->tasks_++;
    database->running++;
  }
  env.Hold();
  workers.Post(task.release());
  return promise;
}

void Task::Discard(Job* job) {
  auto* task = static_cast<Task*>(job);
  if (task->database_) task->database_->running--;
  delete task;
}

void Task::Run() {
  status = Work();
  if (database_) database_->running--;
  env_->Post(this);
}

void Task::Deliver(Env& env) {
  Done(env);
  napi_value result = nullptr;
  if (status.ok()) result = Result(env.raw);
  bool pending = false;
  napi_is_exception_pending(env.raw, &pending);
  if (pending) {
    napi_value error;
    napi_get_and_clear_last_exception(env.raw, &error);
    napi_reject_deferred(env.raw, deferred_, error);
  } else if (!status.ok()) {
    napi_reject_deferred(env.raw, deferred_, MakeError(env, status));
  } else {
    napi_resolve_deferred(env.raw, deferred_, result == nullptr ? MakeUndefined(env.raw) : result);
  }
  env.Unhold();
  if (database_) database_->TaskEnded();
}

/** While a close waits for other tasks, frees those that wait for what will not come by itself. */
class PrepareTask final : public Task {
 public:
  explicit PrepareTask(DatabaseObject* closing) : closing_(closing) {}
  rocksdb::Status Work() override {
    do {
      closing_->store->PrepareClose();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (closing_->running.load() > 1);
    return rocksdb::Status::OK();
  }

 private:
  DatabaseObject* closing_;
};

class CloseTask final : public Task {
 public:
  explicit CloseTask(std::shared_ptr<DatabaseObject> closing) : closing_(std::move(closing)) {}
  rocksdb::Status Work() override {
    Loan::EndAll(closing_->store.get());
    result_ = closing_->store->Close();
    return rocksdb::Status::OK();
  }
  void Done(Env&) override { closing_->Closed(result_); }

 private:
  std::shared_ptr<DatabaseObject> closing_;
  rocksdb::Status result_;
};

void DatabaseObject::Borrow(std::shared_ptr<Loan> taken) {
  loan = std::move(taken);
  const LoanGuard guard(loan);
  closing_ = !loan->store;
  if (closing_) return;
  store = loan->store;
  families = store->families();
  loan->borrower = this;
}

void DatabaseObject::LetGo() {
  closing_ = true;
  value.Reset();
  InvalidateChildren();
  families.reset();
  store.reset();
}

void DatabaseObject::GiveBack() {
  const std::shared_ptr<DatabaseObject> self = shared_from_this();
  loan->End();
  closed_ = true;
  env_.databases.erase(self);
  env_.registry.Remove(handle, kKind);
}

napi_value DatabaseObject::Close() {
  if (loan) {
    GiveBack();
    return nullptr;
  }
  napi_deferred deferred;
  napi_value promise = nullptr;
  if (napi_create_promise(env_.raw, &deferred, &promise) != napi_ok) return nullptr;
  waiting_.push_back(deferred);
  if (closed_) {
    Closed(close_status_);
  } else {
    BeginClose();
  }
  return promise;
}

void DatabaseObject::CloseUnseen() {
  if (loan) {
    GiveBack();
  } else {
    BeginClose();
  }
}

void DatabaseObject::BeginClose() {
  if (closing_) return;
  closing_ = true;
  if (tasks_ == 0) {
    FinishClose();
    return;
  }
  Start(env_, shared_from_this(), env_.lane, std::make_unique<PrepareTask>(this));
}

void DatabaseObject::TaskEnded() {
  tasks_--;
  if (closing_ && tasks_ == 0) FinishClose();
}

void DatabaseObject::InvalidateChildren() {
  // One child may hold the last share of another: an iterator its snapshot.
  while (!children.empty()) {
    Child* child = *children.begin();
    children.erase(child);
    child->Invalidate();
  }
}

void DatabaseObject::FinishClose() {
  if (close_started_) return;
  close_started_ = true;
  value.Reset();
  InvalidateChildren();
  Start(env_, nullptr, env_.lane, std::make_unique<CloseTask>(shared_from_this()));
}

void DatabaseObject::Closed(const rocksdb::Status& status) {
  closed_ = true;
  close_status_ = status;
  writes.Stop();
  reads.Stop();
  maintenance.Stop();
  control.Stop();
  store.reset();
  families.reset();
  for (napi_deferred deferred : waiting_) {
    if (status.ok()) {
      napi_resolve_deferred(env_.raw, deferred, MakeUndefined(env_.raw));
    } else {
      napi_reject_deferred(env_.raw, deferred, MakeError(env_, status));
    }
  }
  waiting_.clear();
  if (listener != nullptr) napi_delete_reference(env_.raw, listener);
  listener = nullptr;
  const std::shared_ptr<DatabaseObject> self = shared_from_this();
  env_.databases.erase(self);
  env_.registry.Remove(handle, kKind);
}

void DatabaseObject::StopAtExit() {
  if (loan) {
    loan->End();
    closed_ = true;
  }
  if (closed_ || !store) return;
  for (Workers* workers : {&writes, &reads, &maintenance, &control}) {
    for (Job* job : workers->TakeQueued()) Task::Discard(job);
  }
  while (running.load() > 0) {
    store->PrepareClose();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  writes.Stop();
  reads.Stop();
  maintenance.Stop();
  control.Stop();
}

void DatabaseObject::CloseAtExit() {
  if (closed_ || !store) return;
  value.Reset();
  InvalidateChildren();
  Loan::EndAll(store.get());
  store->Close().PermitUncheckedError();
  closed_ = true;
  closing_ = true;
}

const Family* DatabaseObject::FamilyAt(const Call& call, size_t at) const {
  double id = 0;
  if (!call.Number(at, "family", 0, 4294967295.0, &id)) return nullptr;
  const auto index = static_cast<size_t>(id);
  if (index < families->size() && (*families)[index]) return (*families)[index].get();
  call.RangeError("there is no column family with the number " + std::to_string(index));
  return nullptr;
}

DatabaseObject* OpenDatabase(const Call& call, size_t at) {
  auto* database = call.Find<DatabaseObject>(at);
  if (database == nullptr) return nullptr;
  if (database->loan) {
    call.StateError("ERR_ROCKSDB_BORROWED", "a borrowed database can only be read, on the loop");
    return nullptr;
  }
  return ReadableDatabase(call, at);
}

DatabaseObject* ReadableDatabase(const Call& call, size_t at) {
  auto* database = call.Find<DatabaseObject>(at);
  if (database == nullptr) return nullptr;
  call.guard = database->Guard();
  if (database->closing() || !database->store) {
    call.StateError("ERR_ROCKSDB_CLOSED", DatabaseObject::kClosed);
    return nullptr;
  }
  return database;
}

}  // namespace kept
