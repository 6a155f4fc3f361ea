// Every function that JavaScript can call, grouped as the files that hold them.

#pragma once

#include <node_api.h>

#include <vector>

namespace kept {

struct NativeFunction {
  const char* name;
  napi_callback function;
};

/** A call that promises: what is wrong with its arguments rejects instead of being thrown. */
template <napi_callback function>
napi_value Promised(napi_env env, napi_callback_info info) {
  napi_value result = function(env, info);
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) return result;
  napi_value error;
  napi_deferred deferred;
  napi_value promise = nullptr;
  napi_get_and_clear_last_exception(env, &error);
  if (napi_create_promise(env, &deferred, &promise) == napi_ok) {
    napi_reject_deferred(env, deferred, error);
  }
  return promise;
}

void AddDatabaseCalls(std::vector<NativeFunction>* functions);
void AddReadCalls(std::vector<NativeFunction>* functions);
void AddWriteCalls(std::vector<NativeFunction>* functions);
void AddBatchCalls(std::vector<NativeFunction>* functions);
void AddMaintenanceCalls(std::vector<NativeFunction>* functions);
void AddInspectionCalls(std::vector<NativeFunction>* functions);
void AddLoopCalls(std::vector<NativeFunction>* functions);
void AddTextCalls(std::vector<NativeFunction>* functions);
void AddLoanCalls(std::vector<NativeFunction>* functions);
void AddIteratorCalls(std::vector<NativeFunction>* functions);

}  // namespace kept
