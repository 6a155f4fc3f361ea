// The addon's entry: one Env for each JavaScript environment that loads it, and its functions.

#include <node_api.h>
#include <rocksdb/version.h>

#include "arguments.h"
#include "calls.h"
#include "env.h"

namespace kept {
namespace {

/** setup(createError): the function that makes a RocksDBError from a status' parts. */
napi_value Setup(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  napi_valuetype type = napi_undefined;
  napi_typeof(raw, call.values[0], &type);
  if (type != napi_function) {
    call.TypeError("createError", "a function");
    return nullptr;
  }
  if (call.env->create_error != nullptr) napi_delete_reference(raw, call.env->create_error);
  napi_create_reference(raw, call.values[0], 1, &call.env->create_error);
  return nullptr;
}

/** The empty call, to measure what crossing costs. */
napi_value Nothing(napi_env, napi_callback_info) { return nullptr; }

napi_value Init(napi_env raw, napi_value exports) {
  Env* env = Env::Create(raw);
  if (env == nullptr) {
    napi_throw_error(raw, nullptr, "the RocksDB binding could not be set up");
    return nullptr;
  }
  std::vector<NativeFunction> functions = {{"setup", Setup}, {"nothing", Nothing}};
  AddDatabaseCalls(&functions);
  AddReadCalls(&functions);
  AddLoanCalls(&functions);
  AddWriteCalls(&functions);
  AddIteratorCalls(&functions);
  AddBatchCalls(&functions);
  AddMaintenanceCalls(&functions);
  AddInspectionCalls(&functions);
  AddLoopCalls(&functions);
  AddTextCalls(&functions);
  for (const NativeFunction& function : functions) {
    napi_value value;
    if (napi_create_function(raw, function.name, NAPI_AUTO_LENGTH, function.function, env,
                             &value) != napi_ok) {
      return nullptr;
    }
    napi_set_named_property(raw, exports, function.name, value);
  }
  const std::string version = std::to_string(ROCKSDB_MAJOR) + "." +
                              std::to_string(ROCKSDB_MINOR) + "." + std::to_string(ROCKSDB_PATCH);
  SetField(raw, exports, "rocksdbVersion", MakeText(raw, version));
  return exports;
}

}  // namespace
}  // namespace kept

NAPI_MODULE_INIT() { return kept::Init(env, exports); }
