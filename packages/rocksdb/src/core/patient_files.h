// The system's files, whose errors RocksDB may live through. Told of an I/O error that is not "no space",
// RocksDB takes no writes until it is opened anew, though the memtables still hold everything. Told that
// the same error may pass, it keeps them, writes them to new files as soon as the disk takes them, and
// goes on. Which of the two is a word in the error, and the system's files never say it.
//
// An fsync that failed is not tried again for the same file by that: what the log may have lost is in the
// memtables, and RocksDB writes all of those to tables, and begins a new log, before it takes writes.

#ifndef KEPT_PATIENT_FILES_H
#define KEPT_PATIENT_FILES_H

#include <rocksdb/env.h>

namespace kept {

// For every database of the process; lives as long as it.
rocksdb::Env* PatientEnv();

}  // namespace kept

#endif  // KEPT_PATIENT_FILES_H
