// Strings whose bytes lie outside of JavaScript's heap (external_text.h), and the gathering of one from
// pieces as they come.
//
// Memory follows the bytes received and not the length announced: the first megabytes in small pages, with room that
// doubles, then in large ones. Up to kRoomAtOnce is only address space until it is written to, and beyond that the room
// doubles again, for which the system moves pages and copies nothing.

// Before Node 24 these strings stand among what may still change.
#define NAPI_EXPERIMENTAL
#include "external_text.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "arguments.h"
#include "calls.h"
#include "env.h"

namespace kept {

constexpr size_t kLargePage = 2 * 1024 * 1024;

char* RoomForText(size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (size >= 2 * kLargePage) {
    void* room = nullptr;
    if (posix_memalign(&room, kLargePage, size) == 0) {
      madvise(room, size / kLargePage * kLargePage, MADV_HUGEPAGE);
      return static_cast<char*>(room);
    }
  }
#endif
  return static_cast<char*>(malloc(size));
}

napi_value MakeExternalText(napi_env env, char* data, size_t size) {
  const auto finalize = [](auto, void* bytes, void*) { free(bytes); };
  napi_value result = nullptr;
  bool copied = false;
  const napi_status status = node_api_create_external_string_latin1(env, data, size, finalize,
                                                                    nullptr, &result, &copied);
  if (status == napi_ok) {
    // A build of V8 that keeps all strings in its heap has called `finalize` already.
    return result;
  }
  free(data);
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the bytes are too long for a string");
  }
  return nullptr;
}

namespace {

constexpr size_t kRoomAtFirst = 64 * 1024;
constexpr size_t kRoomAtOnce = 32 * 1024 * 1024;

class GatherObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kGather;
  static constexpr const char* kClosed = "the bytes have been taken";
  explicit GatherObject(size_t length) : length_(length) {}
  ~GatherObject() override { free(data_); }

  bool Append(const char* bytes, size_t count) {
    if (count > length_ - size_) return false;
    if (size_ + count > room_ && !Grow(size_ + count)) return false;
    memcpy(data_ + size_, bytes, count);
    size_ += count;
    return true;
  }

  napi_value Take(napi_env raw) {
    char* data = data_;
    data_ = nullptr;
    return MakeExternalText(raw, data, size_);
  }

  size_t size() const { return size_; }

 private:
  /** Small until a large page's worth has come: who announces much and sends little is to cost little. */
  bool Grow(size_t needed) {
    const bool is_small = needed < kLargePage;
    const size_t wanted = is_small ? std::max(kRoomAtFirst, needed * 2)
                                   : std::max({kRoomAtOnce, room_ * 2, needed});
    const size_t room = std::min(length_, wanted);
    char* grown = nullptr;
    if (!is_small && room_ < kRoomAtOnce) {
      grown = RoomForText(room);
      if (grown == nullptr) return false;
      if (size_ > 0) memcpy(grown, data_, size_);
      free(data_);
    } else {
      grown = static_cast<char*>(realloc(data_, room));
      if (grown == nullptr) return false;
    }
    data_ = grown;
    room_ = room;
    return true;
  }

  const size_t length_;
  size_t size_ = 0;
  size_t room_ = 0;
  char* data_ = nullptr;
};

/** gatherCreate(length): handle */
napi_value GatherCreate(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double length = 0;
  if (!call.Number(0, "length", 1, 4294967295.0, &length)) return nullptr;
  return call.Keep(Kind::kGather, std::make_shared<GatherObject>(static_cast<size_t>(length)));
}

/** gatherAppend(gather, bytes, from, to) */
napi_value GatherAppend(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  auto* object = call.Find<GatherObject>(0);
  if (object == nullptr) return nullptr;
  char* data = nullptr;
  size_t size = 0;
  double from = 0;
  double to = 0;
  if (!call.Array(1, "bytes", &data, &size) ||
      !call.Number(2, "from", 0, static_cast<double>(size), &from) ||
      !call.Number(3, "to", from, static_cast<double>(size), &to)) {
    return nullptr;
  }
  if (!object->Append(data + static_cast<size_t>(from), static_cast<size_t>(to - from))) {
    call.RangeError("more bytes than were announced, or than there is memory for");
  }
  return nullptr;
}

/** gatherTake(gather): the string; the gather is closed */
napi_value GatherTake(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double handle = 0;
  auto* object = call.Find<GatherObject>(0);
  if (object == nullptr || !call.Handle(0, &handle)) return nullptr;
  napi_value result = nullptr;
  if (object->size() == 0) {
    napi_create_string_latin1(raw, "", 0, &result);
  } else {
    result = object->Take(raw);
  }
  call.env->registry.Remove(handle, Kind::kGather);
  return result;
}

}  // namespace

void AddTextCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"gatherCreate", GatherCreate},
                                       {"gatherAppend", GatherAppend},
                                       {"gatherTake", GatherTake}});
}

}  // namespace kept
