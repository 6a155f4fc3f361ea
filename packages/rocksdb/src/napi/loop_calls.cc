// How long the turns of this thread's event loop take. Calls of this addon run on the loop, and whoever
// makes them wants to know for how long they, and all else that runs there, keep it from its sockets.
//
// A turn is what lies between two waits for events. libuv calls a prepare handle right before it waits, and
// counts the time in which it waits (Node asks it to), so the time from one call to the next, less the
// time waited in between, is one turn: callbacks, timers, collection of garbage. Two readings of a clock a
// turn are all it costs.
//
// A turn may be long because the system gave the processor to somebody else. The processor time of
// the thread tells, but asking for it is a system call: it is asked once a millisecond, and when a long
// turn has ended.

#include <node_api.h>
#include <time.h>
#include <uv.h>

#include <algorithm>
#include <memory>

#include "arguments.h"
#include "calls.h"
#include "env.h"

namespace kept {
namespace {

constexpr uint64_t kSampleNs = 1000000;
constexpr size_t kLongKept = 16;

uint64_t ThreadNs() {
  timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
  return static_cast<uint64_t>(time.tv_sec) * 1000000000u + static_cast<uint64_t>(time.tv_nsec);
}

struct LongTurn {
  uint64_t end_ns;
  uint64_t turn_ns;
  uint64_t processor_ns;
};

/** Lives until libuv has let go of its handle, which may be after the object that JavaScript knows. */
struct Watch {
  uv_prepare_t handle;
  uv_loop_t* loop = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool closing = false;

  uint64_t long_ns = 0;
  uint64_t last_ns = 0;
  uint64_t last_idle_ns = 0;
  uint64_t sampled_ns = 0;
  uint64_t sampled_processor_ns = 0;

  uint64_t turns = 0;
  uint64_t busy_ns = 0;
  uint64_t longest_ns = 0;
  uint64_t long_turns = 0;
  /** The last of them that nobody has asked for yet. */
  LongTurn recent[kLongKept];

  void Turn() {
    const uint64_t now = uv_hrtime();
    const uint64_t idle = uv_metrics_idle_time(loop);
    const uint64_t passed = now - last_ns;
    const uint64_t waited = idle - last_idle_ns;
    const uint64_t turn = passed > waited ? passed - waited : 0;
    last_ns = now;
    last_idle_ns = idle;
    turns++;
    busy_ns += turn;
    if (turn > longest_ns) longest_ns = turn;
    const bool is_long = turn > long_ns;
    if (!is_long && now - sampled_ns < kSampleNs) return;
    const uint64_t processor = ThreadNs();
    if (is_long) {
      const uint64_t used = std::min(processor - sampled_processor_ns, turn);
      recent[long_turns++ % kLongKept] = {now, turn, used};
    }
    sampled_ns = now;
    sampled_processor_ns = processor;
  }

  static void OnPrepare(uv_prepare_t* handle) { static_cast<Watch*>(handle->data)->Turn(); }

  void Close() {
    if (closing) return;
    closing = true;
    uv_prepare_stop(&handle);
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* closed) {
      auto* watch = static_cast<Watch*>(closed->data);
      napi_remove_async_cleanup_hook(watch->hook);
      delete watch;
    });
  }
};

class LoopObject final : public Object {
 public:
  static constexpr Kind kKind = Kind::kLoop;
  static constexpr const char* kClosed = "the loop is not watched any more";
  explicit LoopObject(Watch* owned) : watch(owned) {}
  ~LoopObject() override { watch->Close(); }
  Watch* const watch;
  uint64_t told = 0;
};

/** loopWatch(longTurnMs): handle */
napi_value LoopWatch(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  double long_ms = 0;
  uv_loop_t* loop = nullptr;
  if (!call.Number(0, "longTurnMs", 0.001, 1e9, &long_ms)) return nullptr;
  if (napi_get_uv_event_loop(raw, &loop) != napi_ok) return nullptr;
  auto* watch = new Watch;
  watch->loop = loop;
  watch->handle.data = watch;
  watch->long_ns = static_cast<uint64_t>(long_ms * 1e6);
  watch->last_ns = watch->sampled_ns = uv_hrtime();
  watch->last_idle_ns = uv_metrics_idle_time(loop);
  watch->sampled_processor_ns = ThreadNs();
  uv_prepare_init(loop, &watch->handle);
  uv_prepare_start(&watch->handle, Watch::OnPrepare);
  // It keeps nobody waiting for the loop's end.
  uv_unref(reinterpret_cast<uv_handle_t*>(&watch->handle));
  const auto end = [](napi_async_cleanup_hook_handle, void* data) {
    static_cast<Watch*>(data)->Close();
  };
  napi_add_async_cleanup_hook(raw, end, watch, &watch->hook);
  return call.Keep(Kind::kLoop, std::make_shared<LoopObject>(watch));
}

/**
 * loopTurns(watch): [now, turns, busy, longest since the last call, long turns, then for each of the
 * last long turns since that call: its end, length, processor time]; all times in microseconds, on the
 * clock of process.hrtime
 */
napi_value LoopTurns(napi_env raw, napi_callback_info info) {
  Call call(raw, info);
  auto* object = call.Find<LoopObject>(0);
  if (object == nullptr) return nullptr;
  Watch& watch = *object->watch;
  napi_value result;
  napi_create_array(raw, &result);
  uint32_t index = 0;
  const auto add = [&](double value) {
    napi_set_element(raw, result, index++, MakeNumber(raw, value));
  };
  const auto add_time = [&](uint64_t ns) { add(static_cast<double>(ns) / 1000); };
  add_time(uv_hrtime());
  add(static_cast<double>(watch.turns));
  add_time(watch.busy_ns);
  add_time(watch.longest_ns);
  add(static_cast<double>(watch.long_turns));
  if (watch.long_turns > kLongKept) {
    object->told = std::max(object->told, watch.long_turns - kLongKept);
  }
  for (; object->told < watch.long_turns; object->told++) {
    const LongTurn& turn = watch.recent[object->told % kLongKept];
    add_time(turn.end_ns);
    add_time(turn.turn_ns);
    add_time(turn.processor_ns);
  }
  watch.longest_ns = 0;
  return result;
}

}  // namespace

void AddLoopCalls(std::vector<NativeFunction>* functions) {
  functions->insert(functions->end(), {{"loopWatch", LoopWatch}, {"loopTurns", LoopTurns}});
}

}  // namespace kept
