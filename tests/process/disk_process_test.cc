// SPDX-License-Identifier: Apache-2.0
// Promise 4 on a full disk: new tasks are refused with the reason, what was accepted goes on, reading works,
// and room alone mends it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

bool IsRefusedForRoom(ServerProcess& server) {
  const auto answer = server.Call("POST", "/api/v1/predict", R"({"text":"no room for this"})");
  if (answer.status != 507) return false;
  EXPECT_EQ(answer.json["error"]["code"], "storage_full") << answer.reply.body;
  EXPECT_NE(answer.json["error"]["message"].get<std::string>().find("disk"), std::string::npos)
      << answer.reply.body;
  EXPECT_EQ(answer.reply.body.find(server.folder().string()), std::string::npos)
      << "clients need not know where the server keeps its files";
  return true;
}

std::size_t TasksOf(ServerProcess& server) {
  return server.Call("GET", "/api/v1/tasks?limit=200").json["tasks"].size();
}

// Any machine: the reserve is larger than its disk.
TEST(Disk, BelowTheReserveAcceptedTasksFinishAndNewOnesAreRefused) {
  ServerProcess server("", {"--service-ms=50"});
  server.Start();
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(server.Predict("word " + std::to_string(i)));
  server.Kill();
  const auto roomy = ReadFile(server.config_file(), 1 << 16).value();
  server.AddToConfig("store: {min_free_bytes: 1024TiB}");
  server.Start();
  EXPECT_TRUE(IsRefusedForRoom(server));
  for (int i = 0; i < 20; ++i) {
    const auto task = server.Await(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(task["result"]["text"], "word " + std::to_string(i)) << task.dump();
  }
  EXPECT_EQ(TasksOf(server), 20u);
  const auto health = server.Call("GET", "/health/ready").json;
  EXPECT_EQ(health["accepting"], false) << health.dump();
  EXPECT_NE(health["store"].get<std::string>().find("disk"), std::string::npos) << health.dump();
  EXPECT_EQ(server.Terminate(), 0);
  server.WriteConfig(roomy);
  server.Start();
  EXPECT_EQ(server.Await(server.Predict("room again"))["status"], "completed");
}

// A disk of 16 MiB that only this test and its children see. It goes with the last of them.
class SmallDisk : public testing::Test {
 protected:
  void SetUp() override {
    const auto place = server_.folder() / "disk";
    std::filesystem::create_directory(place);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=0700") != 0)
      GTEST_SKIP() << "no file system can be mounted here: " << std::strerror(errno);
    mounted_ = true;
    server_.AddToConfig("store: {path: disk/store, min_free_bytes: 4MiB}");
  }
  void TearDown() override {
    if (mounted_) ::umount2((server_.folder() / "disk").c_str(), MNT_DETACH);
  }
  // Leaves so many bytes free.
  void FillUpTo(std::size_t left) {
    const UniqueFd file(::open(Ballast().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.valid());
    const std::string block(4096, 'x');
    while (std::filesystem::space(Ballast()).available > left) {
      if (::write(file.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) break;
    }
  }
  void MakeRoom() { std::filesystem::remove(Ballast()); }
  std::filesystem::path Ballast() const { return server_.folder() / "disk" / "ballast"; }

  ServerProcess server_{"", {"--service-ms=200"}};
  bool mounted_ = false;
};

TEST_F(SmallDisk, RoomAloneMendsItWithoutARestart) {
  server_.Start();
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> ids;
    for (int i = 0; i < 10; ++i) ids.push_back(server_.Predict("word " + std::to_string(i)));
    FillUpTo(1 << 20);
    EXPECT_TRUE(IsRefusedForRoom(server_));
    EXPECT_TRUE(IsRefusedForRoom(server_));
    for (int i = 0; i < 10; ++i) {
      const auto task = server_.Await(ids[static_cast<std::size_t>(i)]);
      EXPECT_EQ(task["result"]["text"], "word " + std::to_string(i)) << task.dump();
    }
    EXPECT_EQ(server_.Call("GET", "/health/live").status, 200);
    EXPECT_EQ(server_.Call("GET", "/health/ready").json["accepting"], false);
    MakeRoom();
    EXPECT_TRUE(Eventually([&] {
      return server_.Call("POST", "/api/v1/predict?wait=60", R"({"text":"room"})").json["status"] ==
             "completed";
    }));
    EXPECT_EQ(server_.Call("GET", "/health/ready").json["accepting"], true);
  }
  EXPECT_TRUE(
      Eventually([&] { return server_.Log().find("tasks are accepted again") != std::string::npos; }));
  EXPECT_EQ(TasksOf(server_), 33u) << "a refused task was kept";
}

// Not even the reserve is left: results wait for room, and a manager that dies and comes back meanwhile
// finds its place on the full disk.
TEST_F(SmallDisk, ResultsWaitForRoomAndOutliveTheManager) {
  server_.Start();
  const std::string long_text(20'000, 'w');
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(server_.Predict(std::to_string(i) + long_text));
  FillUpTo(0);
  EXPECT_TRUE(Eventually([&] { return IsRefusedForRoom(server_); }));
  const auto nothing_is_lost = [&] {
    for (const auto& id : ids) {
      const auto status = server_.Task(id).value("status", "unreadable");
      EXPECT_TRUE(status == "queued" || status == "running" || status == "completed") << status;
    }
  };
  nothing_is_lost();
  server_.Kill();
  server_.Start();
  EXPECT_TRUE(IsRefusedForRoom(server_));
  nothing_is_lost();
  MakeRoom();
  for (int i = 0; i < 40; ++i) {
    const auto task = server_.Await(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(task["status"], "completed") << task.dump().substr(0, 300);
    EXPECT_EQ(task["result"]["text"], std::to_string(i) + long_text);
  }
  EXPECT_EQ(TasksOf(server_), 40u);
  EXPECT_TRUE(Eventually([&] {
    return server_.Call("POST", "/api/v1/predict?wait=60", R"({"text":"room"})").json["status"] ==
           "completed";
  }));
}

}  // namespace
}  // namespace altlas::testing_process
