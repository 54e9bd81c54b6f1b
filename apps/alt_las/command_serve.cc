// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "../cli_checks.h"
#include "base/log.h"
#include "commands.h"
#include "open_state.h"
#include "server.h"

namespace altlas::app {
namespace {

struct ServeOptions {
  bool quick_start = false;
};

int Serve(const CommonOptions& common, const ServeOptions& options) {
  // A reader of the log that goes away, and a client that hangs up, are no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  WriteLogInBackground();
  auto source = ConfigSource(common);
  if (!source.has_value()) return Complain(source.error());
  auto loaded = config::LoadConfig(*source);
  if (!loaded.has_value()) return Complain(loaded.error());
  auto state = StateFolder(common);
  if (!state.has_value()) return Complain(state.error());
  ServerOptions server_options;
  server_options.config = std::move(*loaded);
  server_options.config_source = std::move(*source);
  server_options.state = std::move(*state);
  server_options.quick_start = options.quick_start;
  auto server = Server::Create(std::move(server_options));
  if (!server.has_value()) return Complain(server.error());
  return (*server)->Run();
}

}  // namespace

void AddServe(CLI::App& root, CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand(
      "serve", "Serve: the HTTP interface, the queue, the scheduler, a worker for each device");
  command->fallthrough();
  AddPlaces(*command, common);
  auto options = std::make_shared<ServeOptions>();
  for (auto* app : {command, &root}) {
    app->add_option(
           "--listen", common.listen,
           "ADDRESS:PORT instead of server.listen, ADDRESS an IP address or localhost; port 0 lets the "
           "system choose")
        ->check(NotEmpty())
        ->type_name("A:P");
    app->add_option("--set", common.set, "KEY=VALUE over the configuration file; may be given several times")
        ->type_name("K=V");
    app->add_flag("--quick-start", options->quick_start,
                  "Keep the first key in a file of the state directory and print a first command");
  }
  command->footer(
      "The first start makes one API key with every scope and shows it once.\n"
      "Signals: SIGTERM and SIGINT drain and stop (twice: at once), SIGHUP reads the configuration again.\n"
      "Examples:\n"
      "  alt_las serve\n"
      "  alt_las serve --config pool.yaml --state /var/lib/alt_las\n"
      "  alt_las serve --listen 127.0.0.1:0 --set gpu.multi_gpu.default_strategy=round_robin\n" +
      std::string(kExitCodes));
  command->callback(
      [&run, &common, options] { run = [&common, options] { return Serve(common, *options); }; });
  if (!run) run = [&common, options] { return Serve(common, *options); };
}

}  // namespace altlas::app
