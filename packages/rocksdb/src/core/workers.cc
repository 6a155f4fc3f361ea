// The threads of workers.h.

#include "workers.h"

namespace kept {

void Workers::Post(Job* job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(job);
    if (queue_.size() > idle_ && threads_.size() < threads_max_) {
      threads_.emplace_back([this] { Loop(); });
    }
  }
  // Not under the lock: who wakes up would only wait for it.
  wake_.notify_one();
}

std::deque<Job*> Workers::TakeQueued() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::deque<Job*> taken;
  taken.swap(queue_);
  return taken;
}

void Workers::Stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    wake_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = false;
  idle_ = 0;
}

void Workers::Loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    idle_++;
    while (queue_.empty() && !stopping_) wake_.wait(lock);
    idle_--;
    if (queue_.empty()) return;
    Job* job = queue_.front();
    queue_.pop_front();
    lock.unlock();
    job->Run();
    lock.lock();
  }
}

}  // namespace kept
