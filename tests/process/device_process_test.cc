// SPDX-License-Identifier: Apache-2.0
// Devices that get hot, fill up, vanish and come back, made up by a file (CFG-3, CFG-4, SCH-1, API-4).
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <set>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

class Devices : public testing::Test {
 protected:
  explicit Devices(std::string config = {}, std::string service = "--service-ms=20")
      : server_("devices: {source: simulated, simulated_file: devices.json}\n" + config,
                {"--slots=2", std::move(service)}) {
    devices_ = {{"gpu_0", Json::object()}, {"gpu_1", Json::object()}};
  }
  void SetUp() override {
    Write();
    server_.Start();
    for (const auto& [id, more] : devices_) ASSERT_TRUE(Becomes(id, "ok")) << server_.Log();
  }
  void Write() {
    Json file = {{"devices", Json::array()}};
    for (const auto& [id, more] : devices_) {
      Json device = {{"id", id}, {"name", "made up"}, {"memory_total", 10 * kGiB}, {"temperature", 50}};
      device.update(more);
      file["devices"].push_back(std::move(device));
    }
    ASSERT_TRUE(WriteFileAtomically(server_.folder() / "devices.json", file.dump()).has_value());
  }
  void Set(const std::string& id, const std::string& key, Json value) {
    devices_[id][key] = std::move(value);
    Write();
  }
  // As the interface shows it; each look has the devices read again.
  Json Look(const std::string& id) {
    const auto answer = server_.Call("GET", "/api/v1/gpus").json;
    for (const auto& gpu : answer["gpus"]) {
      if (gpu["id"] == id) return gpu;
    }
    return {};
  }
  bool Becomes(const std::string& id, const std::string& health, const std::string& reason = {}) {
    return Eventually([&] {
      const auto gpu = Look(id);
      return gpu.is_object() && gpu["health"] == health &&
             gpu["health_reason"].get<std::string>().find(reason) != std::string::npos;
    });
  }
  std::string Send(const std::string& strategy) {
    return server_.Predict("some words", R"("gpu_options":{"strategy":")" + strategy + "\"}");
  }
  // Where so many tasks, dealt in turn, were done.
  std::set<std::string> DevicesOf(int tasks) {
    std::vector<std::string> ids;
    for (int i = 0; i < tasks; ++i) ids.push_back(Send("round_robin"));
    std::set<std::string> devices;
    for (const auto& id : ids) {
      const auto task = server_.Await(id);
      EXPECT_EQ(task["status"], "completed") << task.dump();
      devices.insert(task["gpu_id"].get<std::string>());
    }
    return devices;
  }
  bool Runs(const std::string& id) {
    return Eventually([&] { return server_.Task(id).value("status", "") == "running"; });
  }
  using Names = std::set<std::string>;

  ServerProcess server_;
  std::map<std::string, Json> devices_;
};

struct Limit {
  const char* name;
  const char* key;    // of the device file
  const char* shown;  // of the interface
  double past, between, under;
  const char* reason;
};

class ALimit : public Devices, public testing::WithParamInterface<Limit> {};

TEST_P(ALimit, KeepsNewWorkAwayUntilItIsWellUnder) {
  const auto& limit = GetParam();
  Set("gpu_0", limit.key, limit.past);
  ASSERT_TRUE(Becomes("gpu_0", "limited", limit.reason)) << Look("gpu_0").dump();
  EXPECT_EQ(DevicesOf(6), Names{"gpu_1"});
  Set("gpu_0", limit.key, limit.between);
  EXPECT_TRUE(Eventually([&] { return Look("gpu_0")[limit.shown] == limit.between; }));
  EXPECT_EQ(Look("gpu_0")["health"], "limited") << "it flaps";
  EXPECT_EQ(DevicesOf(6), Names{"gpu_1"});
  Set("gpu_0", limit.key, limit.under);
  ASSERT_TRUE(Becomes("gpu_0", "ok")) << Look("gpu_0").dump();
  EXPECT_EQ(DevicesOf(6), (Names{"gpu_0", "gpu_1"}));
}

INSTANTIATE_TEST_SUITE_P(
    Each, ALimit,
    testing::Values(Limit{"Temperature", "temperature", "temperature", 90, 83, 79, "at 90 °C, limit 85 °C"},
                    Limit{"Memory", "memory_used", "memory_used", 9.5 * kGiB, 8.75 * kGiB, 8 * kGiB,
                          "others use 95 % of its memory, limit 90 %"},
                    Limit{"Utilization", "utilization", "utilization", 98, 92, 80,
                          "others keep it 98 % busy, limit 95 %"}),
    [](const auto& info) { return info.param.name; });

TEST_F(Devices, ALimitThatIsLoweredAtRunTimeCountsAtOnce) {
  Set("gpu_0", "temperature", 70);
  EXPECT_TRUE(Eventually([&] { return Look("gpu_0")["temperature"] == 70; }));
  EXPECT_EQ(Look("gpu_0")["health"], "ok");
  const auto before = ReadFile(server_.config_file(), 1 << 16).value();
  server_.AddToConfig("gpu: {max_temperature: 60}");
  ::kill(server_.pid(), SIGHUP);
  ASSERT_TRUE(Becomes("gpu_0", "limited", "limit 60 °C")) << server_.Log();
  EXPECT_EQ(DevicesOf(4), Names{"gpu_1"});
  server_.WriteConfig(before);
  ::kill(server_.pid(), SIGHUP);
  EXPECT_TRUE(Becomes("gpu_0", "ok")) << server_.Log();
}

TEST_F(Devices, AGpuThatIsTooOldGetsNothing) {
  EXPECT_EQ(server_.Terminate(), 0);
  Set("gpu_0", "compute_capability", 6.1);
  server_.Start();
  EXPECT_TRUE(Becomes("gpu_0", "disabled", "gpu.min_compute_capability 7.0")) << Look("gpu_0").dump();
  ASSERT_TRUE(Becomes("gpu_1", "ok"));
  EXPECT_EQ(DevicesOf(4), Names{"gpu_1"});
}

TEST_F(Devices, OneThatAppearsIsUsedAndOneThatVanishesAndComesBackToo) {
  devices_["gpu_2"] = Json::object();
  Write();
  ASSERT_TRUE(Becomes("gpu_2", "ok")) << server_.Log();
  EXPECT_EQ(DevicesOf(9), (Names{"gpu_0", "gpu_1", "gpu_2"}));
  devices_.erase("gpu_0");
  Write();
  ASSERT_TRUE(Becomes("gpu_0", "lost", "does not see it")) << Look("gpu_0").dump();
  const auto lost = Look("gpu_0");
  for (const char* field : {"utilization", "memory_used", "memory_total", "task_count"})
    EXPECT_TRUE(lost[field].is_number()) << lost.dump();
  EXPECT_EQ(DevicesOf(6), (Names{"gpu_1", "gpu_2"}));
  devices_["gpu_0"] = Json::object();
  Write();
  ASSERT_TRUE(Becomes("gpu_0", "ok"));
  EXPECT_EQ(DevicesOf(9), (Names{"gpu_0", "gpu_1", "gpu_2"}));
}

TEST_F(Devices, AFaultIsShownAsItIsSaid) {
  Set("gpu_0", "fault", "fell off the bus");
  ASSERT_TRUE(Becomes("gpu_0", "lost", "fell off the bus")) << Look("gpu_0").dump();
  EXPECT_EQ(DevicesOf(4), Names{"gpu_1"});
  Set("gpu_0", "fault", "");
  EXPECT_TRUE(Becomes("gpu_0", "ok"));
}

TEST_F(Devices, WithNoneLeftTasksWaitAndRunOnceThereIsOne) {
  const auto all = std::exchange(devices_, {});
  Write();
  ASSERT_TRUE(Becomes("gpu_0", "lost") && Becomes("gpu_1", "lost"));
  const auto id = Send("least_loaded");
  EXPECT_EQ(server_.Call("GET", "/health/ready").status, 503);
  EXPECT_EQ(server_.Call("GET", "/health/live").status, 200);
  EXPECT_EQ(server_.Task(id)["status"], "queued");
  devices_ = all;
  Write();
  EXPECT_TRUE(Becomes("gpu_0", "ok"));  // a look has the file read now, not at the next interval
  EXPECT_EQ(server_.Await(id)["status"], "completed");
  EXPECT_TRUE(Eventually([&] { return server_.Call("GET", "/health/ready").status == 200; }));
}

TEST_F(Devices, AWrongFileKeepsTheLastGoodOneAndSaysWhatIsWrong) {
  ASSERT_TRUE(WriteFileAtomically(server_.folder() / "devices.json", R"({"devices":[{"temperature":"hot"}]})")
                  .has_value());
  EXPECT_TRUE(Eventually([&] {
    Look("gpu_0");
    return server_.Log().find("the devices cannot be read") != std::string::npos;
  }));
  EXPECT_NE(server_.Log().find("devices[0].temperature"), std::string::npos) << server_.Log();
  EXPECT_EQ(Look("gpu_0")["health"], "ok");
  EXPECT_EQ(DevicesOf(6), (Names{"gpu_0", "gpu_1"}));
  Set("gpu_0", "temperature", 90);
  EXPECT_TRUE(Becomes("gpu_0", "limited"));
}

class Mapped : public Devices {
 protected:
  Mapped() : Devices("gpu:\n  multi_gpu: {task_specific_mappings: {text_generation: gpu_0}}\n") {}
  void Answer(const std::string& answer) {
    server_.Terminate();
    auto config = ReadFile(server_.config_file(), 1 << 16).value();
    const auto at = config.find("text_generation: gpu_0}");
    server_.WriteConfig(config.insert(at + 23, ", task_specific_unavailable: " + answer));
    server_.Start();
    ASSERT_TRUE(Becomes("gpu_0", "ok") && Becomes("gpu_1", "ok")) << server_.Log();
  }
  void Heat() {
    Set("gpu_0", "temperature", 95);
    ASSERT_TRUE(Becomes("gpu_0", "limited"));
  }
};

// Its worker stands still meanwhile, so that the task is under way when the limit is applied, whatever time
// that takes.
TEST_F(Mapped, ATaskThatRunsOnADeviceThatGetsHotEndsThere) {
  const auto worker = Look("gpu_0")["worker"]["pid"].get<pid_t>();
  ASSERT_GT(worker, 1);
  ::kill(worker, SIGSTOP);
  const auto id = Send("task_specific");
  ASSERT_TRUE(Runs(id));
  Heat();
  EXPECT_EQ(server_.Await(Send("task_specific"))["gpu_id"], "gpu_1") << "the limit is not applied";
  EXPECT_EQ(server_.Task(id)["status"], "running");
  ::kill(worker, SIGCONT);
  const auto task = server_.Await(id);
  EXPECT_EQ(task["status"], "completed") << task.dump();
  EXPECT_EQ(task["gpu_id"], "gpu_0");
  EXPECT_EQ(task["attempt"], 1);
}

class LongMapped : public Devices {
 protected:
  LongMapped()
      : Devices("gpu:\n  multi_gpu: {task_specific_mappings: {text_generation: gpu_0}}\n",
                "--service-ms=3600000") {}
  // The idle worker of gpu_1 is followed by one whose tasks are short.
  void MakeTheOtherQuick() {
    std::ofstream(server_.folder() / "worker") << "#!/bin/sh\nexec '" ALTLAS_ECHO_WORKER "' \"$@\"\n";
    const auto before = Look("gpu_1")["worker"].value("pid", 0);
    ASSERT_GT(before, 1);
    ::kill(before, SIGTERM);
    ASSERT_TRUE(Eventually([&] {
      const auto now = Look("gpu_1");
      return now["health"] == "ok" && now["worker"].value("pid", 0) != before;
    }));
  }
};

// The device and the worker on it are gone: what ran there and what waited for it is done elsewhere.
TEST_F(LongMapped, ALostDevicesTasksGoElsewhere) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(Send("task_specific"));
  ASSERT_TRUE(Runs(ids[0]) && Runs(ids[1]));
  EXPECT_EQ(server_.Task(ids[0])["gpu_id"], "gpu_0");
  MakeTheOtherQuick();
  const auto worker = Look("gpu_0")["worker"]["pid"].get<pid_t>();
  devices_.erase("gpu_0");
  Write();
  ASSERT_TRUE(Becomes("gpu_0", "lost"));
  ASSERT_GT(worker, 1);
  ::kill(worker, SIGKILL);
  for (const auto& id : ids) {
    const auto task = server_.Await(id);
    EXPECT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["gpu_id"], "gpu_1") << task.dump();
    EXPECT_NE(task["placement"]["note"].dump().find("gpu_0"), std::string::npos) << task.dump();
  }
}

TEST_F(Mapped, FallbackPlacesTheTaskElsewhereAndSaysWhy) {
  Heat();
  const auto task = server_.Await(Send("task_specific"));
  EXPECT_EQ(task["status"], "completed");
  EXPECT_EQ(task["gpu_id"], "gpu_1");
  EXPECT_NE(task["placement"].dump().find("gpu_0"), std::string::npos) << task.dump();
}

TEST_F(Mapped, WaitWaitsForTheDevice) {
  Answer("wait");
  Heat();
  const auto id = Send("task_specific");
  const auto other = server_.Await(Send("least_loaded"));
  EXPECT_EQ(other["gpu_id"], "gpu_1");
  const auto waiting = server_.Call("GET", "/api/v1/task/" + id + "?explain=1").json;
  EXPECT_EQ(waiting["status"], "queued");
  EXPECT_FALSE(waiting["explain"]["waiting_because"].get<std::string>().empty()) << waiting.dump();
  Set("gpu_0", "temperature", 50);
  EXPECT_TRUE(Becomes("gpu_0", "ok"));
  const auto task = server_.Await(id);
  EXPECT_EQ(task["status"], "completed");
  EXPECT_EQ(task["gpu_id"], "gpu_0");
}

TEST_F(Mapped, FailFailsWithTheReason) {
  Answer("fail");
  Heat();
  const auto task = server_.Await(Send("task_specific"));
  EXPECT_EQ(task["status"], "failed") << task.dump();
  EXPECT_EQ(task["error"]["code"], "unavailable") << task.dump();
  EXPECT_NE(task["error"]["message"].get<std::string>().find("gpu_0"), std::string::npos) << task.dump();
  EXPECT_EQ(server_.Await(Send("least_loaded"))["status"], "completed");
}

}  // namespace
}  // namespace altlas::testing_process
