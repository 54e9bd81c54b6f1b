// SPDX-License-Identifier: Apache-2.0
// Promise 3 at workers.sock: whatever a process of this user says there costs its own connection; the
// manager and the real workers go on, and nothing of it stays.
#include <gtest/gtest.h>
#include <signal.h>

#include <deque>
#include <fstream>

#include "base/random.h"
#include "raw_socket.h"
#include "server_process.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace altlas::testing_process {
namespace {

class WorkerSocket : public testing::Test {
 protected:
  void SetUp() override {
    server_.Start();
    // What the first work opens, and both workers' connections, are there already.
    ASSERT_TRUE(Eventually([&] {
      auto answer = server_.Call("GET", "/api/v1/gpus").json;
      return answer["gpus"][0]["health"] == "ok" && answer["gpus"][1]["health"] == "ok";
    }));
    workers_ = {server_.WorkerPid(0), server_.WorkerPid(1)};
    EXPECT_EQ(server_.Await(server_.Predict("work"))["status"], "completed");
    descriptors_ = OpenDescriptors(server_.pid());
  }
  net::Address Address() const { return net::Address::Unix((server_.state() / "workers.sock").string()); }
  static wire::Hello Hello(const std::string& device, const std::string& token) {
    wire::Hello hello;
    hello.program_version = ALTLAS_VERSION;
    hello.device = device;
    hello.token = token;
    hello.pid = 1;
    hello.instance = 1;
    return hello;
  }
  static std::string Bytes(const wire::Message& message) { return wire::EncodeMessage(message).value(); }
  // Says it; the manager hangs up, of itself.
  void ExpectHungUpAfter(std::string_view bytes, std::string_view reason = {}) {
    RawSocket stranger(Address());
    stranger.Send(bytes);
    const auto answer = stranger.ReadToEnd();
    EXPECT_TRUE(stranger.closed()) << "the manager still listens";
    EXPECT_NE(answer.find(reason), std::string::npos) << reason << " is not said: " << answer;
  }
  // The workers are those of the start, they work, and the manager holds no more than before.
  void ExpectNothingHappened() {
    for (int i = 0; i < 8; ++i) EXPECT_EQ(server_.Await(server_.Predict("work"))["status"], "completed");
    EXPECT_EQ(server_.WorkerPid(0), workers_[0]);
    EXPECT_EQ(server_.WorkerPid(1), workers_[1]);
    EXPECT_TRUE(Eventually([&] { return OpenDescriptors(server_.pid()) <= descriptors_; }))
        << descriptors_ << " before, " << OpenDescriptors(server_.pid()) << " now";
  }
  std::size_t ResidentKib() const {
    std::ifstream status("/proc/" + std::to_string(server_.pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
  }
  ServerProcess server_{"devices: {cpu_count: 2}\n", {"--service-ms=5"}};
  std::array<pid_t, 2> workers_{};
  std::size_t descriptors_ = 0;
};

TEST_F(WorkerSocket, WrongBytesAreRefused) {
  Random random(20261121);
  const auto good = Bytes(Hello("gpu_0", "x"));
  for (int i = 0; i < 200; ++i) {
    std::string bytes(32 + random.Below(200), '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random.Next());
    ExpectHungUpAfter(bytes);
    // One bit of a good hello is another.
    auto damaged = good;
    damaged[random.Below(damaged.size())] ^= static_cast<char>(1u << random.Below(8));
    ExpectHungUpAfter(damaged);
  }
  ExpectNothingHappened();
}

TEST_F(WorkerSocket, WrongHellosAreRefusedWithTheReason) {
  ExpectHungUpAfter(Bytes(Hello("gpu_9", "x")), "no device gpu_9");
  ExpectHungUpAfter(Bytes(Hello("gpu_0", "x")), "expects no worker now");
  ExpectHungUpAfter(Bytes(wire::KeepAlive{}), "the first message is a hello");
  ExpectHungUpAfter(Bytes(wire::LeaseDone{{}, "{}", 1, 1, 1}), "the first message is a hello");
  auto other = Hello("gpu_0", "x");
  other.protocol = 99;
  ExpectHungUpAfter(Bytes(other), "99");
  ExpectNothingHappened();
}

// While a device waits for its worker the token decides, and a stranger does not take the place.
TEST_F(WorkerSocket, AWrongTokenKeepsNoWorkerOut) {
  for (int round = 0; round < 3; ++round) {
    const auto before = server_.WorkerPid(0);
    ASSERT_GT(before, 1);
    ::kill(before, SIGKILL);
    pid_t now = before;
    EXPECT_TRUE(Eventually([&] {
      ExpectHungUpAfter(Bytes(Hello("gpu_0", "guessed")));
      now = server_.WorkerPid(0);
      const auto gpus = server_.Call("GET", "/api/v1/gpus").json["gpus"];
      return now > 0 && now != before && gpus[0]["health"] == "ok";
    }));
  }
  workers_[0] = server_.WorkerPid(0);
  ExpectNothingHappened();
}

// A length is no reason to take memory: past the cap it ends the connection, under it only what came counts.
TEST_F(WorkerSocket, AnAnnouncedLengthTakesNoMemory) {
  const auto with_length = [](std::uint64_t length) {
    std::string frame;
    wire::AppendFrame(frame, 0x0101, std::string(length, 'x'));
    return frame;
  };
  auto whole = with_length(wire::kDefaultMaxPayloadBytes);
  const auto header = whole.substr(0, wire::kFrameHeaderBytes);
  ExpectHungUpAfter(with_length(wire::kDefaultMaxPayloadBytes + 1).substr(0, wire::kFrameHeaderBytes));
  const auto before = ResidentKib();
  std::deque<RawSocket> strangers;
  for (int i = 0; i < 100; ++i) {
    strangers.emplace_back(Address());
    EXPECT_TRUE(strangers.back().Send(header + "abc"));
  }
  EXPECT_EQ(server_.Await(server_.Predict("meanwhile"))["status"], "completed");
  EXPECT_LT(ResidentKib(), before + (std::size_t{1} << 20)) << "100 announcements of 64 MiB each";
  strangers.clear();
  ExpectNothingHappened();
}

TEST_F(WorkerSocket, SilentAndHalfWordsEndByTheDeadline) {
  const auto hello = Bytes(Hello("gpu_0", "x"));
  std::deque<RawSocket> strangers;
  for (std::size_t i = 0; i < 60; ++i) {
    strangers.emplace_back(Address());
    EXPECT_TRUE(strangers.back().Send(std::string_view(hello).substr(0, i % 3 * i / 2)));
  }
  for (auto& stranger : strangers) {
    stranger.ReadToEnd();
    EXPECT_TRUE(stranger.closed());
  }
  ExpectNothingHappened();
}

// More connections than it keeps for strangers: the surplus is closed, and a worker that is started
// meanwhile gets in once the others' time is over.
TEST_F(WorkerSocket, ACrowdDelaysAWorkerAndNoMore) {
  std::deque<RawSocket> crowd;
  for (int i = 0; i < 600; ++i) crowd.emplace_back(Address());
  const auto before = workers_[0];
  ::kill(before, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const auto gpus = server_.Call("GET", "/api/v1/gpus").json["gpus"];
    const auto pid = server_.WorkerPid(0);
    return pid > 0 && pid != before && gpus[0]["health"] == "ok";
  })) << server_.Log();
  workers_[0] = server_.WorkerPid(0);
  crowd.clear();
  ExpectNothingHappened();
}

}  // namespace
}  // namespace altlas::testing_process
