// SPDX-License-Identifier: Apache-2.0
// The manager dies while the real worker writes: the worker writes on, the next manager takes it over with
// all it holds, and not a word is another (CLU-5).
#include <gtest/gtest.h>
#include <signal.h>

#include <ctime>

#include "base/clock.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

std::string Body(int seed, bool stream) {
  return Json({{"text", "Once upon a time"},
               {"max_length", 900},
               {"temperature", 0.9},
               {"seed", seed},
               {"stream", stream}})
      .dump();
}

// "2026-11-22T02:31:05.123Z" in milliseconds since 1970.
double MillisOf(const std::string& time) {
  std::tm parts{};
  EXPECT_NE(::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts), nullptr) << time;
  return static_cast<double>(::timegm(&parts)) * 1000 + std::stod(time.substr(time.find('.') + 1, 3));
}

TEST(Adoption, TheRealWorkerWritesOnAndNotAWordIsAnother) {
  constexpr int kTexts = 6;
  ServerProcess server("workers:\n  program: " ALTLAS_WORKER
                       "\n  restart_backoff: {initial: 0.05, cap: 1}\n  adopt_timeout: 60\n");
  server.Start();
  std::vector<std::string> texts;
  for (int seed = 0; seed < kTexts; ++seed) {
    const auto whole = server.Call("POST", "/api/v1/predict?wait=110", Body(seed, false));
    ASSERT_EQ(whole.json["status"], "completed") << whole.reply.body;
    texts.push_back(whole.json["result"]["text"]);
  }
  const auto worker = server.WorkerPid();
  ASSERT_GT(worker, 0);

  std::vector<std::string> ids;
  for (int seed = 1; seed < kTexts; ++seed)
    ids.push_back(server.Call("POST", "/api/v1/predict", Body(seed, false)).json["task_id"]);
  // The last one is heard: at its first word the manager dies, and the worker stands still until the next one
  // is there, so that it has almost all of its words before it whatever the machine is busy with.
  net::HttpCall call;
  call.method = "POST";
  call.target = "/api/v1/predict";
  call.body = Body(0, true);
  call.headers.emplace_back("Authorization", "Bearer " + server.key());
  bool heard = false;
  net::SseReader reader;
  const auto reply = net::StreamBlocking(server.Client(), call, [&](std::string_view piece) {
    EXPECT_TRUE(
        reader.Feed(piece, [&](const net::SseEvent& event) { heard = event.event == "token"; }).has_value());
    if (heard) {
      ::kill(worker, SIGSTOP);
      server.Kill();
    }
    return !heard;
  });
  ASSERT_TRUE(heard) << (reply.has_value() ? "" : reply.error().message);
  ASSERT_TRUE(reply.has_value());
  ids.insert(ids.begin(), std::string(reply->Header("X-Task-Id")));

  server.Start(false);
  ::kill(worker, SIGCONT);
  const auto resumed = [&] { return server.Log().find("lease resumed task=" + ids[0]) != std::string::npos; };
  ASSERT_TRUE(Eventually(resumed)) << server.Log();
  const auto resumed_by = static_cast<double>(SystemClock().WallNow());
  for (int seed = 0; seed < kTexts; ++seed) {
    const auto task = server.Await(ids[static_cast<std::size_t>(seed)]);
    ASSERT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["result"]["text"], texts[static_cast<std::size_t>(seed)]) << "seed " << seed;
    EXPECT_EQ(task["attempt"], 1) << task.dump();
  }
  EXPECT_EQ(server.WorkerPid(), worker);
  // Leases that were answered while no manager was there are resumed too. This one was not: by the worker's
  // own measure it ended later.
  const auto heard_task = server.Task(ids[0]);
  EXPECT_GT(MillisOf(heard_task["started_at"]) + 1000 * heard_task["result"]["execution_time"].get<double>(),
            resumed_by)
      << "it was done already: " << heard_task.dump();
}

}  // namespace
}  // namespace altlas::testing_process
