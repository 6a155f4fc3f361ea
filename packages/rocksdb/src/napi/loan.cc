// The loans of loan.h, and the calls that make and take them.

#include "loan.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "calls.h"
#include "database.h"

namespace kept {
namespace {

/** All loans of the process that have not ended. */
struct Table {
  std::mutex mutex;
  std::unordered_map<uint64_t, std::shared_ptr<Loan>> loans;
  uint64_t next = 1;
};

Table& TheTable() {
  // Never destroyed: environments may end after everything static has.
  static Table* const table = new Table();
  return *table;
}

constexpr double kNumberMax = 9007199254740991.0;

}  // namespace

Loan::Loan(std::shared_ptr<Store> from, uint64_t its_number)
    : number(its_number),
      lender(from.get()),
      store(std::move(from)),
      snapshot(store->db()->GetSnapshot()) {}

Loan::~Loan() { End(); }

std::shared_ptr<Loan> Loan::Make(const std::shared_ptr<Store>& from) {
  Table& table = TheTable();
  std::lock_guard<std::mutex> lock(table.mutex);
  auto loan = std::make_shared<Loan>(from, table.next++);
  if (loan->snapshot == nullptr) return nullptr;
  table.loans.emplace(loan->number, loan);
  return loan;
}

std::shared_ptr<Loan> Loan::Take(uint64_t number) {
  Table& table = TheTable();
  std::lock_guard<std::mutex> lock(table.mutex);
  const auto found = table.loans.find(number);
  if (found == table.loans.end() || std::exchange(found->second->taken_, true)) return nullptr;
  return found->second;
}

bool Loan::TakeBack(uint64_t number) {
  const std::shared_ptr<Loan> loan = Take(number);
  if (!loan) return false;
  loan->End();
  return true;
}

void Loan::EndAll(const Store* lender) {
  std::vector<std::shared_ptr<Loan>> ending;
  {
    Table& table = TheTable();
    std::lock_guard<std::mutex> lock(table.mutex);
    for (const auto& [number, loan] : table.loans) {
      if (loan->lender == lender) ending.push_back(loan);
    }
  }
  for (const std::shared_ptr<Loan>& loan : ending) loan->End();
}

void Loan::End() {
  // What the table held last goes when nothing is locked any more.
  std::shared_ptr<Loan> held;
  {
    Table& table = TheTable();
    std::lock_guard<std::mutex> lock(table.mutex);
    const auto found = table.loans.find(number);
    if (found != table.loans.end() && found->second.get() == this) {
      held = std::move(found->second);
      table.loans.erase(found);
    }
  }
  std::lock_guard<std::mutex> lock(mutex);
  if (!store) return;
  if (borrower != nullptr) borrower->LetGo();
  borrower = nullptr;
  if (snapshot != nullptr) store->db()->ReleaseSnapshot(snapshot);
  snapshot = nullptr;
  store.reset();
}

namespace {

/** lend(database): number, of a loan of the database as it is now */
napi_value Lend(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const std::shared_ptr<Loan> loan = Loan::Make(database->store);
  if (!loan) {
    call.StatusError(rocksdb::Status::NotSupported("snapshots with these options"));
    return nullptr;
  }
  return MakeNumber(raw, static_cast<double>(loan->number));
}

/** takeBack(number): whether nobody had taken it */
napi_value TakeBack(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double number = 0;
  if (!call.Number(0, "loan", 0, kNumberMax, &number)) return nullptr;
  return MakeBoolean(raw, Loan::TakeBack(static_cast<uint64_t>(number)));
}

/** borrow(number): handle of a database that can only be read */
napi_value Borrow(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double number = 0;
  if (!call.Number(0, "loan", 0, kNumberMax, &number)) return nullptr;
  std::shared_ptr<Loan> loan = Loan::Take(static_cast<uint64_t>(number));
  if (!loan) {
    call.StateError("ERR_ROCKSDB_CLOSED", "there is no such loan, or it is taken, or it has ended");
    return nullptr;
  }
  Env& env = *call.env;
  auto database = std::make_shared<DatabaseObject>(env, 1);
  database->handle = env.registry.Add(Kind::kDatabase, database);
  if (database->handle == 0) {
    loan->End();
    call.StateError("ERR_ROCKSDB_LIMIT", "too many open objects");
    return nullptr;
  }
  env.databases.insert(database);
  database->Borrow(std::move(loan));
  return MakeNumber(raw, database->handle);
}

}  // namespace

void AddLoanCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"lend", Lend}, {"takeBack", TakeBack}, {"borrow", Borrow}});
}

}  // namespace kept
