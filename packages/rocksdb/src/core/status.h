// RocksDB's Status taken apart into words that travel well: the names of its codes, subcodes and
// severities as RocksDB spells them in its header, and the two bits it keeps to itself.

#pragma once

#include <rocksdb/status.h>

#include <string>

namespace kept {

const char* CodeName(const rocksdb::Status& status);
const char* SubcodeName(const rocksdb::Status& status);
const char* SeverityName(const rocksdb::Status& status);

/** RocksDB's own message without the code in front; the code's text when there is no message. */
std::string Message(const rocksdb::Status& status);

/** What the file system said: the same operation may succeed when it is tried again. */
bool Retryable(const rocksdb::Status& status);

/** What the file system said: data may have been lost. */
bool DataLoss(const rocksdb::Status& status);

}  // namespace kept
