// SPDX-License-Identifier: Apache-2.0
// Samples of a running server with the real worker (PRF-6): they come by themselves, a worker that dies in
// the middle of one harms nothing, and the history outlives the manager.
#include <gtest/gtest.h>
#include <signal.h>

#include "server_process.h"

namespace altlas::testing_process {
namespace {

constexpr auto kConfig = "workers:\n  program: " ALTLAS_WORKER
                         "\n  restart_backoff: {initial: 0.05, cap: 1}\n"
                         "profile:\n  periodic: {interval: 0.2, sample_duration: 0.1, operators: 5}\n";
constexpr auto kLong = R"({"text":"Once upon a time","max_length":300,"temperature":0.9,"seed":3})";

class Periodic : public testing::Test {
 protected:
  std::vector<Json> Samples(const std::string& query = "") {
    const auto answer = server_.Call("GET", "/api/v1/profile/history?limit=1000" + query);
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
    return answer.json["samples"].get<std::vector<Json>>();
  }
  // Has the model write until `enough()`; each text takes longer than a sample.
  bool WorkUntil(const std::function<bool()>& enough) {
    return Eventually([&] {
      const auto answer = server_.Call("POST", "/api/v1/predict?wait=110", kLong);
      EXPECT_EQ(answer.json["status"], "completed") << answer.reply.body;
      return enough();
    });
  }
  ServerProcess server_{kConfig};
};

TEST_F(Periodic, ARunningServerHasAHistoryWithWhatItsWorkerDid) {
  server_.Start();
  ASSERT_TRUE(WorkUntil([&] { return Samples().size() >= 3; })) << server_.Log();
  std::int64_t tokens = 0;
  bool judged = false, operators = false;
  for (const auto& sample : Samples()) {
    EXPECT_EQ(sample["device"], "gpu_0");
    EXPECT_GT(sample["seconds"].get<double>(), 0.05);
    EXPECT_GT(sample["memory_peak"].get<std::int64_t>(), 1 << 20);
    tokens += sample["generated_tokens"].get<std::int64_t>();
    for (const auto& measure : sample["measures"]) {
      judged = judged || measure["measure"] == "decode/1";
      EXPECT_GT(measure["seconds"].get<double>(), 0);
    }
    operators = operators || !sample["detail"]["operators"].empty();
  }
  EXPECT_GT(tokens, 0);
  EXPECT_TRUE(judged);
  EXPECT_TRUE(operators);
  EXPECT_NE(server_.Call("GET", "/metrics")
                .reply.body.find(R"(altlas_profile_samples_total{device="gpu_0",outcome="kept"})"),
            std::string::npos);
  const auto shown = RunToEnd({ALTLAS_PROGRAM, "profile", "history", "--state", server_.state().string()});
  EXPECT_EQ(shown.code, 0) << shown.output;
  EXPECT_NE(shown.output.find("decode/1"), std::string::npos) << shown.output;
  const auto json =
      RunToEnd({ALTLAS_PROGRAM, "profile", "history", "--json", "--state", server_.state().string()});
  EXPECT_GE(Json::parse(json.output)["samples"].size(), 3u);
}

TEST_F(Periodic, AWorkerKilledInASampleHarmsNothingAndTheHistoryOutlivesTheManager) {
  server_.Start();
  ASSERT_TRUE(WorkUntil([&] { return !Samples().empty(); })) << server_.Log();
  // Half of the time a sample is under way: until a death fell into one.
  const auto lost = [&] {
    return server_.Call("GET", "/metrics").reply.body.find(R"(outcome="lost")") != std::string::npos;
  };
  for (int death = 0; !lost(); ++death) {
    ASSERT_LT(death, 100);
    const auto id = server_.Call("POST", "/api/v1/predict", kLong).json["task_id"].get<std::string>();
    ASSERT_TRUE(Eventually([&] { return server_.Task(id).value("status", "") != "queued"; }));
    const auto worker = server_.WorkerPid();
    ASSERT_GT(worker, 0);
    ::kill(worker, SIGKILL);
    EXPECT_EQ(server_.Await(id)["status"], "completed");
  }
  const auto before = Samples().front()["id"].get<std::int64_t>();
  ASSERT_TRUE(WorkUntil([&] { return Samples().front()["id"].get<std::int64_t>() > before; }))
      << server_.Log();
  const auto kept = Samples().back();
  server_.Kill();
  server_.Start();
  const auto again = Samples();
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again.back(), kept);
  const auto newest = again.front()["id"].get<std::int64_t>();
  EXPECT_TRUE(WorkUntil([&] { return Samples().front()["id"].get<std::int64_t>() > newest; }))
      << server_.Log();
}

}  // namespace
}  // namespace altlas::testing_process
