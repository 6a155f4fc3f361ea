// Every function that JavaScript can call, grouped as the files that hold them.

#pragma once

#include <node_api.h>

#include <vector>

namespace kept {

struct NativeFunction {
  const char* name;
  napi_callback function;
};

void AddDatabaseCalls(std::vector<NativeFunction>* functions);
void AddReadCalls(std::vector<NativeFunction>* functions);
void AddWriteCalls(std::vector<NativeFunction>* functions);
void AddBatchCalls(std::vector<NativeFunction>* functions);
void AddMaintenanceCalls(std::vector<NativeFunction>* functions);
void AddInspectionCalls(std::vector<NativeFunction>* functions);
void AddIteratorCalls(std::vector<NativeFunction>* functions);

}  // namespace kept
