// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/http_client.h"

namespace altlas::testing_process {

using Json = nlohmann::json;

struct Answer {
  int status = 0;
  Json json;
  net::HttpReply reply;
};

// A child process in its own group. Its output goes to a file. Killed when this goes.
class Child {
 public:
  Child() = default;
  Child(std::vector<std::string> arguments, const std::filesystem::path& output,
        std::vector<std::pair<std::string, std::string>> environment = {});
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();
  pid_t pid() const { return pid_; }
  bool running() const { return pid_ > 0; }
  void Signal(int signal) const;
  // Waits for the end; the exit code, or -signal.
  int Wait();

 private:
  pid_t pid_ = 0;
};

// Runs to the end; exit code and both outputs together.
struct Finished {
  int code = 0;
  std::string output;
};
Finished RunToEnd(std::vector<std::string> arguments,
                  std::vector<std::pair<std::string, std::string>> environment = {});

// Waits for `condition` by asking again and again; false after two minutes, which only a broken program
// takes.
bool Eventually(const std::function<bool()>& condition);

// How many descriptors a process has open.
std::size_t OpenDescriptors(pid_t pid);

// One state directory and the servers that run on it, one after the other, over echo workers unless told
// otherwise.
class ServerProcess {
 public:
  // `config` is the text of a configuration file; where it has no `workers`, the echo worker is used, and its
  // silence or absence is borne for long: tests stop workers, and run on busy machines.
  explicit ServerProcess(std::string config = {}, std::vector<std::string> worker_arguments = {});
  ~ServerProcess();

  // Starts and waits until it is ready (or, with `ready` false, only until it answers).
  void Start(bool ready = true);
  // What the next starts are run through: a line of the shell that goes on with exec "$0" "$@".
  void RunThrough(std::string line) { shell_line_ = std::move(line); }
  // The next starts name no configuration file; the worker's program is given by --set.
  void WithoutConfigFile() { without_config_ = true; }
  // From now on calls go over TLS and trust this.
  void SpeakTls(std::shared_ptr<net::TlsContext> trust) { tls_ = std::move(trust); }
  // The command line of a start.
  std::vector<std::string> CommandLine() const;
  void Kill();      // SIGKILL of the manager alone
  int Terminate();  // SIGTERM, waits, exit code
  void WriteConfig(const std::string& text);
  // Adds to the configuration file; with a server running, SIGHUP makes it read the file again.
  void AddToConfig(const std::string& text);
  pid_t pid() const { return child_.pid(); }
  pid_t WorkerPid(int device = 0);

  Answer Call(const std::string& method, const std::string& target, const std::string& body = {},
              net::HeaderList headers = {});
  Answer CallWithKey(const std::string& key, const std::string& method, const std::string& target,
                     const std::string& body = {});
  std::string Predict(const std::string& text, const std::string& more = {});  // the task id
  Json Task(const std::string& id);
  // The task once it is final.
  Json Await(const std::string& id);
  net::HttpClientOptions Client() const;
  const std::string& key() const { return key_; }
  std::filesystem::path state() const { return folder_.path() / "state"; }
  std::filesystem::path folder() const { return folder_.path(); }
  std::filesystem::path config_file() const { return folder_.path() / "config.yaml"; }
  std::string Log() const;

 private:
  TemporaryFolder folder_;
  Child child_;
  net::Address address_;
  std::shared_ptr<net::TlsContext> tls_;
  std::string key_;
  std::string shell_line_;
  bool without_config_ = false;
};

}  // namespace altlas::testing_process
