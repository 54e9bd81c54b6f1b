// SPDX-License-Identifier: Apache-2.0
// Text in, vectors out over HTTP, with the real worker and a small random BERT that the test writes, against
// the plain loops of fixture_bert.h; and a worker's death in the middle of a batch.
#include <gtest/gtest.h>
#include <signal.h>

#include <set>

#include "server_process.h"
#include "worker/serve/fixture_bert.h"

namespace altlas::testing_process {
namespace {

std::string TextNumber(std::size_t i) {
  std::string text = "text";
  for (std::size_t k = 0; k < i % 7; ++k) text += " w" + std::to_string(i * 31 + k);
  return text;
}

class Embedding : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess();
    bert_ = new serve::FixtureBert();
    ASSERT_TRUE(bert_->WriteTo(server_->folder() / "vectors").has_value());
    // Large enough that a batch takes a while: something to be killed in.
    serve::FixtureBert slow;
    slow.hidden = 512;
    slow.inner = 2048;
    slow.layers = 4;
    slow.heads = 8;
    ASSERT_TRUE(slow.WriteTo(server_->folder() / "slow").has_value());
    server_->WriteConfig("workers:\n  program: " ALTLAS_WORKER
                         "\n  restart_backoff: {initial: 0.05, cap: 1}\n"
                         "models:\n"
                         "  - {name: words, path: " ALTLAS_SOURCE_DIR
                         "/models/alt-las-tiny}\n"
                         "  - {name: vectors, path: vectors}\n"
                         "  - {name: slow, path: slow}\n");
    server_->Start();
  }
  static void TearDownTestSuite() {
    delete server_;
    delete bert_;
  }
  static ServerProcess& server() { return *server_; }
  static Json Ask(Json body) { return server().Call("POST", "/api/v1/predict?wait=110", body.dump()).json; }
  static void ExpectVectorOf(const Json& task, const std::string& text) {
    ASSERT_EQ(task.value("status", ""), "completed") << task.dump();
    const auto ids = bert_->Ids(text);
    const auto wanted = bert_->Embed(ids);
    const Json& result = task["result"];
    ASSERT_EQ(result["embedding"].size(), wanted.size()) << task.dump();
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(result["embedding"][i].get<double>(), wanted[i], 1e-5) << text << " " << i;
    EXPECT_EQ(result["dimensions"], wanted.size());
    EXPECT_EQ(result["tokens"], ids.size());
    EXPECT_EQ(result["truncated"], false);
    EXPECT_TRUE(result["execution_time"].is_number());
    EXPECT_FALSE(result.contains("text"));
  }
  static inline ServerProcess* server_ = nullptr;
  static inline serve::FixtureBert* bert_ = nullptr;
};

// PRF-5, API-1
TEST_F(Embedding, AnswersTheReferencesVector) {
  const auto task = Ask({{"text", "hello world 42"}, {"type", "embedding"}});
  EXPECT_EQ(task["model"], "vectors");  // the first of its type
  ExpectVectorOf(task, "hello world 42");
  // Upper case and accents are respelled.
  ExpectVectorOf(Ask({{"text", "Héllo WORLD 42"}, {"type", "embedding"}}), "hello world 42");
}

TEST_F(Embedding, TheRequestsSwitchesCount) {
  const auto plain = Ask({{"text", "hello"}, {"model", "vectors"}, {"normalize", false}});
  ASSERT_EQ(plain.value("status", ""), "completed") << plain.dump();
  EXPECT_EQ(plain["type"], "embedding");
  const auto wanted = bert_->Embed(bert_->Ids("hello"));
  double square = 0;
  for (const auto& value : plain["result"]["embedding"]) square += value.get<double>() * value.get<double>();
  EXPECT_GT(std::abs(square - 1), 1e-3);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(plain["result"]["embedding"][i].get<double>() / std::sqrt(square), wanted[i], 1e-5);

  const std::string text(100, 'a');  // a word of a hundred tokens, and 64 is the context
  const auto failed =
      server().Call("POST", "/api/v1/predict?wait=110", Json({{"text", text}, {"type", "embedding"}}).dump());
  EXPECT_NE(failed.reply.body.find("context_length_exceeded"), std::string::npos) << failed.reply.body;
  const auto cut = Ask({{"text", text}, {"type", "embedding"}, {"truncate", true}});
  ASSERT_EQ(cut.value("status", ""), "completed") << cut.dump();
  EXPECT_EQ(cut["result"]["truncated"], true);
  EXPECT_EQ(cut["result"]["tokens"], 64);
}

TEST_F(Embedding, ABatchGivesEachTextItsOwnVector) {
  Json batch = Json::array();
  for (std::size_t i = 0; i < 40; ++i) batch.push_back({{"text", TextNumber(i)}, {"type", "embedding"}});
  const auto answer =
      server().Call("POST", "/api/v1/batch_predict",
                    Json({{"batch", batch}, {"gpu_options", {{"batch_split", false}}}}).dump());
  ASSERT_EQ(answer.json["task_ids"].size(), 40u) << answer.reply.body;
  for (std::size_t i = 0; i < 40; ++i)
    ExpectVectorOf(server().Await(answer.json["task_ids"][i].get<std::string>()), TextNumber(i));
}

TEST_F(Embedding, ATypeAndAModelThatDoNotFitAreA400AndModelsSayWhatTheyServe) {
  auto wrong =
      server().Call("POST", "/api/v1/predict", R"({"text":"a","type":"text_generation","model":"vectors"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json["error"]["field"], "model");
  wrong = server().Call("POST", "/api/v1/predict", R"({"text":"a","type":"embedding","model":"words"})");
  EXPECT_EQ(wrong.status, 400);
  const auto models = server().Call("GET", "/api/v1/models").json["models"];
  ASSERT_EQ(models.size(), 3u) << models.dump();
  EXPECT_EQ(models[0]["type"], "text_generation");
  EXPECT_EQ(models[0]["default"], true);
  EXPECT_EQ(models[1]["type"], "embedding");
  EXPECT_EQ(models[1]["default"], true);
  EXPECT_EQ(models[1]["family"], "BertModel");
  EXPECT_EQ(models[1]["context_length"], 64);
  EXPECT_EQ(models[2]["type"], "embedding");
  EXPECT_EQ(models[2]["default"], false);
}

TEST_F(Embedding, TextAndVectorsComeFromOneServerAtATime) {
  const auto words = Ask({{"text", "Once upon a time"}, {"max_length", 10}, {"temperature", 0}});
  ASSERT_EQ(words.value("status", ""), "completed") << words.dump();
  EXPECT_FALSE(words["result"].contains("embedding"));
  ExpectVectorOf(Ask({{"text", "once upon a time"}, {"type", "embedding"}}), "once upon a time");
}

TEST_F(Embedding, CanceledTasksEndAndTheOthersGoOn) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 30; ++i)
    ids.push_back(server().Predict(TextNumber(i), R"("type":"embedding","model":"slow")"));
  for (std::size_t i = 1; i < 30; i += 2) server().Call("DELETE", "/api/v1/task/" + ids[i]);
  for (std::size_t i = 0; i < 30; ++i) {
    const auto answer = server().Call("GET", "/api/v1/task/" + ids[i] + "?wait=110");
    // One that was done before it could be canceled was deleted.
    if (i % 2 == 1 && answer.status == 404) continue;
    const auto status = answer.json.value("status", "");
    EXPECT_TRUE(i % 2 == 0 ? status == "completed" : status == "canceled") << answer.reply.body;
  }
}

// CLU-5: nothing is lost, nothing comes twice, and the vectors are those of an undisturbed run.
TEST_F(Embedding, AWorkersDeathInTheMiddleOfABatchLosesAndDoublesNothing) {
  constexpr std::size_t kTexts = 120;
  const auto body = [](std::size_t i) {
    return Json({{"text", TextNumber(i)}, {"type", "embedding"}, {"model", "slow"}});
  };
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kTexts; ++i)
    ids.push_back(
        server().Call("POST", "/api/v1/predict", body(i).dump()).json["task_id"].get<std::string>());
  const auto worker = server().WorkerPid();
  ASSERT_GT(worker, 0);
  ASSERT_TRUE(Eventually([&] {
    for (const auto& id : ids) {
      if (server().Task(id).value("status", "") == "running") return true;
    }
    return false;
  }));
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  std::set<std::string> once(ids.begin(), ids.end());
  EXPECT_EQ(once.size(), kTexts);
  bool again = false;
  std::vector<Json> vectors;
  for (std::size_t i = 0; i < kTexts; ++i) {
    const auto task = server().Await(ids[i]);
    ASSERT_EQ(task.value("status", ""), "completed") << task.dump();
    again = again || task["attempt"] > 1;
    vectors.push_back(task["result"]["embedding"]);
  }
  EXPECT_TRUE(again) << "no task was in the worker's hands when it was killed";
  EXPECT_NE(server().WorkerPid(), worker);
  for (std::size_t i = 0; i < kTexts; i += 17) {
    const auto alone = Ask(body(i));
    ASSERT_EQ(alone.value("status", ""), "completed") << alone.dump();
    for (std::size_t k = 0; k < vectors[i].size(); ++k)
      EXPECT_NEAR(vectors[i][k].get<double>(), alone["result"]["embedding"][k].get<double>(), 1e-5);
  }
  const auto listed = server().Call("GET", "/api/v1/tasks?model=slow&limit=200").json["tasks"];
  std::size_t seen = 0;
  for (const auto& task : listed) seen += once.contains(task["task_id"].get<std::string>()) ? 1 : 0;
  EXPECT_EQ(seen, kTexts);
}

TEST(EmbeddingConfig, ATypeThatTheFamilyDoesNotServeIsAnErrorAtTheStart) {
  ServerProcess server;
  serve::FixtureBert bert;
  ASSERT_TRUE(bert.WriteTo(server.folder() / "vectors").has_value());
  const auto start_with = [&](const std::string& models) {
    server.WriteConfig("workers: {program: " ALTLAS_WORKER "}\nmodels:\n" + models);
    return RunToEnd(server.CommandLine());
  };
  auto failed = start_with("  - {name: vectors, path: vectors, type: text_generation}\n");
  EXPECT_NE(failed.code, 0);
  EXPECT_NE(failed.output.find("models[0].type: found text_generation"), std::string::npos) << failed.output;
  EXPECT_NE(failed.output.find("serves embedding; leave type out"), std::string::npos) << failed.output;
  failed = start_with(
      "  - {name: a, path: vectors, default: true}\n  - {name: b, path: vectors, default: true}\n");
  EXPECT_NE(failed.code, 0);
  EXPECT_NE(failed.output.find("models[1].default: a is the default for embedding already"),
            std::string::npos)
      << failed.output;
}

}  // namespace
}  // namespace altlas::testing_process
