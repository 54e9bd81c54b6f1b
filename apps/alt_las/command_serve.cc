// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "net/address.h"
#include "open_state.h"
#include "server.h"

namespace altlas::app {
namespace {

struct ServeOptions {
  bool quick_start = false;
  std::string listen;
  std::vector<std::string> set;
};

// "gpu.enabled=false" -> key and value.
Status AddOverrides(const ServeOptions& options, config::LoadOptions& source) {
  for (const auto& item : options.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0)
      return Fail(ErrorCode::kInvalidArgument,
                  "--set needs KEY=VALUE, e.g. --set gpu.multi_gpu.default_strategy=random; it is \"{}\"",
                  item);
    source.overrides.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  if (options.listen.empty()) return {};
  ALTLAS_TRY(const auto address, net::Address::Parse(options.listen));
  if (address.kind != net::Address::Kind::kTcp || address.host.empty())
    return Fail(ErrorCode::kInvalidArgument, "--listen needs ADDRESS:PORT, e.g. 127.0.0.1:8080; it is \"{}\"",
                options.listen);
  source.overrides.emplace_back("server.listen.address", "\"" + address.host + "\"");
  source.overrides.emplace_back("server.listen.port", fmt::format("{}", address.port));
  return {};
}

int Serve(const CommonOptions& common, const ServeOptions& options) {
  auto source = ConfigSource(common);
  if (!source.has_value()) return Complain(source.error());
  if (auto status = AddOverrides(options, *source); !status.has_value()) return Complain(status.error());
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

void AddServe(CLI::App& root, const CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand(
      "serve", "Serve: the HTTP interface, the queue, the scheduler, a worker for each device");
  command->fallthrough();
  auto options = std::make_shared<ServeOptions>();
  for (auto* app : {command, &root}) {
    app->add_option("--listen", options->listen,
                    "ADDRESS:PORT instead of server.listen; port 0 lets the system choose")
        ->type_name("A:P");
    app->add_option("--set", options->set,
                    "KEY=VALUE over the configuration file; may be given several times")
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
      "  alt_las serve --listen 127.0.0.1:0 --set gpu.multi_gpu.default_strategy=round_robin");
  command->callback(
      [&run, &common, options] { run = [&common, options] { return Serve(common, *options); }; });
  if (!run) run = [&common, options] { return Serve(common, *options); };
}

}  // namespace altlas::app
