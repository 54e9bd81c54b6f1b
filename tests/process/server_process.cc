// SPDX-License-Identifier: Apache-2.0
#include "server_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/clock.h"

extern char** environ;

namespace altlas::testing_process {
namespace {

pid_t Spawn(const std::vector<std::string>& arguments, const std::filesystem::path& output,
            const std::vector<std::pair<std::string, std::string>>& extra) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> env;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string_view entry = *e;
    const auto replaced = [&](const auto& pair) { return entry.starts_with(pair.first + "="); };
    if (std::none_of(extra.begin(), extra.end(), replaced)) env.emplace_back(entry);
  }
  for (const auto& [key, value] : extra) env.push_back(key + "=" + value);
  std::vector<char*> envp;
  for (auto& e : env) envp.push_back(e.data());
  envp.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&actions);
  ALTLAS_CHECK(error == 0, "cannot start a program under test");
  return pid;
}

int Reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string Slurp(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Child::Child(std::vector<std::string> arguments, const std::filesystem::path& output,
             std::vector<std::pair<std::string, std::string>> environment)
    : pid_(Spawn(arguments, output, environment)) {}
Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}
Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  Reap(pid_);
}
void Child::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}
int Child::Wait() { return pid_ > 0 ? Reap(std::exchange(pid_, 0)) : 0; }

Finished RunToEnd(std::vector<std::string> arguments,
                  std::vector<std::pair<std::string, std::string>> environment) {
  TemporaryFolder folder;
  Finished finished;
  finished.code = Reap(Spawn(arguments, folder.path() / "output", environment));
  finished.output = Slurp(folder.path() / "output");
  return finished;
}

bool Eventually(const std::function<bool()>& condition) {
  const SystemClock clock;
  const auto limit = clock.Now() + std::chrono::minutes(2);
  while (clock.Now() < limit) {
    if (condition()) return true;
    // The other side is another process: nothing here can be waited on.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::size_t OpenDescriptors(pid_t pid) {
  const std::filesystem::directory_iterator open("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

ServerProcess::ServerProcess(std::string config, std::vector<std::string> worker_arguments) {
  if (config.find("workers:") == std::string::npos) {
    // The program of a worker takes no arguments from the configuration, so a script passes them on.
    const auto script = folder_.path() / "worker";
    std::string line = "#!/bin/sh\nexec '" ALTLAS_ECHO_WORKER "'";
    for (const auto& argument : worker_arguments) line += " '" + argument + "'";
    std::ofstream(script) << line << " \"$@\"\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    config += "\nworkers:\n  program: " + script.string() +
              "\n  restart_backoff: {initial: 0.05, cap: 1}\n  adopt_timeout: 60\n  heartbeat_timeout: 600\n";
  }
  WriteConfig(config);
}

ServerProcess::~ServerProcess() {
  if (::testing::Test::HasFailure()) std::fprintf(stderr, "---- the server's log\n%s\n----\n", Log().c_str());
  child_ = Child();
  std::error_code ignored;
  // Workers outlive the manager by design; here they end with the test.
  for (const auto& entry : std::filesystem::directory_iterator(state() / "workers", ignored)) {
    const auto json = Json::parse(Slurp(entry.path()), nullptr, false);
    // 0 stands there until the process is started, and would mean this test.
    if (json.is_object() && json.value("pid", 0) > 1) ::kill(json["pid"].get<pid_t>(), SIGKILL);
  }
}

void ServerProcess::WriteConfig(const std::string& text) { std::ofstream(config_file()) << text; }
void ServerProcess::AddToConfig(const std::string& text) {
  std::ofstream(config_file(), std::ios::app) << "\n" << text << "\n";
}
std::string ServerProcess::Log() const { return Slurp(folder_.path() / "server.log"); }

std::vector<std::string> ServerProcess::CommandLine() const {
  std::vector<std::string> line = {ALTLAS_PROGRAM, "serve",       "--state",      state().string(),
                                   "--listen",     "127.0.0.1:0", "--quick-start"};
  const auto add = [&](std::initializer_list<std::string> words) { line.insert(line.end(), words); };
  if (without_config_) {
    add({"--set", "workers.program=" + (folder_.path() / "worker").string()});
  } else {
    add({"--config", config_file().string()});
  }
  if (!shell_line_.empty()) line.insert(line.begin(), {"/bin/sh", "-c", shell_line_});
  return line;
}

void ServerProcess::Start(bool ready) {
  std::filesystem::remove(state() / "address");
  child_ = Child(CommandLine(), folder_.path() / "server.log");
  ASSERT_TRUE(Eventually([&] {
    return std::filesystem::exists(state() / "address") && std::filesystem::exists(state() / "first_key");
  })) << Log();
  auto text = Slurp(state() / "address");
  text = text.substr(text.find("//") + 2);
  address_ = net::Address::Parse(text.substr(0, text.find('\n'))).value();
  key_ = Slurp(state() / "first_key");
  key_ = key_.substr(0, key_.find('\n'));
  if (ready) {
    ASSERT_TRUE(Eventually([&] { return Call("GET", "/health/ready").status == 200; })) << Log();
  }
}

void ServerProcess::Kill() {
  child_.Signal(SIGKILL);
  child_.Wait();
}

int ServerProcess::Terminate() {
  child_.Signal(SIGTERM);
  return child_.Wait();
}

net::HttpClientOptions ServerProcess::Client() const {
  net::HttpClientOptions options;
  options.address = address_;
  options.tls = tls_;
  options.timeout = std::chrono::minutes(2);
  return options;
}

Answer ServerProcess::Call(const std::string& method, const std::string& target, const std::string& body,
                           net::HeaderList headers) {
  net::HttpCall call;
  call.method = method;
  call.target = target;
  call.body = body;
  call.headers = std::move(headers);
  call.headers.emplace_back("Authorization", "Bearer " + key_);
  auto reply = net::CallBlocking(Client(), std::move(call));
  if (!reply.has_value()) return {0, Json(), {}};
  Answer answer{reply->status, Json::parse(reply->body, nullptr, false), std::move(*reply)};
  return answer;
}

Answer ServerProcess::CallWithKey(const std::string& key, const std::string& method,
                                  const std::string& target, const std::string& body) {
  const auto own = std::exchange(key_, key);
  auto answer = Call(method, target, body);
  key_ = own;
  return answer;
}

std::string ServerProcess::Predict(const std::string& text, const std::string& more) {
  const auto answer = Call("POST", "/api/v1/predict",
                           Json({{"text", text}}).dump().insert(1, more.empty() ? "" : more + ","));
  EXPECT_EQ(answer.status, 200) << answer.reply.body;
  return answer.json.is_object() ? answer.json.value("task_id", "") : "";
}

Json ServerProcess::Task(const std::string& id) { return Call("GET", "/api/v1/task/" + id).json; }

Json ServerProcess::Await(const std::string& id) {
  Json task;
  EXPECT_TRUE(Eventually([&] {
    const auto answer = Call("GET", "/api/v1/task/" + id + "?wait=5");
    task = answer.json;
    if (answer.status != 200 || !task.is_object()) return false;
    const auto status = task.value("status", "");
    return status == "completed" || status == "failed" || status == "canceled";
  })) << task.dump()
      << Log();
  return task;
}

pid_t ServerProcess::WorkerPid(int device) {
  const auto gpus = Call("GET", "/api/v1/gpus").json;
  return gpus.is_object() ? gpus["gpus"][static_cast<std::size_t>(device)]["worker"].value("pid", 0) : 0;
}

}  // namespace altlas::testing_process
