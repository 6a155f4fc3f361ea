// A few threads with one queue in front of them. Threads start when there is work for them and no
// idle one, up to a limit. With a limit of one it is a lane: jobs run one after another, in order.
//
// Why not libuv's pool: a stalled write would hold one of its four threads for as long as the stall
// lasts, and four such writes would stop every file operation and every cold read of the process.

#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kept {

class Job {
 public:
  virtual ~Job() = default;
  /** Does the work, on a worker's thread. Whoever keeps the job past this must take it over. */
  virtual void Run() = 0;
};

class Workers {
 public:
  explicit Workers(size_t threads_max) : threads_max_(threads_max) {}
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /** Runs `job` once and then leaves it alone: a job deletes itself or hands itself on. */
  void Post(Job* job);

  /** Takes back the jobs that no thread has begun. */
  std::deque<Job*> TakeQueued();

  /** Waits for the jobs that run, then ends the threads. Nothing may be queued any more. */
  void Stop();

 private:
  void Loop();

  const size_t threads_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> queue_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace kept
