// From plain values to RocksDB's options.

#include "options.h"

#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>

#include <cstdarg>
#include <cstring>

#include "burst_trie.h"
#include "hash_chains.h"

namespace kept {
namespace {

using rocksdb::Status;

rocksdb::ConfigOptions Strict() {
  rocksdb::ConfigOptions config;
  config.ignore_unknown_options = false;
  config.ignore_unsupported_options = false;
  return config;
}

Status InFamily(const FamilySpec& spec, const Status& status) {
  return Status::InvalidArgument("column family " + spec.name, status.ToString());
}

bool HashesPrefixes(const rocksdb::ColumnFamilyOptions& options) {
  const char* name = options.memtable_factory->Name();
  return strcmp(name, "HashSkipListRepFactory") == 0 ||
         strcmp(name, "HashLinkListRepFactory") == 0 || strcmp(name, kHashChainsName) == 0;
}

Status ApplyMemtable(const FamilySpec& spec, rocksdb::ColumnFamilyOptions* options) {
  switch (spec.memtable.kind) {
    case MemtableKind::kUnset:
      break;
    case MemtableKind::kSkipList:
      options->memtable_factory = std::make_shared<rocksdb::SkipListFactory>();
      break;
    case MemtableKind::kVector:
      options->memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
      break;
    case MemtableKind::kHashSkipList:
      options->memtable_factory.reset(
          rocksdb::NewHashSkipListRepFactory(spec.memtable.bucket_count));
      break;
    case MemtableKind::kHashLinkList:
      options->memtable_factory.reset(
          rocksdb::NewHashLinkListRepFactory(spec.memtable.bucket_count));
      break;
    case MemtableKind::kHashChains:
      options->memtable_factory = NewHashChains(
          spec.memtable.bucket_count, options->comparator == rocksdb::BytewiseComparator());
      break;
    case MemtableKind::kBurstTrie:
      if (options->comparator != rocksdb::BytewiseComparator()) {
        return Status::InvalidArgument("a burst trie orders keys by their bytes alone");
      }
      options->memtable_factory = NewBurstTrie();
      break;
  }
  if (!options->memtable_factory) return Status::InvalidArgument("no memtable factory");
  if (HashesPrefixes(*options) && !options->prefix_extractor) {
    return Status::InvalidArgument("a hash memtable needs the option prefix_extractor");
  }
  return Status::OK();
}

/** Drops RocksDB's messages: with it, no file LOG is made, kept or rotated. */
class NoMessages : public rocksdb::Logger {
 public:
  NoMessages() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

bool TouchesTable(const FamilySpec& spec) {
  return !spec.table_options.empty() || spec.filter != FilterKind::kUnset || spec.block_cache ||
         spec.without_block_cache || spec.block_size || spec.cache_index_and_filter_blocks ||
         spec.whole_key_filtering;
}

Status ApplyTable(const FamilySpec& spec, rocksdb::ColumnFamilyOptions* options) {
  if (!TouchesTable(spec)) return Status::OK();
  rocksdb::BlockBasedTableOptions table;
  if (options->table_factory) {
    const auto* given = options->table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
    if (given == nullptr) return Status::InvalidArgument("the table format is not block based");
    table = *given;
  }
  if (!spec.table_options.empty()) {
    const rocksdb::BlockBasedTableOptions base = table;
    Status status =
        rocksdb::GetBlockBasedTableOptionsFromMap(Strict(), base, spec.table_options, &table);
    if (!status.ok()) return status;
  }
  if (spec.filter == FilterKind::kNone) table.filter_policy.reset();
  if (spec.filter == FilterKind::kBloom) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(spec.filter_bits_per_key));
  }
  if (spec.filter == FilterKind::kRibbon) {
    table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(spec.filter_bits_per_key));
  }
  if (spec.block_cache) table.block_cache = spec.block_cache;
  if (spec.without_block_cache) {
    table.no_block_cache = true;
    table.block_cache.reset();
  }
  if (spec.block_size) table.block_size = *spec.block_size;
  if (spec.cache_index_and_filter_blocks) {
    table.cache_index_and_filter_blocks = *spec.cache_index_and_filter_blocks;
  }
  if (spec.whole_key_filtering) table.whole_key_filtering = *spec.whole_key_filtering;
  options->table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return Status::OK();
}

}  // namespace

Status MakeFamilyOptions(const FamilySpec& spec, rocksdb::ColumnFamilyOptions* options) {
  const rocksdb::ColumnFamilyOptions base;
  Status status =
      rocksdb::GetColumnFamilyOptionsFromMap(Strict(), base, spec.options, options);
  if (!status.ok()) return InFamily(spec, status);
  status = ApplyMemtable(spec, options);
  if (status.ok()) status = ApplyTable(spec, options);
  if (!status.ok()) return InFamily(spec, status);
  if (options->comparator->timestamp_size() != 0) {
    return InFamily(spec, Status::NotSupported("user-defined timestamps"));
  }
  return Status::OK();
}

Status MakeDatabaseOptions(const OpenSpec& spec,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& families,
                           rocksdb::DBOptions* options) {
  const rocksdb::DBOptions base;
  Status status = rocksdb::GetDBOptionsFromMap(Strict(), base, spec.options, options);
  if (!status.ok()) return status;
  options->create_if_missing |= spec.create_if_missing;
  options->create_missing_column_families |= spec.create_missing_column_families;
  options->error_if_exists |= spec.error_if_exists;
  if (spec.statistics && !options->statistics) {
    options->statistics = rocksdb::CreateDBStatistics();
  }
  if (spec.without_message_log) options->info_log = std::make_shared<NoMessages>();
  // RocksDB would refuse the default (true) for such a memtable. An explicit "true" still reaches it
  // and is refused in its own words.
  if (spec.options.count("allow_concurrent_memtable_write") == 0) {
    for (const rocksdb::ColumnFamilyDescriptor& family : families) {
      if (!family.options.memtable_factory->IsInsertConcurrentlySupported()) {
        options->allow_concurrent_memtable_write = false;
      }
    }
  }
  return Status::OK();
}

FamilyTraits TraitsOf(const rocksdb::ColumnFamilyOptions& options) {
  FamilyTraits traits;
  if (HashesPrefixes(options)) traits.memtable_prefix = options.prefix_extractor;
  traits.comparator = options.comparator;
  traits.merge_supported = options.merge_operator != nullptr;
  traits.delete_range_supported = options.table_factory->IsDeleteRangeSupported();
  return traits;
}

}  // namespace kept
