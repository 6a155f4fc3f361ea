// Names for the numbers of rocksdb::Status. The tables are indexed by RocksDB's own values, which it
// only ever appends to, so one table serves every version: a newer library may know more names than
// the one compiled against.

#include "status.h"

#include <iterator>

namespace kept {
namespace {

constexpr const char* kCodes[] = {
    "Ok",           "NotFound",   "Corruption",         "NotSupported",  "InvalidArgument", "IOError",
    "MergeInProgress", "Incomplete", "ShutdownInProgress", "TimedOut",      "Aborted",         "Busy",
    "Expired",      "TryAgain",   "CompactionTooLarge", "ColumnFamilyDropped",
};

constexpr const char* kSubcodes[] = {
    "None",
    "MutexTimeout",
    "LockTimeout",
    "LockLimit",
    "NoSpace",
    "Deadlock",
    "StaleFile",
    "MemoryLimit",
    "SpaceLimit",
    "PathNotFound",
    "MergeOperandsInsufficientCapacity",
    "ManualCompactionPaused",
    "Overwritten",
    "TxnNotPrepared",
    "IOFenced",
    "MergeOperatorFailed",
    "MergeOperandThresholdExceeded",
    "PrefetchLimitReached",
    "NotExpectedCodePath",
};

constexpr const char* kSeverities[] = {
    "NoError", "SoftError", "HardError", "FatalError", "UnrecoverableError",
};

template <size_t N>
const char* NameAt(const char* const (&names)[N], unsigned index) {
  return index < N ? names[index] : "Unknown";
}

// The two bits are protected members of Status; a derived class may take their address.
struct Peek : rocksdb::Status {
  static bool Retryable(const rocksdb::Status& status) { return status.*(&Peek::retryable_); }
  static bool DataLoss(const rocksdb::Status& status) { return status.*(&Peek::data_loss_); }
};

}  // namespace

const char* CodeName(const rocksdb::Status& status) {
  return NameAt(kCodes, static_cast<unsigned>(status.code()));
}

const char* SubcodeName(const rocksdb::Status& status) {
  return NameAt(kSubcodes, static_cast<unsigned>(status.subcode()));
}

const char* SeverityName(const rocksdb::Status& status) {
  return NameAt(kSeverities, static_cast<unsigned>(status.severity()));
}

std::string Message(const rocksdb::Status& status) {
  const char* state = status.getState();
  if (state != nullptr && state[0] != '\0') return state;
  std::string text = status.ToString();
  while (!text.empty() && (text.back() == ' ' || text.back() == ':')) text.pop_back();
  return text;
}

bool Retryable(const rocksdb::Status& status) { return Peek::Retryable(status); }

bool DataLoss(const rocksdb::Status& status) { return Peek::DataLoss(status); }

}  // namespace kept
