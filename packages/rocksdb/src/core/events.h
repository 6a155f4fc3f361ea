// What RocksDB tells while it works: a plain value for each notification, and the listener that makes
// them. The listener is called on RocksDB's threads, or in the middle of a write on the writer's own
// thread, sometimes with RocksDB's mutex held: the sink it is given must not wait for anything.

#pragma once

#include <rocksdb/listener.h>

#include <functional>
#include <memory>
#include <string>

namespace kept {

enum class EventKind {
  kStall,
  kBackgroundError,
  kRecoveryBegin,
  kRecoveryEnd,
  kFlush,
  kCompaction,
};

struct Event {
  EventKind kind;
  std::string family;
  std::string from;
  std::string to;
  std::string reason;
  rocksdb::Status status;
  bool auto_recovery = false;
  bool slowdown = false;
  bool stop = false;
  int input_level = 0;
  int output_level = 0;
  uint64_t input_files = 0;
  uint64_t output_files = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t entries = 0;
  uint64_t elapsed_micros = 0;
};

using EventSink = std::function<void(Event&&)>;

std::shared_ptr<rocksdb::EventListener> MakeListener(EventSink sink);

}  // namespace kept
