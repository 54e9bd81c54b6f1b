// SPDX-License-Identifier: Apache-2.0
// The manager dies while the real worker writes: the worker writes on, the next manager takes it over with
// all it holds, and not a word is another (CLU-5).
#include <gtest/gtest.h>

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

TEST(Adoption, TheRealWorkerWritesOnAndNotAWordIsAnother) {
  constexpr int kTexts = 6;
  ServerProcess server("workers:\n  program: " ALTLAS_WORKER
                       "\n  restart_backoff: {initial: 0.05, cap: 1}\n");
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
  // The last one is heard: at its first word the manager dies.
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
    if (heard) server.Kill();
    return !heard;
  });
  ASSERT_TRUE(heard) << (reply.has_value() ? "" : reply.error().message);
  ASSERT_TRUE(reply.has_value());
  ids.insert(ids.begin(), std::string(reply->Header("X-Task-Id")));

  server.Start();
  EXPECT_EQ(server.WorkerPid(), worker);
  EXPECT_TRUE(Eventually([&] {
    return server.Log().find("lease resumed task=" + ids[0]) != std::string::npos;
  })) << "it was done already";
  for (int seed = 0; seed < kTexts; ++seed) {
    const auto task = server.Await(ids[static_cast<std::size_t>(seed)]);
    ASSERT_EQ(task["status"], "completed") << task.dump();
    EXPECT_EQ(task["result"]["text"], texts[static_cast<std::size_t>(seed)]) << "seed " << seed;
    EXPECT_EQ(task["attempt"], 1) << task.dump();
  }
  EXPECT_EQ(server.WorkerPid(), worker);
}

}  // namespace
}  // namespace altlas::testing_process
