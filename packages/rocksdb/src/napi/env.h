// What one JavaScript environment (the main thread or a worker thread) has of this addon: its open
// objects, the way back from other threads into its loop, and what is cut down when it ends.
//
// JavaScript never holds a pointer. It holds a number: an index into the table of objects and how many
// times that place has been used, so a stale, forged or mistyped handle is an error and not a crash.

#pragma once

#include <node_api.h>

#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "../core/workers.h"
#include "loan.h"

namespace kept {

class Env;
class DatabaseObject;

enum class Kind { kDatabase, kIterator, kSnapshot, kBatch, kCache, kUpdates, kLoop, kGather };
constexpr Kind kLastKind = Kind::kGather;

class Object {
 public:
  virtual ~Object() = default;
  /** To be held while it is let go of, if another thread may take away what it has. */
  virtual LoanGuard Guard() { return {}; }
};

class Registry {
 public:
  /** Returns the handle, or 0 when too many objects are open. */
  double Add(Kind kind, std::shared_ptr<Object> object);
  Object* Find(double handle, Kind kind) const;
  std::shared_ptr<Object> Share(double handle, Kind kind) const;
  /** False when the handle was not open. */
  bool Remove(double handle, Kind kind);
  void Clear() { places_.clear(); }

 private:
  struct Place {
    uint32_t use = 1;
    Kind kind = Kind::kDatabase;
    std::shared_ptr<Object> object;
  };
  const Place* PlaceOf(double handle, Kind kind) const;

  std::vector<Place> places_;
  std::vector<uint32_t> free_;
};

/** Something that was made on another thread and is dealt with on the loop. */
class LoopItem {
 public:
  virtual ~LoopItem() = default;
  virtual void Deliver(Env& env) = 0;
};

class Env {
 public:
  static Env* Create(napi_env env);
  ~Env();

  napi_env raw;
  Registry registry;
  /** Work that belongs to no open database yet or any more: open, list, destroy, repair. */
  Workers lane{4};
  /** Databases that have not been closed to the end, to be closed when the environment ends. */
  std::unordered_set<std::shared_ptr<DatabaseObject>> databases;
  napi_ref create_error = nullptr;

  /** From any thread; the item is deleted after its delivery, or at once when the loop has ended. */
  void Post(LoopItem* item);
  /** Keeps the process alive while work is under way. On the loop only. */
  void Hold();
  void Unhold();

 private:
  explicit Env(napi_env env) : raw(env) {}
  static void OnWake(napi_env env, napi_value, void* context, void* data);
  std::vector<LoopItem*> TakeItems();
  static void OnExit(void* data);

  napi_threadsafe_function channel_ = nullptr;
  size_t holds_ = 0;
  // The channel only wakes the loop; the items wait here, where the end of the environment finds them.
  std::mutex mutex_;
  std::vector<LoopItem*> items_;
  bool ended_ = false;
};

}  // namespace kept
