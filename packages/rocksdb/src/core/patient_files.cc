// The wrappers of patient_files.h: every call goes through, and an I/O error comes back as one that may pass.

#include "patient_files.h"

#include <rocksdb/file_system.h>

#include <memory>
#include <string>
#include <utility>

namespace kept {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/** A directory that is gone does not come back by waiting: that stays fatal. */
IOStatus Patient(IOStatus status) {
  if (status.IsIOError() && !status.IsPathNotFound() && !status.GetDataLoss()) {
    status.SetRetryable(true);
  }
  return status;
}

class PatientWritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Append(data, options, dbg));
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* dbg) override {
    return Patient(target()->Append(data, options, info, dbg));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* dbg) override {
    return Patient(target()->PositionedAppend(data, offset, options, dbg));
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& info,
                            IODebugContext* dbg) override {
    return Patient(target()->PositionedAppend(data, offset, options, info, dbg));
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Truncate(size, options, dbg));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Close(options, dbg));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Flush(options, dbg));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Sync(options, dbg));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target()->Fsync(options, dbg));
  }
  IOStatus RangeSync(uint64_t offset, uint64_t size, const IOOptions& options,
                     IODebugContext* dbg) override {
    return Patient(target()->RangeSync(offset, size, options, dbg));
  }
};

class PatientReadableFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  using FSRandomAccessFileOwnerWrapper::FSRandomAccessFileOwnerWrapper;

  IOStatus Read(uint64_t offset, size_t size, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* dbg) const override {
    return Patient(target()->Read(offset, size, options, result, scratch, dbg));
  }
};

class PatientDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  explicit PatientDirectory(std::unique_ptr<rocksdb::FSDirectory> target)
      : FSDirectoryWrapper(target.get()), target_(std::move(target)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return Patient(target_->Fsync(options, dbg));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const rocksdb::DirFsyncOptions& what) override {
    return Patient(target_->FsyncWithDirOptions(options, dbg, what));
  }

 private:
  std::unique_ptr<rocksdb::FSDirectory> target_;
};

// What a call made, wrapped; or its error.
template <class Wrapper, class File>
IOStatus Wrap(IOStatus status, std::unique_ptr<File>* file) {
  if (!status.ok()) return Patient(std::move(status));
  file->reset(new Wrapper(std::move(*file)));
  return status;
}

class PatientFileSystem : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "KeptPatientFileSystem"; }

  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* dbg) override {
    return Wrap<PatientReadableFile>(target()->NewRandomAccessFile(path, options, file, dbg), file);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* dbg) override {
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
    return Patient(target()->RenameFile(from, to, options, dbg));
  }
};

}  // namespace

rocksdb::Env* PatientEnv() {
  // Not taken down at exit: RocksDB's threads may still be at work then.
  static rocksdb::Env* const env =
      rocksdb::NewCompositeEnv(std::make_shared<PatientFileSystem>(rocksdb::FileSystem::Default()))
          .release();
  return env;
}

}  // namespace kept
