// SPDX-License-Identifier: Apache-2.0
#include "backend/process_watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "backend/process.h"

namespace altlas::backend {

// Touched on the executor's thread alone.
struct ProcessWatcher::State {
  std::map<std::uint64_t, OnExit> functions;
  std::uint64_t next_id = 1;
};

Result<std::unique_ptr<ProcessWatcher>> ProcessWatcher::Create(Executor executor) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return Fail(ErrorCode::kUnavailable, "eventfd: {}", std::strerror(errno));
  return std::unique_ptr<ProcessWatcher>(new ProcessWatcher(std::move(executor), std::move(wake)));
}

ProcessWatcher::ProcessWatcher(Executor executor, UniqueFd wake)
    : executor_(std::move(executor)), wake_(std::move(wake)), state_(std::make_shared<State>()) {
  thread_ = std::thread([this] { Run(); });
}

ProcessWatcher::~ProcessWatcher() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  Wake();
  thread_.join();
  state_->functions.clear();
}

std::uint64_t ProcessWatcher::Watch(int handle, OnExit on_exit) {
  const auto id = state_->next_id++;
  state_->functions[id] = std::move(on_exit);
  {
    MutexLock lock(mutex_);
    handles_[id] = UniqueFd(::fcntl(handle, F_DUPFD_CLOEXEC, 0));
  }
  Wake();
  return id;
}

void ProcessWatcher::Forget(std::uint64_t id) {
  state_->functions.erase(id);
  MutexLock lock(mutex_);
  handles_.erase(id);
}

void ProcessWatcher::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

void ProcessWatcher::Run() {
  while (true) {
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    std::vector<std::uint64_t> ids{0};
    {
      MutexLock lock(mutex_);
      if (stop_) return;
      for (const auto& [id, handle] : handles_) {
        fds.push_back({handle.get(), POLLIN, 0});
        ids.push_back(id);
      }
    }
    ::poll(fds.data(), fds.size(), -1);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof(count));
    for (std::size_t i = 1; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      MutexLock lock(mutex_);
      const auto found = handles_.find(ids[i]);
      if (found == handles_.end())
        continue;  // forgotten meanwhile; its number may be another's descriptor by now
      const auto how = TryReap(found->second.get());
      if (!how) continue;
      handles_.erase(found);
      executor_([state = state_, id = ids[i], how = *how] {
        const auto function = state->functions.find(id);
        if (function == state->functions.end()) return;
        const auto call = std::move(function->second);
        state->functions.erase(function);
        call(how);
      });
    }
  }
}

}  // namespace altlas::backend
