// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "config/load.h"

namespace altlas::app {

// What a server is started with. A value, checked by Create.
struct ServerOptions {
  config::LoadedConfig config;
  config::LoadOptions config_source;  // for SIGHUP
  std::filesystem::path state;        // its folder; made with mode 0700 where it is missing
  bool quick_start =
      false;  // prints the address, where the key lies and a first command once models are ready
};

// Builds the manager from its parts, connects them and runs them until SIGTERM or SIGINT.
// The order of a start: store, recovery, first reading of the devices, workers, listeners. Of a stop: no new
// tasks, running leases end (server.drain_timeout), workers stop, open answers are finished, the store
// commits.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Create(ServerOptions options);
  ~Server();
  // Runs on the calling thread; the process's exit code.
  int Run();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace altlas::app
