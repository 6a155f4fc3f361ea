// The readers and makers of arguments.h.

#include "arguments.h"

#include <cmath>
#include <cstring>

#include "../core/status.h"

namespace kept {
namespace {

napi_valuetype TypeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

bool ReadUint8Array(napi_env env, napi_value value, char** data, size_t* length) {
  napi_typedarray_type type;
  void* start = nullptr;
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return false;
  if (napi_get_typedarray_info(env, value, &type, length, &start, nullptr, nullptr) != napi_ok) {
    return false;
  }
  if (type != napi_uint8_array) return false;
  if (start == nullptr) *length = 0;  // its buffer was transferred away
  static char nothing[1];
  *data = start == nullptr ? nothing : static_cast<char*>(start);
  return true;
}

}  // namespace

bool ReadBytes(napi_env env, napi_value value, BytesArgument* bytes) {
  if (TypeOf(env, value) == napi_string) {
    size_t length = 0;
    napi_get_value_string_latin1(env, value, bytes->small, sizeof(bytes->small), &length);
    if (length + 1 < sizeof(bytes->small)) {
      bytes->slice = rocksdb::Slice(bytes->small, length);
      return true;
    }
    napi_get_value_string_latin1(env, value, nullptr, 0, &length);
    bytes->large.resize(length + 1);
    napi_get_value_string_latin1(env, value, bytes->large.data(), length + 1, &length);
    bytes->slice = rocksdb::Slice(bytes->large.data(), length);
    return true;
  }
  char* data = nullptr;
  size_t length = 0;
  if (!ReadUint8Array(env, value, &data, &length)) return false;
  bytes->slice = rocksdb::Slice(data, length);
  return true;
}

bool ReadText(napi_env env, napi_value value, std::string* text) {
  size_t length = 0;
  if (TypeOf(env, value) != napi_string) return false;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  text->resize(length + 1);
  napi_get_value_string_utf8(env, value, text->data(), length + 1, &length);
  text->resize(length);
  return true;
}

bool Call::TypeError(const char* name, const char* wanted) const {
  napi_throw_type_error(raw, "ERR_INVALID_ARG_TYPE",
                        (std::string(name) + " must be " + wanted).c_str());
  return false;
}

bool Call::RangeError(const std::string& text) const {
  napi_throw_range_error(raw, "ERR_OUT_OF_RANGE", text.c_str());
  return false;
}

bool Call::StateError(const char* code, const char* text) const {
  napi_throw_error(raw, code, text);
  return false;
}

bool Call::StatusError(const rocksdb::Status& status) const {
  napi_throw(raw, MakeError(*env, status));
  return false;
}

bool Call::Missing(size_t at) const {
  if (at >= count) return true;
  const napi_valuetype type = TypeOf(raw, values[at]);
  return type == napi_undefined || type == napi_null;
}

bool Call::Number(size_t at, const char* name, double min, double max, double* value) const {
  if (napi_get_value_double(raw, values[at], value) != napi_ok) {
    return TypeError(name, "a number");
  }
  if (!(*value >= min && *value <= max) || std::floor(*value) != *value) {
    char text[160];
    snprintf(text, sizeof(text), "%s must be a whole number from %.0f to %.0f", name, min, max);
    return RangeError(text);
  }
  return true;
}

bool Call::Uint32(size_t at, const char* name, uint32_t* value) const {
  double number = 0;
  if (!Number(at, name, 0, 4294967295.0, &number)) return false;
  *value = static_cast<uint32_t>(number);
  return true;
}

bool Call::Boolean(size_t at, const char* name, bool* value) const {
  if (napi_get_value_bool(raw, values[at], value) == napi_ok) return true;
  return TypeError(name, "a boolean");
}

bool Call::Text(size_t at, const char* name, std::string* value) const {
  return ReadText(raw, values[at], value) || TypeError(name, "a string");
}

bool Call::Array(size_t at, const char* name, char** data, size_t* length) const {
  return ReadUint8Array(raw, values[at], data, length) || TypeError(name, "a Uint8Array");
}

bool Call::Bytes(size_t at, const char* name, BytesArgument* value) const {
  return ReadBytes(raw, values[at], value) || TypeError(name, "a binary string or a Uint8Array");
}

bool Call::OptionalBytes(size_t at, const char* name, BytesArgument* value, bool* given) const {
  *given = !Missing(at);
  return !*given || Bytes(at, name, value);
}

bool Call::BytesList(size_t at, const char* name, std::vector<std::string>* list) const {
  bool is_array = false;
  napi_is_array(raw, values[at], &is_array);
  if (!is_array) return TypeError(name, "an array");
  uint32_t length = 0;
  napi_get_array_length(raw, values[at], &length);
  list->reserve(list->size() + length);
  for (uint32_t i = 0; i < length; i++) {
    // One scope for each element: a list may be longer than one scope likes.
    napi_handle_scope scope;
    napi_open_handle_scope(raw, &scope);
    napi_value element;
    BytesArgument bytes;
    const bool good = napi_get_element(raw, values[at], i, &element) == napi_ok &&
                      ReadBytes(raw, element, &bytes);
    if (good) list->emplace_back(bytes.slice.data(), bytes.slice.size());
    napi_close_handle_scope(raw, scope);
    bool pending = false;
    napi_is_exception_pending(raw, &pending);
    if (pending) return false;
    if (!good) return TypeError(name, "an array of binary strings or Uint8Arrays");
  }
  return true;
}

bool Call::Options(size_t at, const char* name, OptionMap* options) const {
  if (Missing(at)) return true;
  std::vector<std::string> flat;
  // The TypeScript side flattens the record to [name, value, name, value...].
  bool is_array = false;
  napi_is_array(raw, values[at], &is_array);
  uint32_t length = 0;
  if (is_array) napi_get_array_length(raw, values[at], &length);
  if (!is_array || length % 2 != 0) return TypeError(name, "an object of strings");
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    std::string text;
    if (napi_get_element(raw, values[at], i, &element) != napi_ok) return false;
    if (!ReadText(raw, element, &text)) return TypeError(name, "an object of strings");
    flat.push_back(std::move(text));
  }
  for (size_t i = 0; i + 1 < flat.size(); i += 2) (*options)[flat[i]] = flat[i + 1];
  return true;
}

bool Call::Handle(size_t at, double* handle) const {
  return napi_get_value_double(raw, values[at], handle) == napi_ok ||
         TypeError("handle", "a number");
}

napi_value Call::Keep(Kind kind, std::shared_ptr<Object> object) const {
  const double handle = env->registry.Add(kind, std::move(object));
  if (handle != 0) return MakeNumber(raw, handle);
  StateError("ERR_ROCKSDB_LIMIT", "too many open objects");
  return nullptr;
}

napi_value MakeNumber(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value MakeText(napi_env env, const std::string& value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value.data(), value.size(), &result);
  return result;
}

napi_value MakeLatin1(napi_env env, const rocksdb::Slice& value) {
  napi_value result = nullptr;
  if (napi_create_string_latin1(env, value.data(), value.size(), &result) != napi_ok) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) {
      napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the bytes are too long for a string");
    }
    return nullptr;
  }
  return result;
}

napi_value MakeBoolean(napi_env env, bool value) {
  napi_value result = nullptr;
  napi_get_boolean(env, value, &result);
  return result;
}

napi_value MakeNull(napi_env env) {
  napi_value result = nullptr;
  napi_get_null(env, &result);
  return result;
}

napi_value MakeUndefined(napi_env env) {
  napi_value result = nullptr;
  napi_get_undefined(env, &result);
  return result;
}

napi_value MakeBuffer(napi_env env, const rocksdb::Slice& value) {
  napi_value result = nullptr;
  napi_create_buffer_copy(env, value.size(), value.data(), nullptr, &result);
  return result;
}

void SetField(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

napi_value MakeError(Env& env, const rocksdb::Status& status) {
  napi_env raw = env.raw;
  napi_value create = nullptr;
  napi_value error = nullptr;
  napi_value arguments[] = {
      MakeText(raw, CodeName(status)),       MakeText(raw, SubcodeName(status)),
      MakeText(raw, SeverityName(status)),   MakeText(raw, Message(status)),
      MakeBoolean(raw, Retryable(status)),   MakeBoolean(raw, DataLoss(status)),
  };
  if (napi_get_reference_value(raw, env.create_error, &create) == napi_ok && create != nullptr &&
      napi_call_function(raw, MakeUndefined(raw), create, std::size(arguments), arguments,
                         &error) == napi_ok) {
    return error;
  }
  napi_value pending = nullptr;
  napi_get_and_clear_last_exception(raw, &pending);
  napi_create_error(raw, arguments[0], arguments[3], &error);
  return error;
}

}  // namespace kept
