// The listener of events.h.

#include "events.h"

namespace kept {
namespace {

using rocksdb::BackgroundErrorReason;
using rocksdb::Status;
using rocksdb::WriteStallCondition;

// The numbers of WriteStallCondition differ between versions, so they are compared by name.
const char* ConditionName(WriteStallCondition condition) {
  if (condition == WriteStallCondition::kDelayed) return "delayed";
  if (condition == WriteStallCondition::kStopped) return "stopped";
  return "normal";
}

const char* ReasonName(BackgroundErrorReason reason) {
  static constexpr const char* kNames[] = {
      "flush",           "compaction",      "write-callback",     "memtable",
      "manifest-write",  "flush-no-wal",    "manifest-write-no-wal", "async-file-open",
  };
  const auto index = static_cast<size_t>(reason);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(EventSink sink) : sink_(std::move(sink)) {}

  const char* Name() const override { return "kept.Listener"; }

  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override {
    Event event = Make(EventKind::kStall);
    event.family = info.cf_name;
    event.from = ConditionName(info.condition.prev);
    event.to = ConditionName(info.condition.cur);
    sink_(std::move(event));
  }

  void OnBackgroundError(BackgroundErrorReason reason, Status* error) override {
    Event event = Make(EventKind::kBackgroundError);
    event.reason = ReasonName(reason);
    event.status = *error;
    sink_(std::move(event));
  }

  void OnErrorRecoveryBegin(BackgroundErrorReason reason, Status error,
                            bool* auto_recovery) override {
    Event event = Make(EventKind::kRecoveryBegin);
    event.reason = ReasonName(reason);
    event.status = error;
    event.auto_recovery = auto_recovery != nullptr && *auto_recovery;
    sink_(std::move(event));
  }

  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override {
    info.old_bg_error.PermitUncheckedError();
    Event event = Make(EventKind::kRecoveryEnd);
    event.status = info.new_bg_error;
    sink_(std::move(event));
  }

  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override {
    Event event = Make(EventKind::kFlush);
    event.family = info.cf_name;
    event.slowdown = info.triggered_writes_slowdown;
    event.stop = info.triggered_writes_stop;
    event.entries = info.table_properties.num_entries;
    event.output_bytes = info.table_properties.data_size;
    sink_(std::move(event));
  }

  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) override {
    Event event = Make(EventKind::kCompaction);
    event.family = info.cf_name;
    event.status = info.status;
    event.input_level = info.base_input_level;
    event.output_level = info.output_level;
    event.input_files = info.input_files.size();
    event.output_files = info.output_files.size();
    event.input_bytes = info.stats.total_input_bytes;
    event.output_bytes = info.stats.total_output_bytes;
    event.entries = info.stats.num_output_records;
    event.elapsed_micros = info.stats.elapsed_micros;
    sink_(std::move(event));
  }

 private:
  static Event Make(EventKind kind) {
    Event event;
    event.kind = kind;
    return event;
  }

  const EventSink sink_;
};

}  // namespace

std::shared_ptr<rocksdb::EventListener> MakeListener(EventSink sink) {
  return std::make_shared<Listener>(std::move(sink));
}

}  // namespace kept
