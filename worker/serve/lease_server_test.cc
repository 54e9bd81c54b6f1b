// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/lease_server.h"

#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "worker/serve/fake_manager.h"
#include "worker/serve/fake_model.h"
#include "worker/serve/fake_vector_model.h"

namespace altlas::serve {
namespace {

constexpr std::int64_t kContext = 200'000;

// A worker with fake models in this process and a manager at the other end of a real socket.
class LeaseServerTest : public testing::Test {
 protected:
  LeaseServerTest() : manager(folder.path() / "workers.sock") {}

  static Result<LoadedModel> Load(const wire::ModelSpec& spec, const wire::Welcome& welcome) {
    if (spec.folder == "vectors") {
      LoadedModel loaded;
      ALTLAS_TRY(loaded.embedding, EmbeddingEngine::Create(std::make_unique<FakeVectorModel>(),
                                                           std::make_unique<FakePassages>(), {}));
      loaded.facts.family = "fake vectors";
      loaded.facts.dtype = spec.dtype;
      return loaded;
    }
    if (spec.folder == "broken") return Fail(ErrorCode::kCorrupt, "config.json is no JSON");
    auto script = spec.folder == "endless"
                      ? [](const std::vector<std::uint32_t>&, std::span<float> logits) { logits['z'] = 1; }
                      : FakeTokenModel::HashScript();
    auto model = std::make_unique<FakeTokenModel>(FakeInfo(3, kContext), script);
    if (spec.folder == "starved")
      model->before_step = [](auto) { return Fail(ErrorCode::kUnavailable, "no memory for this step"); };
    LoadedModel loaded;
    ALTLAS_TRY(loaded.engine, Engine::Create(std::move(model), std::make_unique<FakeCodec>(),
                                             {.max_batch = static_cast<int>(welcome.max_batch)}));
    loaded.facts.family = "fake";
    loaded.facts.dtype = spec.dtype;
    loaded.facts.context_length = kContext;
    return loaded;
  }

  void Start() {
    wire::WorkerLinkOptions options;
    options.socket_path = folder.path() / "workers.sock";
    options.device = "gpu_0";
    options.token = "secret";
    LeaseServerHooks hooks;
    hooks.load = Load;
    hooks.on_end = [this](const wire::Goodbye& goodbye) {
      MutexLock lock(mutex);
      ended = goodbye;
      changed.NotifyAll();
    };
    server = LeaseServer::Create(clock, options, std::move(hooks)).value();
  }

  wire::Goodbye WaitForEnd() {
    MutexLock lock(mutex);
    while (!ended) changed.Wait(mutex);
    return *ended;
  }

  static wire::Welcome MakeWelcome() {
    wire::Welcome welcome;
    welcome.program_version = ALTLAS_VERSION;
    for (const char* name : {"good", "endless", "starved", "vectors", "broken"}) {
      wire::ModelSpec spec;
      spec.name = spec.folder = name;
      welcome.models.push_back(spec);
    }
    welcome.threads = 1;
    welcome.max_batch = 4;
    welcome.heartbeat_interval_ms = 20;
    return welcome;
  }

  void Connect() {
    Start();
    EXPECT_EQ(manager.Accept().token, "secret");
    manager.Send(MakeWelcome());
    for (int model = 0; model < 4; ++model) manager.Expect<wire::ModelReady>();
    manager.Expect<wire::ModelFailed>();
    manager.Expect<wire::Ready>();
  }

  wire::LeaseGrant Grant(std::uint64_t number, std::string model, std::string request, bool stream = true) {
    wire::LeaseGrant grant;
    grant.lease = {TaskId{1, number}, 1};
    grant.type = "text_generation";
    grant.model = std::move(model);
    grant.request = std::move(request);
    grant.stream = stream;
    return grant;
  }

  static constexpr const char* kLong = R"({"text": "a", "max_length": 150000})";

  SystemClock clock;
  TemporaryFolder folder;
  FakeManager manager;
  Mutex mutex;
  CondVar changed;
  std::optional<wire::Goodbye> ended;
  std::unique_ptr<LeaseServer> server;
};

TEST_F(LeaseServerTest, TellsWhichModelsAreReadyAndWhichFailedAndWhy) {
  Start();
  const auto hello = manager.Accept();
  EXPECT_EQ(hello.device, "gpu_0");
  EXPECT_TRUE(hello.leases.empty());
  manager.Send(MakeWelcome());
  const auto good = manager.Expect<wire::ModelReady>();
  EXPECT_EQ(good.name, "good");
  EXPECT_EQ(good.context_length, kContext);
  EXPECT_EQ(manager.Expect<wire::ModelReady>().name, "endless");
  EXPECT_EQ(manager.Expect<wire::ModelReady>().name, "starved");
  EXPECT_EQ(manager.Expect<wire::ModelReady>().name, "vectors");
  const auto failed = manager.Expect<wire::ModelFailed>();
  EXPECT_EQ(failed.name, "broken");
  EXPECT_EQ(failed.code, ErrorCode::kCorrupt);
  EXPECT_EQ(failed.message, "config.json is no JSON");
  const auto ready = manager.Expect<wire::Ready>();
  EXPECT_EQ(ready.slots, 4u);  // those of the model that takes most
  EXPECT_GT(ready.memory_used_bytes, 0u);
  EXPECT_GT(ready.memory_total_bytes, ready.memory_used_bytes);
}

TEST_F(LeaseServerTest, StreamsTokensAndThenTheResult) {
  Connect();
  manager.Send(Grant(1, "good", R"({"text": "hello", "max_length": 30, "temperature": 1, "seed": "4"})"));
  std::string text;
  std::uint32_t index = 0;
  while (true) {
    auto message = manager.Receive();
    ASSERT_TRUE(message.has_value());
    if (auto* token = std::get_if<wire::Token>(&*message)) {
      EXPECT_EQ(token->index, index);
      index += static_cast<std::uint32_t>(token->ids.size());
      text += token->text;
    } else if (auto* done = std::get_if<wire::LeaseDone>(&*message)) {
      EXPECT_EQ(done->generated_tokens, index);
      EXPECT_EQ(done->prompt_tokens, 5u);
      EXPECT_GT(done->seconds, 0.0);
      GenerationResult expected{text, index == 30 ? "length" : "stop", 5, index, false};
      EXPECT_EQ(done->result, FormatResult(expected));
      break;
    }
  }
  EXPECT_GT(index, 0u);
}

TEST_F(LeaseServerTest, WithoutStreamOnlyTheResultComes) {
  Connect();
  manager.Send(Grant(1, "good", R"({"text": "hello", "max_length": 5})", false));
  EXPECT_EQ(manager.Expect<wire::LeaseDone>().lease, (wire::LeaseKey{TaskId{1, 1}, 1}));
}

TEST_F(LeaseServerTest, EveryBadLeaseIsAnsweredWithItsReason) {
  Connect();
  auto other_type = Grant(1, "good", "{}");
  other_type.type = "image_detection";
  manager.Send(other_type);
  EXPECT_EQ(manager.Expect<wire::LeaseFailed>().code, ErrorCode::kUnsupported);
  manager.Send(Grant(2, "good", "nonsense"));
  EXPECT_EQ(manager.Expect<wire::LeaseFailed>().code, ErrorCode::kInvalidArgument);
  manager.Send(Grant(3, "broken", R"({"text": "a"})"));
  EXPECT_EQ(manager.Expect<wire::LeaseFailed>().code, ErrorCode::kNotFound);
  manager.Send(Grant(4, "good", R"({"text": ")" + std::string(kContext, 'a') + R"("})"));
  const auto failed = manager.Expect<wire::LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(failed.message.starts_with("context_length_exceeded")) << failed.message;
  EXPECT_FALSE(failed.worker_at_fault);
}

TEST_F(LeaseServerTest, AFailureOfItsOwnIsNeverCalledUnavailable) {
  Connect();
  manager.Send(Grant(1, "starved", R"({"text": "a", "max_length": 5})"));
  const auto failed = manager.Expect<wire::LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kInternal);
  EXPECT_TRUE(failed.worker_at_fault);
  EXPECT_NE(failed.message.find("no memory for this step"), std::string::npos) << failed.message;
}

TEST_F(LeaseServerTest, CancelInTheMiddleIsAnsweredOnce) {
  Connect();
  const auto grant = Grant(1, "endless", kLong);
  manager.Send(grant);
  manager.WaitFor<wire::Token>();
  manager.Send(wire::LeaseCancel{grant.lease});
  manager.Send(wire::LeaseCancel{grant.lease});
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kCanceled);
  manager.Send(Grant(2, "good", R"({"text": "a", "max_length": 2})", false));
  EXPECT_EQ(manager.Expect<wire::LeaseDone>().lease.task, (TaskId{1, 2}));
}

TEST_F(LeaseServerTest, HeartbeatsShowProgress) {
  Connect();
  manager.Send(Grant(1, "endless", kLong, false));
  while (true) {
    const auto beat = manager.WaitFor<wire::Heartbeat>();
    if (testing::Test::HasFailure()) return;
    if (beat.steps > 0 && beat.tokens > 0 && beat.running == 1 && beat.tokens_per_second > 0) break;
  }
}

TEST_F(LeaseServerTest, AManagerThatDiesFindsItsLeasesAgain) {
  Connect();
  manager.Send(Grant(1, "endless", kLong));
  manager.Send(Grant(2, "good", R"({"text": "a", "max_length": 3})", false));
  const auto done = manager.WaitFor<wire::LeaseDone>();
  manager.Die();
  manager.Listen();
  const auto hello = manager.Accept();
  ASSERT_EQ(hello.leases.size(), 2u);
  EXPECT_FALSE(hello.leases[0].finished);
  EXPECT_TRUE(hello.leases[1].finished);
  manager.Send(MakeWelcome());
  EXPECT_EQ(manager.WaitFor<wire::LeaseDone>(), done);
  manager.Send(wire::LeaseDoneAck{done.lease});
  manager.Send(wire::LeaseCancel{hello.leases[0].lease});
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kCanceled);
}

TEST_F(LeaseServerTest, StopGivesTheLeasesBackAndSaysGoodbye) {
  Connect();
  for (std::uint64_t number = 1; number <= 5; ++number)  // more than run at once
    manager.Send(Grant(number, "endless", kLong));
  manager.Send(Grant(6, "good", "nonsense"));
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kInvalidArgument);  // so all were read
  server->Stop("asked to stop");
  for (int number = 1; number <= 5; ++number) {
    const auto failed = manager.WaitFor<wire::LeaseFailed>();
    EXPECT_EQ(failed.code, ErrorCode::kUnavailable);
    EXPECT_FALSE(failed.worker_at_fault);
    EXPECT_EQ(failed.message, "asked to stop");
  }
  EXPECT_EQ(manager.WaitFor<wire::Goodbye>().reason, wire::GoodbyeReason::kShutdown);
  EXPECT_EQ(WaitForEnd().reason, wire::GoodbyeReason::kShutdown);
}

TEST_F(LeaseServerTest, DrainFinishesWhatRunsThenEnds) {
  Connect();
  manager.Send(Grant(1, "good", R"({"text": "a", "max_length": 50})", false));
  manager.Send(wire::Drain{0});
  const auto done = manager.Expect<wire::LeaseDone>();
  manager.Send(wire::LeaseDoneAck{done.lease});
  EXPECT_EQ(manager.WaitFor<wire::Goodbye>().reason, wire::GoodbyeReason::kDrained);
  EXPECT_EQ(WaitForEnd().reason, wire::GoodbyeReason::kDrained);
}

TEST_F(LeaseServerTest, EndsInTheMiddleOfWork) {
  Connect();
  for (std::uint64_t number = 1; number < 6; ++number) manager.Send(Grant(number, "endless", kLong));
  manager.WaitFor<wire::Token>();
  server.reset();
}

TEST_F(LeaseServerTest, EmbeddingLeasesAreAnsweredWithVectors) {
  Connect();
  std::map<TaskId, std::string> texts;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    auto grant = Grant(number, "vectors", R"({"text": ")" + std::string(number, 'a') + "\"}");
    grant.type = "embedding";
    texts[grant.lease.task] = std::string(number, 'a');
    manager.Send(grant);
  }
  for (int i = 0; i < 4; ++i) {
    const auto done = manager.Expect<wire::LeaseDone>();
    const auto size = texts.at(done.lease.task).size();
    EXPECT_EQ(done.result,
              fmt::format(R"({{"embedding":[{},{},97],"dimensions":3,"tokens":{},"truncated":false}})", size,
                          97 * size, size));
    EXPECT_EQ(done.prompt_tokens, size);
    EXPECT_EQ(done.generated_tokens, 0u);
    manager.Send(wire::LeaseDoneAck{done.lease});
  }
}

TEST_F(LeaseServerTest, ATaskOfTheOtherTypeIsRefusedByName) {
  Connect();
  manager.Send(Grant(1, "vectors", R"({"text": "a"})"));
  auto failed = manager.Expect<wire::LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kUnsupported);
  EXPECT_FALSE(failed.worker_at_fault);
  EXPECT_NE(failed.message.find("\"vectors\" serves tasks of type embedding"), std::string::npos)
      << failed.message;
  auto grant = Grant(2, "good", R"({"text": "a"})");
  grant.type = "embedding";
  manager.Send(grant);
  failed = manager.Expect<wire::LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kUnsupported);
  EXPECT_NE(failed.message.find("\"good\" serves tasks of type text_generation"), std::string::npos);
  grant = Grant(3, "vectors", R"({"text": 5})");
  grant.type = "embedding";
  manager.Send(grant);
  EXPECT_EQ(manager.Expect<wire::LeaseFailed>().code, ErrorCode::kInvalidArgument);
  grant = Grant(4, "vectors", R"({"text": ")" + std::string(65, 'a') + "\"}");
  grant.type = "embedding";
  manager.Send(grant);
  failed = manager.Expect<wire::LeaseFailed>();
  EXPECT_EQ(failed.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(failed.message.find("context_length_exceeded"), std::string::npos);
}

}  // namespace
}  // namespace altlas::serve
