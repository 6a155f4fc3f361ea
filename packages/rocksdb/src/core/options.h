// What a caller may ask for when a database is opened, as plain values, and how that becomes
// RocksDB's options. Strings go through RocksDB's own parsers, so every option it knows is reachable
// by its own name; the typed fields are for what no string says on every version.

#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace kept {

using OptionMap = std::unordered_map<std::string, std::string>;

enum class MemtableKind {
  kUnset,
  kSkipList,
  kHashSkipList,
  kHashLinkList,
  kVector,
  kHashChains,
  kBurstTrie
};

struct MemtableSpec {
  MemtableKind kind = MemtableKind::kUnset;
  size_t bucket_count = 0;
};

enum class FilterKind { kUnset, kNone, kBloom, kRibbon };

struct FamilySpec {
  std::string name;
  OptionMap options;
  OptionMap table_options;
  MemtableSpec memtable;
  FilterKind filter = FilterKind::kUnset;
  double filter_bits_per_key = 10;
  std::shared_ptr<rocksdb::Cache> block_cache;
  bool without_block_cache = false;
  std::optional<uint64_t> block_size;
  std::optional<bool> cache_index_and_filter_blocks;
  std::optional<bool> whole_key_filtering;
};

struct OpenSpec {
  std::string path;
  OptionMap options;
  std::vector<FamilySpec> families;
  bool create_if_missing = false;
  bool create_missing_column_families = false;
  bool error_if_exists = false;
  bool read_only = false;
  bool statistics = false;
  bool without_message_log = false;
};

/** What reading and writing must know about a family, so that misuse is refused and not undefined. */
struct FamilyTraits {
  /** Not null when the memtable hashes prefixes: keys outside the extractor's domain are refused. */
  std::shared_ptr<const rocksdb::SliceTransform> memtable_prefix;
  const rocksdb::Comparator* comparator = nullptr;
  bool merge_supported = false;
  bool delete_range_supported = true;
};

rocksdb::Status MakeFamilyOptions(const FamilySpec& spec, rocksdb::ColumnFamilyOptions* options);

/** `families` are the finished options: a memtable without concurrent insert turns that off here. */
rocksdb::Status MakeDatabaseOptions(const OpenSpec& spec,
                                    const std::vector<rocksdb::ColumnFamilyDescriptor>& families,
                                    rocksdb::DBOptions* options);

FamilyTraits TraitsOf(const rocksdb::ColumnFamilyOptions& options);

}  // namespace kept
