// Reading the arguments of a call and making its result, with a clear error for what is wrong. Each
// reader returns false with a JavaScript exception pending; the caller then returns nullptr.

#pragma once

#include <node_api.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <memory>
#include <string>
#include <vector>

#include "../core/options.h"
#include "env.h"

namespace kept {

/** Bytes as JavaScript gives them: a Uint8Array, or a string with one byte in each character. */
struct BytesArgument {
  rocksdb::Slice slice;
  char small[256];
  std::string large;
};

class Call {
 public:
  static constexpr size_t kArgumentsMax = 10;

  Call(napi_env raw_env, napi_callback_info info) : raw(raw_env) {
    void* data = nullptr;
    napi_get_cb_info(raw, info, &count, values, nullptr, &data);
    env = static_cast<Env*>(data);
  }

  napi_env raw;
  Env* env = nullptr;
  size_t count = kArgumentsMax;
  napi_value values[kArgumentsMax];
  /** To the end of the call. */
  mutable LoanGuard guard;

  bool TypeError(const char* name, const char* wanted) const;
  bool RangeError(const std::string& text) const;
  /** An Error with code ERR_ROCKSDB_CLOSED or ERR_ROCKSDB_BUSY, for objects in the wrong state. */
  bool StateError(const char* code, const char* text) const;
  bool StatusError(const rocksdb::Status& status) const;

  bool Number(size_t at, const char* name, double min, double max, double* value) const;
  bool Uint32(size_t at, const char* name, uint32_t* value) const;
  bool Boolean(size_t at, const char* name, bool* value) const;
  bool Text(size_t at, const char* name, std::string* value) const;
  bool Array(size_t at, const char* name, char** data, size_t* length) const;
  bool Bytes(size_t at, const char* name, BytesArgument* value) const;
  /** As Bytes, with null or undefined for "no bound": `given` tells. */
  bool OptionalBytes(size_t at, const char* name, BytesArgument* value, bool* given) const;
  /** An array of strings or Uint8Arrays, copied. */
  bool BytesList(size_t at, const char* name, std::vector<std::string>* values) const;
  bool Options(size_t at, const char* name, OptionMap* options) const;
  bool Handle(size_t at, double* handle) const;
  /** The handle of an object that is kept from now on; null, with an Error, when too many are open. */
  napi_value Keep(Kind kind, std::shared_ptr<Object> object) const;

  template <class T>
  T* Find(size_t at) const {
    double handle = 0;
    if (!Handle(at, &handle)) return nullptr;
    auto* found = static_cast<T*>(env->registry.Find(handle, T::kKind));
    if (found == nullptr) StateError("ERR_ROCKSDB_CLOSED", T::kClosed);
    return found;
  }

  template <class T>
  std::shared_ptr<T> Share(size_t at) const {
    double handle = 0;
    if (!Handle(at, &handle)) return nullptr;
    auto found = std::static_pointer_cast<T>(env->registry.Share(handle, T::kKind));
    if (!found) StateError("ERR_ROCKSDB_CLOSED", T::kClosed);
    return found;
  }

  bool Missing(size_t at) const;
};

/** Reads bytes out of one value; false without an exception when it is neither kind. */
bool ReadBytes(napi_env env, napi_value value, BytesArgument* bytes);
bool ReadText(napi_env env, napi_value value, std::string* text);

napi_value MakeNumber(napi_env env, double value);
napi_value MakeText(napi_env env, const std::string& value);
napi_value MakeLatin1(napi_env env, const rocksdb::Slice& value);
napi_value MakeBoolean(napi_env env, bool value);
napi_value MakeNull(napi_env env);
napi_value MakeUndefined(napi_env env);
napi_value MakeBuffer(napi_env env, const rocksdb::Slice& value);
/** The RocksDBError for a status. */
napi_value MakeError(Env& env, const rocksdb::Status& status);
void SetField(napi_env env, napi_value object, const char* name, napi_value value);

}  // namespace kept
