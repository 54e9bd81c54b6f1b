// SPDX-License-Identifier: Apache-2.0
#include "server_under_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "raw_epoll_server.h"

namespace altlas::bench {
namespace {

namespace fs = std::filesystem;

std::string Slurp(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string FirstLine(const fs::path& path) {
  const auto text = Slurp(path);
  return text.substr(0, text.find('\n'));
}

[[noreturn]] void Die(const std::string& what, const fs::path& log = {}) {
  std::fprintf(stderr, "bench: %s\n%s\n", what.c_str(), log.empty() ? "" : Slurp(log).c_str());
  std::exit(1);
}

fs::path MakeFolder() {
  std::string name = (fs::temp_directory_path() / "alt_las_bench_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) Die("no temporary folder");
  return name;
}

bool Answers(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

double CpuOf(const std::string& pid) {
  double nanoseconds = 0;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + pid + "/task", gone))
    nanoseconds += std::strtod(Slurp(task.path() / "schedstat").c_str(), nullptr);
  return nanoseconds / 1000;
}

}  // namespace

void PinTo(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (core == kEveryCore || i == core) CPU_SET(static_cast<std::size_t>(i), &set);
  }
  ::sched_setaffinity(0, sizeof(set), &set);
}

void ServerUnderTest::Start(int core, const std::function<void()>& child) {
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::setpgid(0, 0);
  PinTo(core);
  child();
  std::_Exit(127);
}

ServerUnderTest ServerUnderTest::AltLas(const fs::path& build, const std::string& config,
                                        const std::string& worker_arguments, int core) {
  ServerUnderTest server;
  server.folder_ = MakeFolder();
  const auto script = server.folder_ / "worker", log = server.folder_ / "log",
             state = server.folder_ / "state";
  std::ofstream(script) << "#!/bin/sh\nexec '" << (build / "src/backend/alt_las_echo_worker").string() << "' "
                        << worker_arguments << " \"$@\"\n";
  fs::permissions(script, fs::perms::owner_all);
  std::ofstream(server.folder_ / "config.yaml")
      << config << "\nworkers: {program: " << script.string() << "}\n";
  const auto program = (build / "apps/alt_las/alt_las").string();
  const auto file = (server.folder_ / "config.yaml").string();
  server.Start(core, [&] {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execl(program.c_str(), program.c_str(), "serve", "--config", file.c_str(), "--state", state.c_str(),
            "--listen", "127.0.0.1:0", "--quick-start", nullptr);
  });
  for (int i = 0; !fs::exists(state / "address") || !fs::exists(state / "first_key"); ++i) {
    if (i > 6000 || ::waitpid(server.pid_, nullptr, WNOHANG) != 0) Die(program + " does not start", log);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const auto address = FirstLine(state / "address");
  server.port_ = static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1));
  server.key_ = FirstLine(state / "first_key");
  return server;
}

ServerUnderTest ServerUnderTest::RawEpoll(const std::string& answer_body) {
  ServerUnderTest server;
  const int fd = ListenOnLoopback(server.port_);
  if (fd < 0) Die("cannot listen");
  server.Start(0, [&] { RunRawEpollServer(fd, answer_body); });
  ::close(fd);
  return server;
}

ServerUnderTest ServerUnderTest::Nginx(const std::string& answer_body) {
  ServerUnderTest server;
  if (std::system("command -v nginx >/dev/null 2>&1") != 0) return server;
  server.folder_ = MakeFolder();
  ::close(ListenOnLoopback(server.port_));  // a free port; another may take it, then nginx says so
  std::ofstream(server.folder_ / "nginx.conf")
      << "daemon off; master_process off; error_log stderr crit; pid " << (server.folder_ / "pid").string()
      << ";\nevents { worker_connections 1024; }\nhttp { access_log off; keepalive_requests 100000000; "
      << "default_type application/json; client_body_in_single_buffer on; server { listen 127.0.0.1:"
      << server.port_ << "; location / { return 200 '" << answer_body << "'; } } }\n";
  const auto file = (server.folder_ / "nginx.conf").string();
  server.Start(0, [&] { ::execlp("nginx", "nginx", "-c", file.c_str(), nullptr); });
  for (int i = 0; !Answers(server.port_); ++i) {
    if (i > 6000 || ::waitpid(server.pid_, nullptr, WNOHANG) != 0) Die("nginx does not start");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return server;
}

ServerUnderTest::ServerUnderTest(ServerUnderTest&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      port_(other.port_),
      key_(std::move(other.key_)),
      folder_(std::exchange(other.folder_, {})) {}

ServerUnderTest::~ServerUnderTest() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  // Its workers are in groups of their own, and outlive it by design.
  std::error_code ignored;
  for (const auto& record : fs::directory_iterator(folder_ / "state/workers", ignored)) {
    const auto text = Slurp(record.path());
    const auto at = text.find("\"pid\":");
    const int pid = at == std::string::npos ? 0 : std::atoi(text.c_str() + at + 6);
    if (pid > 1) ::kill(pid, SIGKILL);
  }
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

double ServerUnderTest::CpuMicroseconds() const { return CpuOf(std::to_string(pid_)); }

}  // namespace altlas::bench
