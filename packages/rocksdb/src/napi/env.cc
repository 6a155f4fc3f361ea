// The environment of env.h.

#include "env.h"

#include <cmath>

#include "database.h"

namespace kept {
namespace {

constexpr uint32_t kIndexBits = 22;
constexpr uint32_t kIndexMax = 1u << kIndexBits;
constexpr uint32_t kUseMax = 1u << 30;

}  // namespace

double Registry::Add(Kind kind, std::shared_ptr<Object> object) {
  uint32_t index;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    if (places_.size() >= kIndexMax) return 0;
    index = static_cast<uint32_t>(places_.size());
    places_.emplace_back();
  }
  places_[index].kind = kind;
  places_[index].object = std::move(object);
  return static_cast<double>(places_[index].use) * kIndexMax + index;
}

const Registry::Place* Registry::PlaceOf(double handle, Kind kind) const {
  if (!(handle >= kIndexMax && handle < 9007199254740992.0)) return nullptr;
  const uint64_t number = static_cast<uint64_t>(handle);
  const size_t index = number & (kIndexMax - 1);
  if (index >= places_.size() || static_cast<double>(number) != handle) return nullptr;
  const Place& place = places_[index];
  if (!place.object || place.use != number >> kIndexBits || place.kind != kind) return nullptr;
  return &place;
}

Object* Registry::Find(double handle, Kind kind) const {
  const Place* place = PlaceOf(handle, kind);
  return place == nullptr ? nullptr : place->object.get();
}

std::shared_ptr<Object> Registry::Share(double handle, Kind kind) const {
  const Place* place = PlaceOf(handle, kind);
  return place == nullptr ? nullptr : place->object;
}

bool Registry::Remove(double handle, Kind kind) {
  const Place* found = PlaceOf(handle, kind);
  if (found == nullptr) return false;
  const auto index = static_cast<uint32_t>(found - places_.data());
  // The object's end may open or close others: the place is ready for that before.
  std::shared_ptr<Object> object = std::move(places_[index].object);
  places_[index].use = places_[index].use % kUseMax + 1;
  free_.push_back(index);
  return true;
}

Env* Env::Create(napi_env raw) {
  auto env = std::unique_ptr<Env>(new Env(raw));
  napi_value name;
  if (napi_create_string_utf8(raw, "kept.rocksdb", NAPI_AUTO_LENGTH, &name) != napi_ok) {
    return nullptr;
  }
  // No limit on the queue: tasks are limited by their callers and events by EventGate, and a post
  // that waited for the loop could wait for itself (a listener is called in the middle of a write).
  if (napi_create_threadsafe_function(raw, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                      env.get(), OnWake, &env->channel_) != napi_ok) {
    return nullptr;
  }
  napi_unref_threadsafe_function(raw, env->channel_);
  // Hooks run last in, first out: ours runs before the channel's own, while it still takes items.
  napi_add_env_cleanup_hook(raw, OnExit, env.get());
  return env.release();
}

Env::~Env() = default;

void Env::OnExit(void* data) {
  Env* env = static_cast<Env*>(data);
  for (Job* job : env->lane.TakeQueued()) Task::Discard(job);
  const auto databases = env->databases;
  for (const std::shared_ptr<DatabaseObject>& database : databases) database->StopAtExit();
  env->lane.Stop();
  // What was done but not delivered may pin blocks of a cache: it goes before the stores do.
  for (LoopItem* item : env->TakeItems()) delete item;
  for (const std::shared_ptr<DatabaseObject>& database : databases) database->CloseAtExit();
  for (LoopItem* item : env->TakeItems()) delete item;
  env->databases.clear();
  env->registry.Clear();
  {
    std::lock_guard<std::mutex> lock(env->mutex_);
    env->ended_ = true;
  }
  env->raw = nullptr;
  // The Env itself stays: the channel may still call OnWake, with a null env, after this. What
  // remains is a few hundred bytes for each environment that ends.
}

void Env::Post(LoopItem* item) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (ended_) {
    delete item;
    return;
  }
  items_.push_back(item);
  if (items_.size() == 1) {
    napi_call_threadsafe_function(channel_, nullptr, napi_tsfn_nonblocking);
  }
}

std::vector<LoopItem*> Env::TakeItems() {
  std::vector<LoopItem*> items;
  std::lock_guard<std::mutex> lock(mutex_);
  items.swap(items_);
  return items;
}

void Env::OnWake(napi_env raw, napi_value, void* context, void*) {
  Env* env = static_cast<Env*>(context);
  if (raw == nullptr || env->raw == nullptr) return;
  for (LoopItem* pointer : env->TakeItems()) {
    const std::unique_ptr<LoopItem> item(pointer);
    napi_handle_scope scope;
    napi_open_handle_scope(raw, &scope);
    item->Deliver(*env);
    bool pending = false;
    napi_is_exception_pending(raw, &pending);
    if (pending) {
      // A listener threw: the process hears of it as of any uncaught exception.
      napi_value error;
      napi_get_and_clear_last_exception(raw, &error);
      napi_fatal_exception(raw, error);
    }
    napi_close_handle_scope(raw, scope);
  }
}

void Env::Hold() {
  if (holds_++ == 0) napi_ref_threadsafe_function(raw, channel_);
}

void Env::Unhold() {
  if (--holds_ == 0) napi_unref_threadsafe_function(raw, channel_);
}

}  // namespace kept
