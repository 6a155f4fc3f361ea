// Looking at an open database: properties, statistics, sizes, and the log of what was written.

#include <rocksdb/statistics.h>
#include <rocksdb/transaction_log.h>
#include <rocksdb/write_batch.h>

#include "calls.h"
#include "objects.h"

namespace kept {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

/** property(database, family, name): string or null */
napi_value Property(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  std::string name;
  std::string value;
  if (family == nullptr || !call.Text(2, "name", &name)) return nullptr;
  if (!database->store->db()->GetProperty(family->handle, name, &value)) return MakeNull(raw);
  return MakeText(raw, value);
}

/** intProperty(database, family, name): number or null; a family of -1 sums over all */
napi_value IntProperty(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  double id = 0;
  std::string name;
  uint64_t value = 0;
  if (!call.Number(1, "family", -1, 4294967295.0, &id) || !call.Text(2, "name", &name)) {
    return nullptr;
  }
  rocksdb::DB* db = database->store->db();
  if (id < 0) {
    if (!db->GetAggregatedIntProperty(name, &value)) return MakeNull(raw);
    return MakeNumber(raw, static_cast<double>(value));
  }
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  if (!db->GetIntProperty(family->handle, name, &value)) return MakeNull(raw);
  return MakeNumber(raw, static_cast<double>(value));
}

/** The statistics of an open database, or null with an exception pending. */
rocksdb::Statistics* StatisticsOf(const Call& call) {
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  rocksdb::Statistics* statistics = database->store->statistics();
  if (statistics == nullptr) {
    call.StatusError(Status::NotSupported("the database was opened without statistics"));
  }
  return statistics;
}

/** tickers(database): [name, count, name, count...] */
napi_value Tickers(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  rocksdb::Statistics* statistics = StatisticsOf(call);
  if (statistics == nullptr) return nullptr;
  napi_value result;
  napi_create_array(raw, &result);
  uint32_t index = 0;
  for (const auto& [ticker, name] : rocksdb::TickersNameMap) {
    const auto count = static_cast<double>(statistics->getTickerCount(ticker));
    napi_set_element(raw, result, index++, MakeText(raw, name));
    napi_set_element(raw, result, index++, MakeNumber(raw, count));
  }
  return result;
}

/**
 * histograms(database): for each [name, count, sum, min, max, average, deviation, median, p95, p99],
 * one after another
 */
napi_value Histograms(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  rocksdb::Statistics* statistics = StatisticsOf(call);
  if (statistics == nullptr) return nullptr;
  napi_value result;
  napi_create_array(raw, &result);
  uint32_t index = 0;
  for (const auto& [histogram, name] : rocksdb::HistogramsNameMap) {
    rocksdb::HistogramData data;
    statistics->histogramData(histogram, &data);
    const double numbers[] = {static_cast<double>(data.count),
                              static_cast<double>(data.sum),
                              data.min,
                              data.max,
                              data.average,
                              data.standard_deviation,
                              data.median,
                              data.percentile95,
                              data.percentile99};
    napi_set_element(raw, result, index++, MakeText(raw, name));
    for (const double number : numbers) {
      napi_set_element(raw, result, index++, MakeNumber(raw, number));
    }
  }
  return result;
}

/** statisticsReset(database) */
napi_value StatisticsReset(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  rocksdb::Statistics* statistics = StatisticsOf(call);
  if (statistics == nullptr) return nullptr;
  const Status status = statistics->Reset();
  if (!status.ok()) call.StatusError(status);
  return nullptr;
}

class SizesTask final : public Task {
 public:
  SizesTask(rocksdb::DB* db, const Family* family) : db_(db), family_(family) {}

  Status Work() override {
    std::vector<rocksdb::Range> ranges;
    for (size_t i = 0; i + 1 < bounds.size(); i += 2) ranges.emplace_back(bounds[i], bounds[i + 1]);
    sizes_.resize(ranges.size());
    if (ranges.empty()) return Status::OK();
    rocksdb::SizeApproximationOptions options;
    options.include_files = (flags & 1) != 0;
    options.include_memtables = (flags & 2) != 0;
    return db_->GetApproximateSizes(options, family_->handle, ranges.data(),
                                    static_cast<int>(ranges.size()), sizes_.data());
  }

  napi_value Result(napi_env raw) override {
    napi_value result;
    napi_create_array_with_length(raw, sizes_.size(), &result);
    for (size_t i = 0; i < sizes_.size(); i++) {
      napi_set_element(raw, result, static_cast<uint32_t>(i),
                       MakeNumber(raw, static_cast<double>(sizes_[i])));
    }
    return result;
  }

  std::vector<std::string> bounds;
  uint32_t flags = 0;

 private:
  rocksdb::DB* const db_;
  const Family* const family_;
  std::vector<uint64_t> sizes_;
};

/** approximateSizes(database, family, [begin, end, begin, end...], flags): Promise<number[]> */
napi_value ApproximateSizes(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  std::vector<std::string> bounds;
  // Reading an array may run JavaScript, which may close the database: so this comes first.
  if (!call.BytesList(2, "ranges", &bounds)) return nullptr;
  DatabaseObject* database = OpenDatabase(call, 0);
  if (database == nullptr) return nullptr;
  const Family* family = database->FamilyAt(call, 1);
  if (family == nullptr) return nullptr;
  auto task = std::make_unique<SizesTask>(database->store->db(), family);
  task->bounds = std::move(bounds);
  double flags = 0;
  if (!call.Number(3, "flags", 1, 3, &flags)) return nullptr;
  task->flags = static_cast<uint32_t>(flags);
  return Start(*call.env, database->shared_from_this(), database->reads, std::move(task));
}

/** A walk through the write-ahead log. */
class UpdatesObject final : public Child {
 public:
  static constexpr Kind kKind = Kind::kUpdates;
  static constexpr const char* kClosed = "the updates are closed";

  using Child::Child;
  ~UpdatesObject() override { Invalidate(); }
  void Invalidate() override { iterator.reset(); }

  std::unique_ptr<rocksdb::TransactionLogIterator> iterator;
  /** The iterator stands on a batch that was handed out, or at the end of what there was. */
  bool advance = false;
  bool busy = false;
};

class UpdatesOpenTask final : public Task {
 public:
  UpdatesOpenTask(std::shared_ptr<DatabaseObject> database, uint64_t sequence)
      : database_(std::move(database)), sequence_(sequence) {}

  Status Work() override { return database_->store->db()->GetUpdatesSince(sequence_, &iterator_); }

  void Done(Env& env) override {
    if (!status.ok()) return;
    // Closing waits for this task, so a close that has begun finds this child.
    auto object = std::make_shared<UpdatesObject>(database_);
    object->iterator = std::move(iterator_);
    handle_ = env.registry.Add(Kind::kUpdates, std::move(object));
  }

  napi_value Result(napi_env raw) override {
    if (handle_ != 0) return MakeNumber(raw, handle_);
    napi_throw_error(raw, "ERR_ROCKSDB_LIMIT", "too many open objects");
    return nullptr;
  }

 private:
  const std::shared_ptr<DatabaseObject> database_;
  const uint64_t sequence_;
  std::unique_ptr<rocksdb::TransactionLogIterator> iterator_;
  double handle_ = 0;
};

/** updatesOpen(database, sequence): Promise<handle> */
napi_value UpdatesOpen(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  DatabaseObject* database = OpenDatabase(call, 0);
  double sequence = 0;
  if (database == nullptr || !call.Number(1, "sequence", 0, 9007199254740991.0, &sequence)) {
    return nullptr;
  }
  const auto shared = database->shared_from_this();
  return Start(*call.env, shared, database->reads,
               std::make_unique<UpdatesOpenTask>(shared, static_cast<uint64_t>(sequence)));
}

class UpdatesTask final : public Task {
 public:
  UpdatesTask(std::shared_ptr<UpdatesObject> object, size_t batches_max, size_t bytes_max)
      : object_(std::move(object)), batches_max_(batches_max), bytes_max_(bytes_max) {
    object_->busy = true;
  }

  Status Work() override {
    rocksdb::TransactionLogIterator* iterator = object_->iterator.get();
    size_t bytes = 0;
    while (batches_.size() < batches_max_ && bytes < bytes_max_) {
      if (object_->advance) iterator->Next();
      object_->advance = true;
      if (!iterator->Valid()) break;
      batches_.push_back(iterator->GetBatch());
      bytes += batches_.back().writeBatchPtr->GetDataSize();
    }
    // What was read before a failure is handed out; the failure comes with the next call.
    return batches_.empty() ? iterator->status() : Status::OK();
  }

  void Done(Env&) override { object_->busy = false; }

  napi_value Result(napi_env raw) override {
    napi_value result;
    napi_create_array_with_length(raw, batches_.size() * 2, &result);
    uint32_t index = 0;
    for (const rocksdb::BatchResult& batch : batches_) {
      napi_set_element(raw, result, index++, MakeNumber(raw, static_cast<double>(batch.sequence)));
      napi_value bytes = MakeBuffer(raw, batch.writeBatchPtr->Data());
      if (bytes == nullptr) return nullptr;
      napi_set_element(raw, result, index++, bytes);
    }
    return result;
  }

 private:
  const std::shared_ptr<UpdatesObject> object_;
  const size_t batches_max_;
  const size_t bytes_max_;
  std::vector<rocksdb::BatchResult> batches_;
};

/** updatesNext(updates, maxBatches, maxBytes): Promise<[sequence, representation...]> */
napi_value UpdatesNext(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  std::shared_ptr<UpdatesObject> object = call.Share<UpdatesObject>(0);
  double batches = 0;
  double bytes = 0;
  if (!object || !call.Number(1, "maxBatches", 1, 1 << 24, &batches) ||
      !call.Number(2, "maxBytes", 1, 9007199254740991.0, &bytes)) {
    return nullptr;
  }
  if (object->database->closing() || !object->iterator) {
    call.StateError("ERR_ROCKSDB_CLOSED", DatabaseObject::kClosed);
    return nullptr;
  }
  if (object->busy) {
    call.StateError("ERR_ROCKSDB_BUSY", "the updates are in use by another call");
    return nullptr;
  }
  const std::shared_ptr<DatabaseObject> database = object->database;
  return Start(*call.env, database, database->reads,
               std::make_unique<UpdatesTask>(std::move(object), static_cast<size_t>(batches),
                                             static_cast<size_t>(bytes)));
}

}  // namespace

void AddInspectionCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"property", Property},
                                       {"intProperty", IntProperty},
                                       {"tickers", Tickers},
                                       {"histograms", Histograms},
                                       {"statisticsReset", StatisticsReset},
                                       {"approximateSizes", Promised<ApproximateSizes>},
                                       {"updatesOpen", Promised<UpdatesOpen>},
                                       {"updatesNext", Promised<UpdatesNext>}});
}

}  // namespace kept
