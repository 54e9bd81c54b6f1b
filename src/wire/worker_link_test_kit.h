// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <deque>

#include "base/file.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "wire/worker_link.h"

// For tests: a link, a manager at the other end of its socket with blocking calls, and a record of what the
// link told its listener.
namespace altlas::wire {

using std::chrono::milliseconds;
inline constexpr auto kPatience = std::chrono::seconds(60);

inline const LeaseKey kA{{1, 1}, 1};
inline const LeaseKey kB{{1, 2}, 1};

inline LeaseGrant GrantOf(const LeaseKey& lease, bool stream) {
  return {lease, "text_generation", "tiny", "{}", stream, {}};
}

inline Welcome WelcomeOf(std::uint64_t orphan_ms = 60'000) {
  Welcome welcome;
  welcome.program_version = "m";
  welcome.models = {{"tiny", "/m", "float32", 0, 0}};
  welcome.heartbeat_interval_ms = 3'600'000;  // one at once, then none: the tests read what they expect
  welcome.orphan_ms = orphan_ms;
  return welcome;
}

// The manager's end of one connection, with blocking calls.
class Connection {
 public:
  explicit Connection(UniqueFd fd) : fd_(std::move(fd)) {}
  void Send(const Message& message) {
    const auto bytes = EncodeMessage(message);
    ASSERT_TRUE(bytes);
    SendRaw(*bytes);
  }
  void SendRaw(std::string_view bytes) {
    EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  // Empty at the end of the stream.
  std::optional<Message> Receive() {
    while (true) {
      if (const auto frame = reader_.Next()) {
        auto message = DecodeMessage(*frame);
        EXPECT_TRUE(message) << message.error().message;
        if (message && std::holds_alternative<Heartbeat>(*message)) continue;
        return message ? std::optional(*message) : std::nullopt;
      }
      char buffer[4096];
      const auto got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
      if (got <= 0) return std::nullopt;
      reader_.Feed(AsBytes({buffer, std::size_t(got)}));
    }
  }
  template <typename M>
  M Expect() {
    auto message = Receive();
    if (message && std::holds_alternative<M>(*message)) return std::get<M>(*message);
    ADD_FAILURE() << "got " << (message ? MessageName(MessageType(*message)) : "the end") << ", expected "
                  << MessageName(MessageType(M{}));
    return {};
  }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  FrameReader reader_;
};

class Manager {
 public:
  explicit Manager(std::string path) : path_(std::move(path)) { Listen(); }
  void Listen() {
    ::unlink(path_.c_str());
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
  }
  void Leave() { listener_.Reset(); }
  Connection Accept() {
    pollfd fd{listener_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&fd, 1, int(milliseconds(kPatience).count())), 1);
    UniqueFd accepted(::accept(listener_.get(), nullptr, nullptr));
    timeval patience{60, 0};
    ::setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return Connection(std::move(accepted));
  }

 private:
  std::string path_;
  UniqueFd listener_;
};

class RecordingListener final : public WorkerLinkListener {
 public:
  void OnWelcome(const Welcome& welcome) override { Record("welcome " + welcome.program_version); }
  void OnGrant(LeaseGrant grant) override { Record("grant " + std::to_string(grant.lease.task.low)); }
  void OnCancel(const LeaseKey& lease) override { Record("cancel " + std::to_string(lease.task.low)); }
  void OnDrain(Duration deadline) override { Record("drain " + std::to_string(deadline / milliseconds(1))); }
  void OnEnd(const Goodbye& goodbye) override {
    Record("end " + std::string(GoodbyeReasonName(goodbye.reason)));
  }
  // Waits for the next event.
  std::string Next() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (events_.empty()) {
      if (std::chrono::steady_clock::now() > deadline) return "nothing";
      changed_.WaitFor(mutex_, milliseconds(100));
    }
    auto event = events_.front();
    events_.pop_front();
    return event;
  }
  bool quiet() {
    MutexLock lock(mutex_);
    return events_.empty();
  }

 private:
  void Record(std::string event) {
    MutexLock lock(mutex_);
    events_.push_back(std::move(event));
    changed_.NotifyAll();
  }
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> events_ ALTLAS_GUARDED_BY(mutex_);
};

class WorkerLinkTest : public ::testing::Test {
 protected:
  std::unique_ptr<WorkerLink> NewLink() {
    WorkerLinkOptions options;
    options.socket_path = path_;
    options.device = "gpu_0";
    options.token = "secret";
    options.program_version = "w";
    options.first_retry = milliseconds(1);
    options.retry_cap = milliseconds(20);
    options.first_contact = first_contact_;
    options.flush_within = flush_within_;
    auto link = WorkerLink::Create(options, listener_, [this] {
      WorkerProgress progress;
      progress.steps = steps_;
      return progress;
    });
    EXPECT_TRUE(link);
    return std::move(*link);
  }
  // A connection that was welcomed, with the model reported.
  Connection Adopted(WorkerLink& link, const Welcome& welcome = WelcomeOf()) {
    auto connection = manager_.Accept();
    connection.Expect<Hello>();
    connection.Send(welcome);
    EXPECT_EQ(listener_.Next(), "welcome m");
    link.SendModelReady({"tiny", "llama", "float32", 1, 1, 1, 1, 1, 1});
    link.SendReady({4, 1, 0, 0});
    connection.Expect<ModelReady>();
    connection.Expect<Ready>();
    return connection;
  }

  TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "workers.sock").string();
  Manager manager_{path_};
  RecordingListener listener_;
  Duration first_contact_ = std::chrono::minutes(10);
  Duration flush_within_ = std::chrono::seconds(1);
  std::atomic<std::uint64_t> steps_{0};
};

}  // namespace altlas::wire
