// The wrappers of patient_files.h: every call goes through, and an I/O error comes back as one that may pass.

#include "patient_files.h"

#include <rocksdb/file_system.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace kept {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

using SharedEnding = std::shared_ptr<Ending>;

/** RocksDB is at its first look at "closing" long before. */
constexpr std::chrono::seconds kCloseIsUnderWayAfter{1};
constexpr std::chrono::seconds kCloseComesWithin{20};

/**
 * A directory that is gone does not come back by waiting: that stays fatal. Once the database is being
 * closed nothing is worth waiting for: "data loss" is the one word at which RocksDB's recovery gives up.
 */
IOStatus Patient(IOStatus status, const SharedEnding& ending) {
  if (!status.IsIOError()) return status;
  if (ending->has_begun) {
    status.SetDataLoss(true);
  } else if (!status.IsPathNotFound() && !status.GetDataLoss()) {
    status.SetRetryable(true);
  }
  return status;
}

/** See Store::EndRecovery. */
void HoldManifest(const std::string& path, Ending* ending) {
  const size_t at = path.rfind('/') + 1;
  if (!ending->holds_manifests || path.compare(at, 9, "MANIFEST-") != 0) return;
  ending->has_held = true;
  const auto deadline = std::chrono::steady_clock::now() + kCloseComesWithin;
  while (!ending->is_closing && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(kCloseIsUnderWayAfter);
}

class PatientWritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PatientWritableFile(std::unique_ptr<rocksdb::FSWritableFile> target, SharedEnding ending)
      : FSWritableFileOwnerWrapper(std::move(target)), ending_(std::move(ending)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Append(data, options, dbg), ending_);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* dbg) override {
    return Patient(target()->Append(data, options, info, dbg), ending_);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* dbg) override {
    return Patient(target()->PositionedAppend(data, offset, options, dbg), ending_);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& info,
                            IODebugContext* dbg) override {
    return Patient(target()->PositionedAppend(data, offset, options, info, dbg), ending_);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Truncate(size, options, dbg), ending_);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Close(options, dbg), ending_);
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Flush(options, dbg), ending_);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Sync(options, dbg), ending_);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Fsync(options, dbg), ending_);
  }
  IOStatus RangeSync(uint64_t offset, uint64_t size, const IOOptions& options,
                     IODebugContext* dbg) override {
    return Patient(target()->RangeSync(offset, size, options, dbg), ending_);
  }

 private:
  const SharedEnding ending_;
};

class PatientReadableFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  PatientReadableFile(std::unique_ptr<rocksdb::FSRandomAccessFile> target, SharedEnding ending)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), ending_(std::move(ending)) {}

  IOStatus Read(uint64_t offset, size_t size, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* dbg) const override {
    return Patient(target()->Read(offset, size, options, result, scratch, dbg), ending_);
  }

 private:
  const SharedEnding ending_;
};

class PatientDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  PatientDirectory(std::unique_ptr<rocksdb::FSDirectory> target, SharedEnding ending)
      : FSDirectoryWrapper(target.get()), target_(std::move(target)), ending_(std::move(ending)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target_->Fsync(options, dbg), ending_);
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const rocksdb::DirFsyncOptions& what) override {
    return Patient(target_->FsyncWithDirOptions(options, dbg, what), ending_);
  }

 private:
  std::unique_ptr<rocksdb::FSDirectory> target_;
  const SharedEnding ending_;
};

class PatientFileSystem : public rocksdb::FileSystemWrapper {
 public:
  PatientFileSystem(std::shared_ptr<rocksdb::FileSystem> target, SharedEnding ending)
      : FileSystemWrapper(std::move(target)), ending_(std::move(ending)) {}

  const char* Name() const override { return "KeptPatientFileSystem"; }

  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* dbg) override {
    return Wrap<PatientReadableFile>(target()->NewRandomAccessFile(path, options, file, dbg), file);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* dbg) override {
    HoldManifest(path, ending_.get());
    return Wrap<PatientWritableFile>(target()->NewWritableFile(path, options, file, dbg), file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext* dbg) override {
    return Wrap<PatientWritableFile>(target()->ReopenWritableFile(path, options, file, dbg), file);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                             IODebugContext* dbg) override {
    return Wrap<PatientWritableFile>(target()->ReuseWritableFile(path, old, options, file, dbg),
                                     file);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* dbg) override {
    return Wrap<PatientDirectory>(target()->NewDirectory(path, options, directory, dbg), directory);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* dbg) override {
    return Patient(target()->RenameFile(from, to, options, dbg), ending_);
  }

 private:
  // What a call made, wrapped; or its error.
  template <class Wrapper, class File>
  IOStatus Wrap(IOStatus status, std::unique_ptr<File>* file) const {
    if (!status.ok()) return Patient(std::move(status), ending_);
    file->reset(new Wrapper(std::move(*file), ending_));
    return status;
  }

  const SharedEnding ending_;
};

}  // namespace

PatientFiles::PatientFiles() : ending_(std::make_shared<Ending>()) {
  env_ = rocksdb::NewCompositeEnv(
      std::make_shared<PatientFileSystem>(rocksdb::FileSystem::Default(), ending_));
}

}  // namespace kept
