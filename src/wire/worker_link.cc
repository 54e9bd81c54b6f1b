// SPDX-License-Identifier: Apache-2.0
#include "wire/worker_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/unique_fd.h"
#include "wire/lease_book.h"
#include "wire/manager_socket.h"
#include "wire/send_queue.h"
#include "wire/waker.h"

namespace altlas::wire {

namespace {

// Stops while the machine sleeps, so that waking up is not taken for a long silence of the manager.
using SteadyTime = std::chrono::steady_clock::time_point;
constexpr SteadyTime kNever = SteadyTime::max();

// The parts of a Welcome that a loaded worker cannot change. `max_batch` is none: the manager keeps to the
// smaller of what it wants and what Ready said.
bool SameWork(const Welcome& a, const Welcome& b) { return a.models == b.models && a.threads == b.threads; }

Hello HelloOf(const WorkerLinkOptions& options) {
  return {.program_version = options.program_version,
          .device = options.device,
          .token = options.token,
          .leases = {}};
}

Status CheckOptions(const WorkerLinkOptions& options) {
  ALTLAS_TRY_VOID(CheckSocketPath(options.socket_path));
  ALTLAS_TRY_VOID(EncodeMessage(HelloOf(options)));
  return {};
}

}  // namespace

// One thread owns the connection: it connects, polls, reads and calls the listener. Writing is done by
// whoever sends, under the mutex, so that a token needs no hop to another thread.
class WorkerLink::Impl {
 public:
  Impl(WorkerLinkOptions options, WorkerLinkListener& listener, std::function<WorkerProgress()> progress,
       Waker waker)
      : options_(std::move(options)),
        listener_(listener),
        progress_(std::move(progress)),
        waker_(std::move(waker)) {
    std::uint64_t random = 0;
    FillSecureRandom(std::as_writable_bytes(std::span(&random, 1)));
    instance_ = random;
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    stop_ = true;
    waker_.Wake();
    thread_.join();
  }

  // One of the answers to the Welcome: repeated to every later manager.
  void SendAnswer(Message message) {
    MutexLock lock(mutex_);
    Queue(message);
    answers_.push_back(std::move(message));
  }

  void SendToken(Token message) {
    MutexLock lock(mutex_);
    if (book_.AddToken(message)) Queue(std::move(message));
  }

  void SendOutcome(const LeaseKey& lease, Message message) {
    if (auto encoded = EncodeMessage(message); !encoded) {
      message = LeaseFailed{lease, ErrorCode::kInternal, encoded.error().message, false};
    }
    MutexLock lock(mutex_);
    if (!book_.Answer(lease, message)) {
      ALTLAS_WARN("wire", "an answer to a lease that is not open is dropped", {"task", lease.task.ToString()},
                  {"attempt", lease.attempt});
      return;
    }
    Queue(message);
    if (book_.open() == 0) waker_.Wake();  // the end of a drain may be due
  }

  void SendPassing(const Message& message) {
    MutexLock lock(mutex_);
    Queue(message);
  }

  void End(Goodbye goodbye) {
    MutexLock lock(mutex_);
    if (!ending_) ending_ = std::move(goodbye);
    waker_.Wake();
  }

 private:
  static SteadyTime Now() { return std::chrono::steady_clock::now(); }

  void Run() {
    no_contact_since_ = Now();
    while (!stop_) {
      if (!connected_fd_.valid() && Now() >= next_try_) TryConnect();
      if (CheckOrphan(); auto goodbye = EndDue()) {
        Finish(*goodbye);
        return;
      }
      MaybeSendHeartbeat();
      Wait();
    }
  }

  void TryConnect() {
    auto fd = ConnectToManager(options_.socket_path);
    next_try_ = Now() + retry_;
    retry_ = std::min(retry_ * 2, options_.retry_cap);
    if (!fd.valid()) return;
    MutexLock lock(mutex_);
    connected_fd_ = std::move(fd);
    reader_ = FrameReader();
    out_.Clear();
    auto hello = HelloOf(options_);
    hello.pid = static_cast<std::uint32_t>(::getpid());
    hello.instance = instance_;
    hello.leases = book_.Held();
    Append(hello);
    Flush();
  }

  void Disconnect(std::string_view why) {
    ALTLAS_INFO("wire", "no connection to the manager", {"why", why});
    MutexLock lock(mutex_);
    connected_fd_.Reset();
    out_.Clear();
    broken_ = false;
    draining_until_.reset();  // who asked for it is gone
    if (welcomed_) {
      welcomed_ = false;
      no_contact_since_ = Now();
      retry_ = options_.first_retry;
      next_try_ = Now();
    }
  }

  void CheckOrphan() {
    if (welcomed_ || !no_contact_since_) return;
    const Duration limit =
        first_welcome_ ? Duration(std::chrono::milliseconds(orphan_ms_)) : options_.first_contact;
    if (Now() - *no_contact_since_ < limit) return;
    End({GoodbyeReason::kOrphaned,
         fmt::format("no manager at {} for {:.1f} s", options_.socket_path, Seconds(limit))});
  }

  // The reason to end, once there is one: asked for, or drained.
  std::optional<Goodbye> EndDue() {
    MutexLock lock(mutex_);
    if (ending_) return ending_;
    if (!draining_until_ || !welcomed_) return std::nullopt;
    if (book_.empty()) return Goodbye{GoodbyeReason::kDrained, "all leases are finished"};
    if (Now() < *draining_until_) return std::nullopt;
    return Goodbye{GoodbyeReason::kDrained,
                   fmt::format("the time to drain is over with {} leases open", book_.open())};
  }

  void Finish(const Goodbye& goodbye) {
    {
      MutexLock lock(mutex_);
      Queue(goodbye);
      welcomed_ = false;  // it is the last message: what is sent from now on stays in the book
    }
    const auto deadline = Now() + options_.flush_within;
    while (!stop_ && FlushMore() && Now() < deadline) {
      // In short rounds, so that the destructor need not wait for a manager that does not read.
      pollfd poll_fd{connected_fd_.get(), POLLOUT, 0};
      ::poll(&poll_fd, 1, 50);
    }
    {
      MutexLock lock(mutex_);
      connected_fd_.Reset();
    }
    listener_.OnEnd(goodbye);
  }

  // True where something is left that can still be written.
  bool FlushMore() {
    MutexLock lock(mutex_);
    Flush();
    return connected_fd_.valid() && !out_.empty() && !broken_;
  }

  void MaybeSendHeartbeat() {
    if (!welcomed_ || Now() < next_heartbeat_) return;
    next_heartbeat_ = Now() + heartbeat_interval_;
    const auto progress = progress_ ? progress_() : WorkerProgress{};
    MutexLock lock(mutex_);
    Queue(Heartbeat{++sequence_, progress.running, progress.waiting, progress.steps, progress.tokens,
                    progress.memory_used_bytes, progress.tokens_per_second});
  }

  void Wait() {
    std::array<pollfd, 2> fds{};
    fds[0] = {waker_.fd(), POLLIN, 0};
    fds[1] = {connected_fd_.get(), POLLIN, 0};  // a negative descriptor is skipped
    {
      MutexLock lock(mutex_);
      if (!out_.empty()) fds[1].events |= POLLOUT;
    }
    ::poll(fds.data(), fds.size(), WaitMillis());
    if (fds[0].revents != 0) waker_.Rest();
    if (fds[1].revents & POLLOUT) FlushMore();
    if (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) Receive();
    if (Broken()) Disconnect("writing failed");
  }

  bool Broken() {
    MutexLock lock(mutex_);
    return broken_;
  }

  int WaitMillis() {
    auto until = kNever;
    if (!connected_fd_.valid()) until = std::min(until, next_try_);
    if (welcomed_) until = std::min(until, next_heartbeat_);
    if (!welcomed_) until = std::min(until, Now() + std::chrono::milliseconds(500));  // the orphan time
    MutexLock lock(mutex_);
    if (draining_until_) until = std::min(until, *draining_until_);
    if (until == kNever) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void Receive() {
    std::array<std::byte, 65536> buffer;
    const auto got = ::recv(connected_fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return Disconnect(got == 0 ? "the manager closed it" : std::strerror(errno));
    reader_.Feed(ByteView(buffer).first(static_cast<std::size_t>(got)));
    while (!stop_) {
      const auto frame = reader_.Next();
      if (!frame) break;
      auto message = DecodeMessage(*frame);
      if (!message) return Disconnect(message.error().message);
      Handle(std::move(*message));
    }
    if (!reader_.status()) Disconnect(reader_.status().error().message);
  }

  void Handle(Message message) {
    if (auto* welcome = std::get_if<Welcome>(&message)) return HandleWelcome(*welcome);
    if (auto* goodbye = std::get_if<Goodbye>(&message)) return End(std::move(*goodbye));
    if (!welcomed_) return;
    if (auto* grant = std::get_if<LeaseGrant>(&message)) return HandleGrant(std::move(*grant));
    if (auto* cancel = std::get_if<LeaseCancel>(&message)) {
      bool open = false;
      {
        MutexLock lock(mutex_);
        open = book_.IsOpen(cancel->lease);
      }
      if (open) listener_.OnCancel(cancel->lease);
    } else if (auto* ack = std::get_if<LeaseDoneAck>(&message)) {
      MutexLock lock(mutex_);
      book_.Acknowledge(ack->lease);
    } else if (auto* drain = std::get_if<Drain>(&message)) {
      HandleDrain(*drain);
    } else if (const auto* ask = std::get_if<ProfileAsk>(&message)) {
      if (options_.on_profile_ask) options_.on_profile_ask(*ask);
    } else if (auto* print = std::get_if<PrintLine>(&message)) {
      ALTLAS_INFO("wire", print->text);
    }
  }

  void HandleWelcome(const Welcome& welcome) {
    if (first_welcome_ && !SameWork(*first_welcome_, welcome)) {
      return End(
          {GoodbyeReason::kReconfigured, "the models or their settings differ from those that are loaded"});
    }
    orphan_ms_ = welcome.orphan_ms;
    heartbeat_interval_ = std::chrono::milliseconds(std::max(1u, welcome.heartbeat_interval_ms));
    next_heartbeat_ = Now();
    no_contact_since_.reset();
    {
      MutexLock lock(mutex_);
      welcomed_ = true;
      for (const auto& answer : answers_) Append(answer);
      for (const auto& message : book_.Replay()) Append(message);
      Flush();
    }
    if (first_welcome_) return;
    first_welcome_ = welcome;
    listener_.OnWelcome(welcome);
  }

  void HandleGrant(LeaseGrant grant) {
    {
      MutexLock lock(mutex_);
      if (!book_.Grant(grant)) {
        ALTLAS_WARN("wire", "a lease that is held already was granted again",
                    {"task", grant.lease.task.ToString()}, {"attempt", grant.lease.attempt});
        return;
      }
    }
    listener_.OnGrant(std::move(grant));
  }

  void HandleDrain(const Drain& drain) {
    const std::chrono::milliseconds deadline(std::min<std::uint64_t>(drain.deadline_ms, 86'400'000));
    {
      MutexLock lock(mutex_);
      draining_until_ = deadline.count() == 0 ? kNever : Now() + deadline;
    }
    listener_.OnDrain(deadline);
  }

  // Sends as much as the socket takes now; the rest when poll() says so. Nothing before the Welcome: the book
  // and the answers keep what matters and are repeated then.
  void Queue(const Message& message) ALTLAS_REQUIRES(mutex_) {
    if (!welcomed_) return;
    const bool idle = out_.empty();
    Append(message);
    if (!idle) return;
    Flush();
    if (!out_.empty()) waker_.Wake();
  }
  void Append(const Message& message) ALTLAS_REQUIRES(mutex_) {
    if (auto status = out_.Append(message); !status) {
      ALTLAS_ERROR("wire", "a message cannot be sent", {"why", status.error().message});
    }
  }
  void Flush() ALTLAS_REQUIRES(mutex_) {
    if (!connected_fd_.valid() || broken_ || out_.Flush(connected_fd_.get())) return;
    broken_ = true;  // the link's thread tears the connection down
    waker_.Wake();
  }

  const WorkerLinkOptions options_;
  WorkerLinkListener& listener_;
  const std::function<WorkerProgress()> progress_;
  const Waker waker_;
  std::uint64_t instance_ = 0;
  std::atomic<bool> stop_{false};

  // Touched by the link's thread alone.
  FrameReader reader_;
  SteadyTime next_try_{};
  Duration retry_ = options_.first_retry;
  SteadyTime next_heartbeat_ = kNever;
  Duration heartbeat_interval_{std::chrono::milliseconds(500)};
  std::uint64_t orphan_ms_ = 0;
  std::uint64_t sequence_ = 0;
  std::optional<SteadyTime> no_contact_since_;
  std::optional<Welcome> first_welcome_;

  // The link's thread writes these two under the mutex and reads them freely; others read them under it.
  UniqueFd connected_fd_;
  bool welcomed_ = false;

  Mutex mutex_;
  LeaseBook book_ ALTLAS_GUARDED_BY(mutex_);
  std::vector<Message> answers_ ALTLAS_GUARDED_BY(mutex_);
  SendQueue out_ ALTLAS_GUARDED_BY(mutex_);
  bool broken_ ALTLAS_GUARDED_BY(mutex_) = false;
  std::optional<SteadyTime> draining_until_ ALTLAS_GUARDED_BY(mutex_);
  std::optional<Goodbye> ending_ ALTLAS_GUARDED_BY(mutex_);

  std::thread thread_;
};

Result<std::unique_ptr<WorkerLink>> WorkerLink::Create(WorkerLinkOptions options,
                                                       WorkerLinkListener& listener,
                                                       std::function<WorkerProgress()> progress) {
  ALTLAS_TRY_VOID(CheckOptions(options));
  ALTLAS_TRY(auto waker, Waker::Create());
  return std::unique_ptr<WorkerLink>(new WorkerLink(
      std::make_unique<Impl>(std::move(options), listener, std::move(progress), std::move(waker))));
}

WorkerLink::WorkerLink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WorkerLink::~WorkerLink() = default;
void WorkerLink::SendModelReady(ModelReady message) { impl_->SendAnswer(std::move(message)); }
void WorkerLink::SendModelFailed(ModelFailed message) { impl_->SendAnswer(std::move(message)); }
void WorkerLink::SendReady(Ready message) { impl_->SendAnswer(message); }
void WorkerLink::SendToken(Token message) { impl_->SendToken(std::move(message)); }
void WorkerLink::SendDone(LeaseDone message) {
  const auto lease = message.lease;
  impl_->SendOutcome(lease, std::move(message));
}
void WorkerLink::SendFailed(LeaseFailed message) {
  const auto lease = message.lease;
  impl_->SendOutcome(lease, std::move(message));
}
void WorkerLink::SendProfileReport(ProfileReport message) { impl_->SendPassing(std::move(message)); }
void WorkerLink::End(Goodbye goodbye) { impl_->End(std::move(goodbye)); }

}  // namespace altlas::wire
