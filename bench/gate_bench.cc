// SPDX-License-Identifier: Apache-2.0
// How often the performance gate is right, on noise that was recorded: false alarms where nothing changed,
// and regressions of 5 % found. Prints a Markdown table; judges nothing.
//
// usage: gate_bench [TRIALS [RUNS [BASELINE.json ...]]]    default: 2000 trials, 12 runs, bench/noise/*.json
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/random.h"
#include "profile/gate_files.h"
#include "profile/gate_simulation.h"

namespace altlas::profile {
namespace {

struct Case {
  std::string name;
  Design design = Design::kInterleaved;
  Noise noise;
};

std::vector<Case> CasesOf(const std::vector<double>& recorded) {
  const auto with = [&](std::string name, Design design, auto change) {
    Case made{std::move(name), design, {}};
    made.noise.recorded = recorded;
    change(made.noise);
    return made;
  };
  return {
      with("in turns, as recorded", Design::kInterleaved, [](Noise& n) { n.in_order = true; }),
      with("in turns, runs shuffled", Design::kInterleaved, [](Noise&) {}),
      with("in turns, +15 % on one run in ten", Design::kInterleaved,
           [](Noise& n) { n.outlier_share = 0.1, n.outlier_size = 0.15; }),
      with("in turns, drift 0.2 % a run", Design::kInterleaved, [](Noise& n) { n.drift_per_run = 0.002; }),
      with("in turns, AR(0.7) of 1.5 % added", Design::kInterleaved,
           [](Noise& n) { n.autocorrelation = 0.7, n.added_noise = 0.015; }),
      with("baseline first, as recorded", Design::kBaselineFirst, [](Noise& n) { n.in_order = true; }),
      with("baseline first, runs shuffled", Design::kBaselineFirst, [](Noise&) {}),
      with("baseline first, AR(0.7) of 1.5 % added", Design::kBaselineFirst,
           [](Noise& n) { n.autocorrelation = 0.7, n.added_noise = 0.015; }),
  };
}

// The rule of comparing one run with one run: how often it says "over 5 % slower" where nothing changed.
double OneRunFalseAlarms(const std::vector<double>& recorded, std::size_t trials) {
  Random random(99);
  std::size_t alarms = 0;
  for (std::size_t i = 0; i < trials; ++i)
    alarms +=
        recorded[random.Below(recorded.size())] > 1.05 * recorded[random.Below(recorded.size())] ? 1 : 0;
  return static_cast<double>(alarms) / static_cast<double>(trials);
}

void PrintCase(const Case& one, std::size_t trials, std::size_t runs) {
  Simulation simulation;
  simulation.noise = one.noise;
  simulation.design = one.design;
  simulation.runs = simulation.confirm = runs;
  const auto same = Simulate(simulation, trials, 1);
  simulation.wall_regression = 0.05;
  const auto slow = Simulate(simulation, trials, 2);
  simulation.wall_regression = 0.10;
  const auto slower = Simulate(simulation, trials, 3);
  std::printf("| %s | %.1f %% | %.2f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% |\n", one.name.c_str(),
              100 * same.detectable_median, 100 * same.FailShare(), 100 * same.PassShare(),
              100 * slow.FailShare(), 100 * slow.PassShare(), 100 * slower.FailShare());
  std::fflush(stdout);
}

void PrintColumn(const std::string& title, const std::vector<double>& recorded, std::size_t trials,
                 std::size_t runs) {
  std::vector<double> logs;
  for (const double value : recorded) logs.push_back(std::log(value));
  std::printf(
      "\n**%s**: %zu runs, median %.0f ms, noise %.2f %% (robust), slowest +%.0f %%; one run against one run "
      "says "
      "\"over 5 %% slower\" in %.1f %% of the cases where nothing changed\n\n",
      title.c_str(), recorded.size(), Median(recorded), 100 * PooledScale(logs, {}),
      100 * (*std::max_element(recorded.begin(), recorded.end()) / Median(recorded) - 1),
      100 * OneRunFalseAlarms(recorded, 100'000));
  std::printf(
      "| %zu runs a side, %zu more to confirm | found from | equal: FAIL | equal: PASS | +5 %%: FAIL | +5 "
      "%%: PASS | +10 %%: FAIL |\n",
      runs, runs);
  std::printf("|---|---:|---:|---:|---:|---:|---:|\n");
  for (const auto& one : CasesOf(recorded)) PrintCase(one, trials, runs);
}

// The same record with its deviations from the median made smaller: its order and its tails stay.
std::vector<double> ScaledTo(double noise, const std::vector<double>& recorded) {
  std::vector<double> logs;
  for (const double value : recorded) logs.push_back(std::log(value));
  const double middle = Median(logs);
  const double factor = noise / PooledScale(logs, {});
  for (double& value : logs) value = std::exp(middle + factor * (value - middle));
  return logs;
}

int Main(int argc, char** argv) {
  const std::size_t trials = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2000;
  const std::size_t runs = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 12;
  std::vector<std::filesystem::path> files(argv + std::min(argc, 3), argv + argc);
  if (files.empty())
    for (const auto& entry : std::filesystem::directory_iterator(ALTLAS_NOISE_DIR))
      if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (trials == 0 || runs == 0 || files.empty()) {
    std::fprintf(stderr, "usage: gate_bench [TRIALS [RUNS [BASELINE.json ...]]]\n");
    return 2;
  }
  for (const auto& file : files) {
    const auto baseline = ReadBaseline(file);
    if (!baseline.has_value()) {
      std::fprintf(stderr, "gate_bench: %s\n", baseline.error().message.c_str());
      return 1;
    }
    const auto command = baseline->environment.find("command");
    for (const char* metric : {"wall", "cpu"}) {
      const auto found = baseline->sessions.front().metrics.find(metric);
      if (found == baseline->sessions.front().metrics.end()) continue;
      const auto title =
          fmt::format("{}, {} time", command == baseline->environment.end() ? "?" : command->second, metric);
      PrintColumn(title, found->second.values, trials, runs);
      PrintColumn(title + ", deviations scaled to 2.5 %", ScaledTo(0.025, found->second.values), trials,
                  runs);
    }
  }
  return 0;
}

}  // namespace
}  // namespace altlas::profile

int main(int argc, char** argv) { return altlas::profile::Main(argc, argv); }
