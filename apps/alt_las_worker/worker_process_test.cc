// SPDX-License-Identifier: Apache-2.0
// The real program as a process, on a model of random weights, with a manager at the other end of its socket.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "worker/serve/fake_manager.h"
#include "worker/serve/fixture_bert.h"
#include "worker/serve/fixture_model.h"

namespace altlas::worker_app {
namespace {

using serve::FakeManager;

// A child process; killed and reaped at the latest on destruction.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), ALTLAS_WORKER_PROGRAM);
    for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
    EXPECT_EQ(::posix_spawn(&pid_, ALTLAS_WORKER_PROGRAM, nullptr, nullptr, Pointers(arguments).data(),
                            Pointers(environment).data()),
              0);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void Signal(int number) { ::kill(pid_, number); }
  pid_t pid() const { return pid_; }
  // The exit code, or minus the number of the signal that ended it.
  int Wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  static std::vector<char*> Pointers(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (auto& string : strings) pointers.push_back(string.data());
    pointers.push_back(nullptr);
    return pointers;
  }
  pid_t pid_ = 0;
};

struct Output {
  std::string text;
  int exit_code = -1;
};

// Runs the program to its end; what it wrote to standard output.
Output RunProgram(const std::string& arguments) {
  const std::string command = std::string(ALTLAS_WORKER_PROGRAM) + " " + arguments + " 2>/dev/null";
  Output output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.text.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

class WorkerProcessTest : public testing::Test {
 protected:
  static constexpr std::int64_t kContext = 32'768;
  static constexpr const char* kLong = R"({"text": "Once upon a time", "max_length": 32000})";
  static constexpr const char* kShort =
      R"({"text": "Once upon a time", "max_length": 60, "temperature": 0.8, "seed": "7"})";

  WorkerProcessTest() : manager(folder.path() / "workers.sock") {
    const serve::FixtureModel model{.context = kContext};
    EXPECT_TRUE(model.WriteTo(folder.path() / "model").has_value());
  }

  std::unique_ptr<Process> Start() {
    return std::make_unique<Process>(std::vector<std::string>{"--socket", folder.path() / "workers.sock",
                                                              "--device", "gpu_0", "--threads", "1"},
                                     std::vector<std::string>{"ALTLAS_WORKER_TOKEN=the token"});
  }
  wire::Welcome MakeWelcome() const {
    wire::Welcome welcome;
    welcome.program_version = ALTLAS_VERSION;
    wire::ModelSpec spec;
    spec.name = "small";
    spec.folder = folder.path() / "model";
    welcome.models.push_back(spec);
    welcome.threads = 1;
    welcome.max_batch = 4;
    welcome.heartbeat_interval_ms = 50;
    welcome.orphan_ms = 60'000;
    return welcome;
  }
  wire::Hello Connect() {
    auto hello = manager.Accept();
    EXPECT_EQ(hello.token, "the token");
    manager.Send(MakeWelcome());
    EXPECT_EQ(manager.Expect<wire::ModelReady>().name, "small");
    manager.Expect<wire::Ready>();
    return hello;
  }
  static wire::LeaseGrant Grant(std::uint64_t number, std::string request, bool stream = true) {
    wire::LeaseGrant grant;
    grant.lease = {TaskId{1, number}, 1};
    grant.type = "text_generation";
    grant.model = "small";
    grant.request = std::move(request);
    grant.stream = stream;
    return grant;
  }

  struct Stream {
    std::vector<std::uint32_t> ids;
    std::string text;
    wire::LeaseDone done;
  };
  // Reads the tokens of a lease up to its outcome, or up to `most` ids.
  Stream ReadStream(std::size_t most = 1'000'000) {
    Stream stream;
    while (stream.ids.size() < most) {
      auto message = manager.Receive();
      if (!message) {
        ADD_FAILURE() << "the worker is gone or silent";
        break;
      }
      if (auto* token = std::get_if<wire::Token>(&*message)) {
        stream.ids.insert(stream.ids.end(), token->ids.begin(), token->ids.end());
        stream.text += token->text;
      } else if (auto* done = std::get_if<wire::LeaseDone>(&*message)) {
        stream.done = *done;
        break;
      } else if (auto* failed = std::get_if<wire::LeaseFailed>(&*message)) {
        ADD_FAILURE() << failed->message;
        break;
      }
    }
    return stream;
  }
  static std::string TextOf(const wire::LeaseDone& done) {
    return nlohmann::json::parse(done.result).at("text");
  }

  TemporaryFolder folder;
  FakeManager manager;
};

TEST_F(WorkerProcessTest, ALeaseGivesTokensAndThenItsResult) {
  const auto worker = Start();
  const auto hello = Connect();
  EXPECT_EQ(hello.pid, static_cast<std::uint32_t>(worker->pid()));
  EXPECT_EQ(hello.device, "gpu_0");
  manager.Send(Grant(1, kShort));
  const auto stream = ReadStream();
  EXPECT_GT(stream.ids.size(), 0u);
  EXPECT_EQ(stream.ids.size(), stream.done.generated_tokens);
  EXPECT_EQ(TextOf(stream.done), stream.text);
  EXPECT_EQ(stream.done.prompt_tokens, 16u);
}

TEST_F(WorkerProcessTest, CancelInTheMiddleEndsTheLeaseAndNothingElse) {
  const auto worker = Start();
  Connect();
  const auto grant = Grant(1, kLong);
  manager.Send(grant);
  ReadStream(5);
  manager.Send(wire::LeaseCancel{grant.lease});
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kCanceled);
  manager.Send(Grant(2, kShort));
  EXPECT_GT(ReadStream().done.generated_tokens, 0u);
}

TEST_F(WorkerProcessTest, AKilledWorkersTextIsContinuedByTheNextOne) {
  Stream whole, before, after;
  {
    const auto worker = Start();
    Connect();
    manager.Send(Grant(1, kShort));
    whole = ReadStream();
    ASSERT_GT(whole.ids.size(), 10u);
    manager.Send(Grant(2, kLong));
    manager.Send(Grant(3, kShort));
    while (before.ids.size() < 8) {
      const auto token = manager.WaitFor<wire::Token>();
      if (token.lease.task != TaskId{1, 3}) continue;
      before.ids.insert(before.ids.end(), token.ids.begin(), token.ids.end());
      before.text += token.text;
    }
    worker->Signal(SIGKILL);
    while (manager.Receive()) {
    }
    EXPECT_EQ(worker->Wait(), -SIGKILL);
  }
  const auto worker = Start();
  EXPECT_TRUE(Connect().leases.empty());
  auto grant = Grant(3, kShort);
  grant.lease.attempt = 2;
  grant.emitted = before.ids;
  manager.Send(grant);
  after = ReadStream();
  EXPECT_EQ(TextOf(after.done), TextOf(whole.done));
  EXPECT_EQ(after.text, whole.text) << "what the first one had said is told again";
  EXPECT_EQ(after.ids, whole.ids);
  EXPECT_TRUE(whole.text.starts_with(before.text));
}

TEST_F(WorkerProcessTest, AManagerThatHangsUpIsNotTheEnd) {
  const auto worker = Start();
  Connect();
  manager.Send(Grant(1, kLong));
  const auto before = ReadStream(5);
  manager.Die();
  manager.Listen();
  const auto hello = manager.Accept();
  ASSERT_EQ(hello.leases.size(), 1u);
  EXPECT_FALSE(hello.leases[0].finished);
  manager.Send(MakeWelcome());
  const auto again = ReadStream(5);
  EXPECT_EQ(std::vector(again.ids.begin(), again.ids.begin() + 5), before.ids)
      << "tokens come again from the first";
  manager.Send(wire::LeaseCancel{hello.leases[0].lease});
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kCanceled);
}

TEST_F(WorkerProcessTest, ATerminatedWorkerGivesItsLeasesBack) {
  const auto worker = Start();
  Connect();
  manager.Send(Grant(1, kLong));
  ReadStream(3);
  worker->Signal(SIGTERM);
  EXPECT_EQ(manager.WaitFor<wire::LeaseFailed>().code, ErrorCode::kUnavailable);
  EXPECT_EQ(manager.WaitFor<wire::Goodbye>().reason, wire::GoodbyeReason::kShutdown);
  EXPECT_EQ(worker->Wait(), 0);
}

TEST_F(WorkerProcessTest, DrainEndsTheProcess) {
  const auto worker = Start();
  Connect();
  manager.Send(wire::Drain{0});
  EXPECT_EQ(manager.WaitFor<wire::Goodbye>().reason, wire::GoodbyeReason::kDrained);
  EXPECT_EQ(worker->Wait(), 0);
}

TEST_F(WorkerProcessTest, WithoutAManagerForTheOrphanTimeItExits) {
  const auto worker = Start();
  manager.Accept();
  auto welcome = MakeWelcome();
  welcome.orphan_ms = 100;
  manager.Send(welcome);
  manager.WaitFor<wire::Ready>();
  manager.Die();
  EXPECT_EQ(worker->Wait(), 4);
}

TEST_F(WorkerProcessTest, ARefusedWorkerDoesNotComeBack) {
  const auto worker = Start();
  manager.Accept();
  manager.Send(wire::Goodbye{wire::GoodbyeReason::kRefused, "this device has a worker"});
  EXPECT_EQ(worker->Wait(), 3);
}

TEST_F(WorkerProcessTest, PeopleCanGenerateAndTokenize) {
  const auto model = (folder.path() / "model").string();
  const auto options =
      " --prompt \"Once upon a time\" --max-length 60 --temperature 0.8 --seed 7 --threads 1";
  const auto text = RunProgram("--generate " + model + options);
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_GT(text.text.size(), 1u);
  EXPECT_EQ(RunProgram("--generate " + model + options).text, text.text) << "same seed, other text";
  const auto tokens = RunProgram("--tokenize " + model + " --prompt \"a b\"");
  EXPECT_EQ(tokens.exit_code, 0);
  EXPECT_EQ(tokens.text, "      97  \"a\"\n      32  \"\u0120\"\n      98  \"b\"\n");
}

TEST_F(WorkerProcessTest, PeopleCanEmbedAndAreToldWhichModelDoesWhat) {
  const auto words = (folder.path() / "model").string(), vectors = (folder.path() / "vectors").string();
  serve::FixtureBert bert;
  ASSERT_TRUE(bert.WriteTo(vectors).has_value());
  const auto embedded = RunProgram("--embed " + vectors + " --prompt \"hello world\"");
  EXPECT_EQ(embedded.exit_code, 0);
  const auto json = nlohmann::json::parse(embedded.text);
  const auto wanted = bert.Embed(bert.Ids("hello world"));
  ASSERT_EQ(json["embedding"].size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(json["embedding"][i].get<double>(), wanted[i], 1e-5) << i;
  EXPECT_EQ(RunProgram("--embed " + words + " --prompt x").exit_code, 1);
  EXPECT_EQ(RunProgram("--generate " + vectors + " --prompt x").exit_code, 1);
  EXPECT_EQ(RunProgram("--bench " + vectors).exit_code, 1);
  EXPECT_EQ(RunProgram("--embed " + vectors + " --prompt \"" + std::string(100, 'a') + "\"").exit_code, 2);
}

TEST_F(WorkerProcessTest, WrongUsageIsExplained) {
  EXPECT_EQ(RunProgram("--help").exit_code, 0);
  EXPECT_EQ(RunProgram("--version").text, "alt_las_worker " ALTLAS_VERSION "\n");
  EXPECT_EQ(RunProgram("").exit_code, 2);
  EXPECT_EQ(RunProgram("--socket /nowhere/x.sock").exit_code, 2);
  for (const char* option : {"--generate", "--embed", "--tokenize", "--bench", "--socket", "--device"}) {
    EXPECT_EQ(RunProgram(std::string(option) + " ''").exit_code, 2) << option;
    const auto said = RunProgram(std::string(option) + " '' 2>&1 | cat").text;
    EXPECT_NE(said.find(std::string(option) + ": it is empty"), std::string::npos) << said;
  }
  EXPECT_EQ(RunProgram("--generate /nowhere").exit_code, 2);
  EXPECT_EQ(RunProgram("--generate /nowhere --prompt x").exit_code, 1);
  EXPECT_EQ(RunProgram("--generate /nowhere --prompt x --seed minus").exit_code, 2);
  for (const char* option : {"--temperature", "--top-p"}) {
    for (const char* value : {"nan", "inf", "-1", "x"})
      EXPECT_EQ(RunProgram(fmt::format("--generate /nowhere --prompt x {} {}", option, value)).exit_code, 2);
  }
}

}  // namespace
}  // namespace altlas::worker_app
