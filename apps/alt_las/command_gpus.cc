// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "../cli_checks.h"
#include "admin_client.h"
#include "base/json_writer.h"
#include "commands.h"
#include "gateway/render.h"
#include "open_state.h"
#include "output.h"
#include "settings.h"
#include "tables.h"

namespace altlas::app {
namespace {

struct GpusOptions {
  bool json = false;
  bool watch = false;
  double interval = 2;
};

// The devices of this machine, read here: without a server there are no tasks and no health to show.
Result<std::string> ReadLocally(const CommonOptions& common) {
  ALTLAS_TRY(const auto loaded, ReadConfig(common));
  ALTLAS_TRY(auto probe, MakeProbe(loaded));
  ALTLAS_TRY(const auto snapshots, probe->Probe({}));
  std::vector<pool::DeviceReport> reports;
  for (const auto& snapshot : snapshots) {
    pool::DeviceReport report;
    report.snapshot = snapshot;
    report.view.id = snapshot.id;
    report.view.health = snapshot.fault.empty() ? sched::DeviceHealth::kOk : sched::DeviceHealth::kLost;
    report.view.why = snapshot.fault.empty() ? "no server runs here" : snapshot.fault;
    reports.push_back(std::move(report));
  }
  return gateway::RenderDevices(reports);
}

Result<std::string> ReadDevices(const CommonOptions& common, bool say) {
  const auto state = LookAtState(common);
  if (state.has_value()) {
    auto running = AdminClient(*state).Call("GET", "/api/v1/gpus");
    // A server that is there and says nothing knows of limits and lost workers that this process does not
    // see.
    if (running.has_value() || running.error().code == ErrorCode::kTimeout) return running;
    if (say && !common.state.empty())
      Note("{}; the devices of this machine are read directly\n", running.error().message);
  } else if (!common.state.empty()) {
    return state.error();
  }
  return ReadLocally(common);
}

std::string FormatDevices(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::vector<std::vector<std::string>> rows = {
      {"ID", "NAME", "HEALTH", "BUSY", "MEMORY", "TEMP", "POWER", "TASKS", "WORKER"}};
  if (!json.is_object() || !json.contains("gpus")) return "the answer is not readable\n";
  bool any_estimated = false;
  for (const auto& gpu : json["gpus"]) {
    const auto optional = [&](const char* key, const char* unit) {
      return gpu.contains(key) && gpu[key].is_number()
                 ? fmt::format("{:.0f} {}", gpu[key].get<double>(), unit)
                 : std::string("-");
    };
    const double busy = gpu.value("utilization", 0.0);
    const bool estimated = gpu.value("estimated", false);
    any_estimated = any_estimated || estimated;
    const std::string about = estimated ? "~" : "";
    auto health = gpu.value("health", "");
    if (health != "ok") health += ": " + gpu.value("health_reason", "");
    rows.push_back({gpu.value("id", ""), gpu.value("name", ""), health,
                    fmt::format("{} {}{:.0f} %", FormatBar(busy), about, busy),
                    about + FormatBytes(gpu.value("memory_used", std::uint64_t{0})) + " / " +
                        FormatBytes(gpu.value("memory_total", std::uint64_t{0})),
                    optional("temperature", "°C"), optional("power", "W"),
                    fmt::format("{} running, {} waiting", gpu.value("running", 0), gpu.value("waiting", 0)),
                    gpu.contains("worker") ? gpu["worker"].value("state", "") : ""});
  }
  auto table = FormatTable(std::move(rows));
  if (any_estimated) table += "~ estimated: measured for the whole machine, not for this device alone\n";
  return table;
}

int Gpus(const CommonOptions& common, const GpusOptions& options) {
  for (bool first = true;; first = false) {
    const auto devices = ReadDevices(common, first && !options.json);
    if (!devices.has_value() && !options.watch) return Complain(devices.error());
    const auto text = !devices.has_value() ? devices.error().message + "\n"
                      : options.json       ? *devices + "\n"
                                           : FormatDevices(*devices);
    // Home and clear: the table stays in place on a terminal; in a pipe the readings follow one another.
    if (options.watch && !options.json && ::isatty(STDOUT_FILENO)) Say("\033[H\033[2J");
    WriteOut(text);
    if (!FlushOutput()) return 1;
    if (!options.watch) return 0;
    std::this_thread::sleep_for(FromSeconds(options.interval));
  }
}

}  // namespace

void AddGpus(CLI::App& root, CommonOptions& common, Command& run) {
  auto* command = root.add_subcommand("gpus", "Show the devices: health, use, memory, temperature, tasks");
  auto options = std::make_shared<GpusOptions>();
  command->fallthrough();
  AddPlaces(*command, common);
  command->add_flag("--json", options->json, "As JSON, one document a reading");
  command->add_flag("--watch", options->watch, "Again and again, until Ctrl-C");
  command->add_option("--interval", options->interval, "Seconds between two readings of --watch")
      ->check(Number(0.1, 3600))
      ->type_name("S");
  command->footer(
      "With a server running the numbers are its own; without one this machine's devices are read directly.\n"
      "Examples:\n"
      "  alt_las gpus\n"
      "  alt_las gpus --json | jq '.gpus[].utilization'\n"
      "  alt_las gpus --watch --interval 1\n" +
      std::string(kExitCodes));
  command->callback(
      [&run, &common, options] { run = [&common, options] { return Gpus(common, *options); }; });
}

}  // namespace altlas::app
