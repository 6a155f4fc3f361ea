// The reader of representation.h. Tags are RocksDB's ValueType as its format on disk has them.

#include "representation.h"

namespace kept {
namespace {

using rocksdb::Slice;
using rocksdb::Status;

enum Tag : unsigned char {
  kDeletion = 0x0,
  kValue = 0x1,
  kMerge = 0x2,
  kLogData = 0x3,
  kFamilyDeletion = 0x4,
  kFamilyValue = 0x5,
  kFamilyMerge = 0x6,
  kSingleDeletion = 0x7,
  kFamilySingleDeletion = 0x8,
  kNoop = 0xD,
  kFamilyRangeDeletion = 0xE,
  kRangeDeletion = 0xF,
};

class Reader {
 public:
  explicit Reader(const Slice& bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool AtEnd() const { return at_ == end_; }

  unsigned char Byte() { return static_cast<unsigned char>(*at_++); }

  bool Varint32(uint32_t* value) {
    uint32_t result = 0;
    for (unsigned shift = 0; shift <= 28 && at_ < end_; shift += 7) {
      const uint32_t byte = Byte();
      result |= (byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) {
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool Prefixed(Slice* value) {
    uint32_t length = 0;
    if (!Varint32(&length) || length > static_cast<size_t>(end_ - at_)) return false;
    *value = Slice(at_, length);
    at_ += length;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

Status Cut() { return Status::Corruption("write batch ends inside a record"); }

Status FindFamily(const FamilyTable& families, uint32_t id, const Family** family) {
  if (id >= families.size() || !families[id]) {
    return Status::InvalidArgument("write batch names an unknown column family",
                                   std::to_string(id));
  }
  if (families[id]->dropped) {
    return Status::ColumnFamilyDropped("write batch names a dropped column family",
                                       families[id]->name);
  }
  *family = families[id].get();
  return Status::OK();
}

Status CheckRange(const Family& family, const Slice& begin, const Slice& end) {
  if (!family.traits.delete_range_supported) {
    return Status::NotSupported("DeleteRange with this table format");
  }
  if (family.traits.comparator->Compare(begin, end) > 0) {
    return Status::InvalidArgument("DeleteRange: the end comes before the begin");
  }
  return Status::OK();
}

Status ReadRecord(unsigned char tag, Reader* reader, const Family& family) {
  Slice key;
  Slice value;
  if (!reader->Prefixed(&key)) return Cut();
  switch (tag) {
    case kMerge:
    case kFamilyMerge:
      if (!family.traits.merge_supported) {
        return Status::InvalidArgument("Merge in a column family without a merge operator");
      }
      [[fallthrough]];
    case kValue:
    case kFamilyValue:
      if (!reader->Prefixed(&value)) return Cut();
      break;
    case kRangeDeletion:
    case kFamilyRangeDeletion:
      if (!reader->Prefixed(&value)) return Cut();
      return CheckRange(family, key, value);
    default:
      break;
  }
  return CheckKey(family.traits, key);
}

bool NamesFamily(unsigned char tag) {
  return tag == kFamilyValue || tag == kFamilyDeletion || tag == kFamilySingleDeletion ||
         tag == kFamilyRangeDeletion || tag == kFamilyMerge;
}

bool UsesDefaultFamily(unsigned char tag) {
  return tag == kValue || tag == kDeletion || tag == kSingleDeletion || tag == kRangeDeletion ||
         tag == kMerge;
}

}  // namespace

Status CheckKey(const FamilyTraits& traits, const Slice& key) {
  if (traits.memtable_prefix && !traits.memtable_prefix->InDomain(key)) {
    return Status::InvalidArgument("the key has no prefix for the hash memtable",
                                   traits.memtable_prefix->Name());
  }
  return Status::OK();
}

uint64_t RepresentationSequence(const Slice& representation) {
  uint64_t sequence = 0;
  for (int i = 7; i >= 0; i--) {
    sequence = (sequence << 8) | static_cast<unsigned char>(representation[i]);
  }
  return sequence;
}

Status VerifyRepresentation(const Slice& representation, const FamilyTable& families,
                            uint32_t* count) {
  if (representation.size() < kRepresentationHeader) {
    return Status::Corruption("write batch is shorter than its header of 12 bytes");
  }
  uint32_t announced = 0;
  for (int i = 11; i >= 8; i--) {
    announced = (announced << 8) | static_cast<unsigned char>(representation[i]);
  }
  Reader reader(Slice(representation.data() + kRepresentationHeader,
                      representation.size() - kRepresentationHeader));
  uint32_t found = 0;
  uint32_t last_id = 0;
  const Family* family = nullptr;
  while (!reader.AtEnd()) {
    const unsigned char tag = reader.Byte();
    if (tag == kNoop) continue;
    if (tag == kLogData) {
      Slice blob;
      if (!reader.Prefixed(&blob)) return Cut();
      continue;
    }
    uint32_t id = 0;
    if (NamesFamily(tag)) {
      if (!reader.Varint32(&id)) return Cut();
    } else if (!UsesDefaultFamily(tag)) {
      return Status::Corruption("write batch has a record of unknown type", std::to_string(tag));
    }
    if (family == nullptr || id != last_id) {
      const Status status = FindFamily(families, id, &family);
      if (!status.ok()) return status;
      last_id = id;
    }
    const Status status = ReadRecord(tag, &reader, *family);
    if (!status.ok()) return status;
    found++;
  }
  if (found != announced) {
    return Status::Corruption("write batch announces " + std::to_string(announced) +
                              " records and holds " + std::to_string(found));
  }
  *count = found;
  return Status::OK();
}

}  // namespace kept
