// SPDX-License-Identifier: Apache-2.0
// Promises 1 and 4 with real processes: whatever is killed at whatever moment, every accepted task ends in
// exactly one final state.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <set>

#include "base/random.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

constexpr const char* kSlowWorker = "--service-ms=40";

// CLU-5
TEST(Kill, AcceptedTasksSurviveTheManagersDeath) {
  ServerProcess server("", {kSlowWorker});
  server.Start();
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(server.Predict("word " + std::to_string(i)));
  server.Kill();
  server.Start();
  for (int i = 0; i < 60; ++i) {
    const auto task = server.Await(ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["result"]["text"], "word " + std::to_string(i));
  }
}

// CLU-5
TEST(Kill, TheWorkerOutlivesTheManagerAndIsAdopted) {
  ServerProcess server("", {"--service-ms=300"});
  server.Start();
  const auto worker = server.WorkerPid();
  ASSERT_GT(worker, 0);
  const auto id = server.Predict("a b c d e f");
  ASSERT_TRUE(Eventually([&] { return server.Task(id).value("status", "") == "running"; }));
  server.Predict(
      "later");  // accepted only once the dispatch before it is on the disk, which nobody waits for
  server.Kill();
  EXPECT_EQ(::kill(worker, 0), 0) << "the worker died with its manager";
  server.Start();
  EXPECT_EQ(server.WorkerPid(), worker);
  const auto task = server.Await(id);
  EXPECT_EQ(task["status"], "completed");
  EXPECT_EQ(task["attempt"], 1) << "the running task was started anew: " << task.dump();
}

// The limit on tasks at a time is the scheduler's: a worker that runs takes more at once, and a change that
// was kept does not make it another worker to the next manager.
TEST(Kill, ALimitRaisedAtRunTimeCountsAtOnceAndTheWorkerIsStillAdopted) {
  ServerProcess server("gpu:\n  multi_gpu: {max_concurrent_tasks_per_gpu: 1}\n",
                       {"--slots=64", "--service-ms=3600000"});
  server.Start();
  const auto worker = server.WorkerPid();
  std::vector<std::string> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(server.Predict("never done"));
  const auto running = [&] {
    return std::count_if(ids.begin(), ids.end(),
                         [&](const auto& id) { return server.Task(id).value("status", "") == "running"; });
  };
  ASSERT_TRUE(Eventually([&] { return running() == 1; }));
  const auto changed = server.Call("POST", "/api/v1/config/gpu/max_concurrent_tasks",
                                   R"({"max_concurrent_tasks":11,"persist":true})");
  ASSERT_EQ(changed.status, 200) << changed.reply.body;
  ASSERT_TRUE(Eventually([&] { return running() == 11; }));
  EXPECT_EQ(server.WorkerPid(), worker);
  server.Kill();
  server.Start();
  EXPECT_EQ(server.WorkerPid(), worker);
  EXPECT_EQ(running(), 11);
  for (const auto& id : ids) {
    const auto task = server.Task(id);
    if (task["status"] != "running") continue;
    EXPECT_EQ(task["attempt"], 1) << task.dump();
  }
}

// A start that fails leaves what an earlier manager left behind to the next one that works.
TEST(Kill, AFailedStartLeavesTheWorkersAndTheirTasksAlone) {
  ServerProcess server("", {"--service-ms=300"});
  server.Start();
  const auto worker = server.WorkerPid();
  ASSERT_GT(worker, 0);
  const auto id = server.Predict("a b c d e f g h i j k l m n o p");
  ASSERT_TRUE(Eventually([&] { return server.Task(id).value("status", "") == "running"; }));
  server.Kill();
  ServerProcess neighbour;
  neighbour.Start();
  for (const auto& more :
       {std::vector<std::string>{"--listen", neighbour.Client().address.ToString()},
        std::vector<std::string>{"--set", "server.tls.certificate=/none", "--set", "server.tls.key=/none"}}) {
    auto line = server.CommandLine();
    line.erase(std::find(line.begin(), line.end(), "--listen"),
               std::find(line.begin(), line.end(), "--quick-start"));
    line.insert(line.end(), more.begin(), more.end());
    const auto failed = RunToEnd(line);
    EXPECT_NE(failed.code, 0) << failed.output;
    EXPECT_EQ(::kill(worker, 0), 0) << "the worker was ended: " << failed.output;
  }
  server.Start();
  EXPECT_EQ(server.WorkerPid(), worker);
  const auto task = server.Await(id);
  EXPECT_EQ(task["status"], "completed");
  EXPECT_EQ(task["attempt"], 1) << "the running task was started anew: " << task.dump();
}

TEST(Kill, TasksOfAKilledWorkerRunAgain) {
  ServerProcess server("", {kSlowWorker});
  server.Start();
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(server.Predict("word " + std::to_string(i)));
  const auto first = server.WorkerPid();
  ::kill(first, SIGKILL);
  for (const auto& id : ids) EXPECT_EQ(server.Await(id)["status"], "completed");
  EXPECT_NE(server.WorkerPid(), first);
}

// SIGTERM is no fault of the task's: more of them than workers.max_attempts do not end it.
TEST(Kill, ATaskOutlivesAnyNumberOfTerminatedWorkers) {
  ServerProcess server("", {"--service-ms=3600000"});
  server.Start();
  const auto id = server.Predict("never done");
  pid_t worker = 0;
  int attempt = 0;
  const auto runs_again = [&] {
    const auto task = server.Task(id);
    const auto pid = server.WorkerPid();
    if (task.value("status", "") != "running" || task.value("attempt", 0) <= attempt) return false;
    if (pid <= 0 || pid == worker) return false;
    attempt = task["attempt"];
    worker = pid;
    return true;
  };
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(Eventually(runs_again)) << server.Task(id).dump();
    ::kill(worker, SIGTERM);
  }
  EXPECT_TRUE(Eventually(runs_again)) << server.Task(id).dump();
}

TEST(Kill, AHungWorkerIsReplaced) {
  ServerProcess server("", {kSlowWorker});
  server.WriteConfig(
      "workers:\n  program: " + (server.folder() / "worker").string() +
      "\n  heartbeat_interval: 0.1\n  heartbeat_timeout: 1\n  restart_backoff: {initial: 0.05, cap: 1}\n");
  server.Start();
  const auto first = server.WorkerPid();
  ::kill(first, SIGSTOP);
  const auto id = server.Predict("after the hang");
  EXPECT_EQ(server.Await(id)["status"], "completed");
  EXPECT_NE(server.WorkerPid(), first);
}

// workers.adopt_timeout: one that outlived its manager and does not come is not waited for for ever.
TEST(Kill, AWorkerThatDoesNotReconnectInTimeIsReplaced) {
  ServerProcess server("", {kSlowWorker});
  server.WriteConfig("workers:\n  program: " + (server.folder() / "worker").string() +
                     "\n  adopt_timeout: 0.2\n  restart_backoff: {initial: 0.05, cap: 1}\n");
  server.Start();
  const auto first = server.WorkerPid();
  ASSERT_GT(first, 1);
  ::kill(first, SIGSTOP);
  const auto id = server.Predict("for the next one");
  server.Kill();
  server.Start();
  EXPECT_EQ(server.Await(id)["status"], "completed");
  EXPECT_NE(server.WorkerPid(), first);
  EXPECT_NE(server.Log().find("did not reconnect within 0.2 s"), std::string::npos) << server.Log();
}

// Poison: a task that takes its worker down is given up after workers.max_attempts, and the others go on.
TEST(Kill, APoisonousTaskFailsAndTheOthersGoOn) {
  ServerProcess server("", {kSlowWorker, "--crash-on=POISON"});
  server.Start();
  const auto bad = server.Predict("this is POISON indeed");
  const auto task = server.Await(bad);
  EXPECT_EQ(task["status"], "failed");
  EXPECT_NE(task["error"]["message"].get<std::string>().find("2 times"), std::string::npos) << task.dump();
  EXPECT_EQ(server.Await(server.Predict("harmless"))["status"], "completed");
}

// Manager and worker die again and again at random moments while tasks come in.
TEST(Kill, NothingIsLostOrDoubledUnderRandomKills) {
  ServerProcess server;
  server.WriteConfig(
      "workers:\n  program: " + (server.folder() / "slow").string() +
      "\n  restart_backoff: {initial: 0.05, cap: 0.2}\n  adopt_timeout: 60\n  max_attempts: 50\n");
  ASSERT_TRUE(WriteFileAtomically(server.folder() / "slow",
                                  "#!/bin/sh\nexec '" ALTLAS_ECHO_WORKER "' --service-ms=5 \"$@\"\n", 0755)
                  .has_value());
  server.Start();
  Random random(20260101);
  std::set<std::string> ids;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 25; ++i) {
      const auto answer =
          server.Call("POST", "/api/v1/predict", R"({"text":"some words to say","priority":"low"})");
      if (answer.status == 200) ids.insert(answer.json["task_id"].get<std::string>());
    }
    if (random.Below(2) == 0) {
      const auto worker = server.WorkerPid();
      if (worker > 0) ::kill(worker, SIGKILL);
    } else {
      server.Kill();
      server.Start(false);
    }
  }
  EXPECT_GT(ids.size(), 200u);
  for (const auto& id : ids) EXPECT_EQ(server.Await(id)["status"], "completed") << id;
}

TEST(Kill, SigtermDrainsAndLeavesNothingBehind) {
  ServerProcess server("", {kSlowWorker});
  server.Start();
  const auto worker = server.WorkerPid();
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(server.Predict("x"));
  EXPECT_EQ(server.Terminate(), 0) << server.Log();
  EXPECT_NE(::kill(worker, 0), 0) << "the worker was left running";
  server.Start();
  for (const auto& id : ids) EXPECT_EQ(server.Await(id)["status"], "completed");
}

TEST(Kill, ASecondServerOnTheSameStateRefusesWithASentence) {
  ServerProcess server;
  server.Start();
  const auto second = RunToEnd({ALTLAS_PROGRAM, "serve", "--state", server.state().string(), "--config",
                                server.config_file().string(), "--listen", "127.0.0.1:0"});
  EXPECT_NE(second.code, 0);
  EXPECT_NE(second.output.find(std::to_string(server.pid())), std::string::npos) << second.output;
  EXPECT_EQ(server.Call("GET", "/health/live").status, 200);
}

}  // namespace
}  // namespace altlas::testing_process
