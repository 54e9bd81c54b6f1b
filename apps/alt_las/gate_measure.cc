// SPDX-License-Identifier: Apache-2.0
#include "gate_measure.h"

#include <unistd.h>

#include <algorithm>

#include "../cli_checks.h"
#include "base/file.h"
#include "output.h"
#include "tables.h"

namespace altlas::app {
namespace {

// The parser hands positional words over without saying on which side of "--" they stood; the system keeps
// the command line as it was.
std::size_t CountWordsBehindDashes() {
  const auto text = ReadFile("/proc/self/cmdline", std::size_t{16} << 20).value_or("");
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  const auto dashes = std::find(words.begin(), words.end(), "--");
  return dashes == words.end() ? 0 : static_cast<std::size_t>(words.end() - dashes - 1);
}

// What the machine said of itself stays.
void MergeFacts(profile::Environment& into, const profile::Environment& facts) {
  into.insert(facts.begin(), facts.end());
}

}  // namespace

Status SplitCommandLine(MeasureOptions& options) {
  const std::size_t behind = std::min(CountWordsBehindDashes(), options.files.size());
  options.words.assign(options.files.end() - static_cast<std::ptrdiff_t>(behind), options.files.end());
  options.files.resize(options.files.size() - behind);
  if (options.files.empty() && options.words.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "there is nothing to judge: name summaries of runs, or a command after --");
  if (!options.files.empty() && !options.words.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "summaries and a command after -- exclude each other: give one of the two");
  if (!options.words.empty() && options.words.front().empty())
    return Fail(ErrorCode::kInvalidArgument, "the command after -- is an empty word");
  return {};
}

Result<MeasuredRuns> ReadRuns(const std::vector<std::string>& files) {
  MeasuredRuns runs;
  for (const auto& name : files) {
    ALTLAS_TRY(auto file, profile::ReadRun(name));
    const auto reasons = profile::CompareEnvironments(runs.environment, file.environment);
    if (!reasons.empty())
      return Fail(ErrorCode::kInvalidArgument, "{} is not a run of the same kind as {}: {}", name,
                  files.front(), reasons.front().text);
    MergeFacts(runs.environment, file.environment);
    runs.head.push_back(std::move(file.run));
  }
  return runs;
}

Measurement::Measurement(const MeasureOptions& options)
    : options_(options), runner_(options.timeout_seconds), head_(WordsCommand(options.words)) {
  if (!options.against.empty()) base_ = ShellCommand(options.against);
}

void Measurement::ShowProgress(std::string_view what) const {
  if (!::isatty(STDERR_FILENO)) return;
  const double share = planned_ == 0 ? 0 : static_cast<double>(done_) / static_cast<double>(planned_);
  const double left =
      done_ == 0 ? 0 : all_ms_ / static_cast<double>(done_) * static_cast<double>(planned_ - done_);
  Note("\r\033[K{} {} {}/{}  {}", FormatBar(100 * share), what, done_, planned_,
       done_ == 0 ? std::string()
                  : fmt::format("last {}, {:.0f} s left", fmt::format("{:.0f} ms", last_ms_), left / 1000));
  if (done_ == planned_) Note("\r\033[K");
}

Result<profile::RunFile> Measurement::RunOne(bool is_base, std::string_view what) {
  ShowProgress(what);
  auto run = runner_.Run(is_base ? base_ : head_);
  if (!run.has_value()) {
    if (::isatty(STDERR_FILENO)) Note("\r\033[K");
    return std::move(run).Context(fmt::format("run {} of {} ({})", done_ + 1, planned_, what));
  }
  last_ms_ = run->run.figures["wall"].value;
  all_ms_ += last_ms_;
  ++done_;
  ShowProgress(what);
  return run;
}

Result<MeasuredRuns> Measurement::Measure(std::size_t runs, std::string_view what) {
  const bool has_base = !base_.words.empty();
  const std::size_t sides = has_base ? 2 : 1;
  const std::size_t warmup = is_warm_ ? 0 : options_.warmup;
  done_ = 0;
  all_ms_ = 0;
  planned_ = (runs + warmup) * sides;
  for (std::size_t i = 0; i < warmup * sides; ++i) {
    ALTLAS_TRY([[maybe_unused]] const auto unused, RunOne(has_base && i % 2 == 0, "warm-up"));
  }
  is_warm_ = true;
  MeasuredRuns measured;
  measured.environment = ReadMachineFacts();
  measured.environment["command"] = head_.shown;
  for (std::size_t i = 0; i < runs * sides; ++i) {
    // A B, B A, A B: neither side always comes first.
    const bool is_base = has_base && ((i % 2 == 0) == ((i / 2) % 2 == 0));
    ALTLAS_TRY(auto file, RunOne(is_base, what));
    MergeFacts(measured.environment, file.environment);
    (is_base ? measured.base : measured.head).push_back(std::move(file.run));
  }
  return measured;
}

void AddMeasureOptions(CLI::App& command, MeasureOptions& options) {
  command
      .add_option("runs", options.files, "Summaries of runs already made, one a run; or a command after --")
      ->type_name("FILE...|-- CMD");
  command.add_option("--warmup", options.warmup, "Runs of the command that are made first and not counted")
      ->check(Number(0, 1000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--timeout", options.timeout_seconds, "Kill a run that takes longer; 0: none")
      ->check(Number(0, 1e7))
      ->type_name("S")
      ->capture_default_str();
}

int GateErrorCode(const Error& error) {
  Note("alt_las: {}\n", error.message);
  return error.code == ErrorCode::kCanceled ? 128 + StopSignal() : 2;
}

}  // namespace altlas::app
