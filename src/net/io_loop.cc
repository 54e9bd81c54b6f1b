// SPDX-License-Identifier: Apache-2.0
#include "net/io_loop.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>

#include "net/loop_native.h"

namespace altlas::net {

std::uint64_t TimerHeap::Add(TimePoint when, std::function<void()> function) {
  const std::uint64_t id = next_id_++;
  timers_.emplace(Key(when, id), std::move(function));
  if (!running_) Arm();
  return id;
}

void TimerHeap::Remove(TimePoint when, std::uint64_t id) { timers_.erase({when, id}); }

void TimerHeap::RunDue(TimePoint now) {
  running_ = true;
  armed_ = TimePoint::max();
  // Timers that a function adds for a time past wait for the next round: a timer that re-arms itself cannot
  // hold the loop.
  const std::uint64_t first_new = next_id_;
  auto next = timers_.begin();
  while (next != timers_.end() && next->first.first <= now) {
    if (next->first.second >= first_new) {
      ++next;
      continue;
    }
    const auto function = std::move(next->second);
    timers_.erase(next);
    function();
    next = timers_.begin();
  }
  running_ = false;
  Arm();
}

void TimerHeap::Arm() {
  if (fd_ < 0 || timers_.empty()) return;
  const TimePoint first = timers_.begin()->first.first;
  if (first >= armed_) return;
  armed_ = first;
  // Zero would disarm it.
  const std::int64_t ns = std::max<std::int64_t>(first.time_since_epoch().count(), 1);
  itimerspec spec{};
  spec.it_value.tv_sec = ns / 1'000'000'000;
  spec.it_value.tv_nsec = ns % 1'000'000'000;
  ::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

IoLoop::Timer::Timer(Timer&& other) noexcept
    : heap_(std::move(other.heap_)), when_(other.when_), id_(other.id_) {
  other.heap_.reset();
}

IoLoop::Timer& IoLoop::Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  Cancel();
  heap_ = std::move(other.heap_);
  other.heap_.reset();
  when_ = other.when_;
  id_ = other.id_;
  return *this;
}

void IoLoop::Timer::Cancel() {
  if (const auto heap = heap_.lock()) heap->Remove(when_, id_);
  heap_.reset();
}

bool IoLoop::Timer::armed() const {
  const auto heap = heap_.lock();
  return heap != nullptr && heap->Contains(when_, id_);
}

void IoLoop::Native::WaitForTimers() {
  timer_fd.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto got = ::read(timer_fd.native_handle(), &expirations, sizeof(expirations));
    timers->RunDue(clock.Now());
    WaitForTimers();
  });
}

void IoLoop::Native::WaitForSignal() {
  signals.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    WaitForSignal();
  });
}

IoLoop::IoLoop(std::shared_ptr<Native> native) : native_(std::move(native)) {}

Result<std::unique_ptr<IoLoop>> IoLoop::Create() {
  try {
    auto native = std::make_shared<Native>();
    const int fd = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
      return Fail(ErrorCode::kUnavailable, "cannot make a timer descriptor: {}", std::strerror(errno));
    native->timer_fd.assign(fd);
    native->timers = std::make_shared<TimerHeap>(fd);
    native->WaitForTimers();
    return std::unique_ptr<IoLoop>(new IoLoop(std::move(native)));
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kUnavailable, "cannot make an event loop: {}", e.what());
  }
}

IoLoop::~IoLoop() {
  native_->timers.reset();
  native_->on_signal = nullptr;
}

void IoLoop::Run() {
  native_->context.run();  // the wait for timers keeps it from running out of work
}

bool IoLoop::RunReady() { return native_->context.poll() > 0; }

void IoLoop::Stop() { native_->context.stop(); }

void IoLoop::Post(std::function<void()> function) { asio::post(native_->context, std::move(function)); }

Executor IoLoop::AsExecutor() {
  // Weak: a posted function may hold an executor, and the two must not keep each other alive in the loop's
  // queue.
  return [weak = std::weak_ptr(native_)](std::function<void()> function) {
    if (const auto native = weak.lock()) asio::post(native->context, std::move(function));
  };
}

const Clock& IoLoop::clock() const { return native_->clock; }

IoLoop::Timer IoLoop::RunAt(TimePoint when, std::function<void()> function) {
  Timer timer;
  timer.when_ = when;
  timer.id_ = native_->timers->Add(when, std::move(function));
  timer.heap_ = native_->timers;
  return timer;
}

IoLoop::Timer IoLoop::RunAfter(Duration delay, std::function<void()> function) {
  return RunAt(native_->clock.Now() + delay, std::move(function));
}

Status IoLoop::OnSignals(std::vector<int> signals, std::function<void(int)> function) {
  if (native_->on_signal) return Fail(ErrorCode::kConflict, "the loop watches signals already");
  for (const int signal : signals) {
    boost::system::error_code error;
    native_->signals.add(signal, error);
    if (error)
      return Fail(ErrorCode::kInvalidArgument, "cannot watch signal {}: {}", signal, error.message());
  }
  native_->on_signal = std::move(function);
  native_->WaitForSignal();
  return {};
}

}  // namespace altlas::net
