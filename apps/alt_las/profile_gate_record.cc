// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <ctime>
#include <memory>

#include "../cli_checks.h"
#include "base/clock.h"
#include "base/output_file.h"
#include "gate_measure.h"
#include "output.h"
#include "profile/gate_report.h"
#include "profile_commands.h"
#include "tables.h"

namespace altlas::app {
namespace {

using profile::Baseline;
using profile::GateReport;
using profile::Session;

struct RecordOptions {
  MeasureOptions measure;
  std::string baseline;
  std::size_t runs = 24;
  bool replace = false;
  bool allow_different_environment = false;
  bool json = false;
};

std::string NowText() {
  const std::time_t now = SystemClock().WallNow() / 1000;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<std::optional<Baseline>> ReadExisting(const RecordOptions& options) {
  if (options.replace) return std::optional<Baseline>();
  auto read = profile::ReadBaseline(options.baseline);
  if (read.has_value()) return std::optional<Baseline>(std::move(*read));
  if (read.error().code == ErrorCode::kNotFound) return std::optional<Baseline>();
  return std::move(read).error();
}

Status CheckSame(const RecordOptions& options, const std::optional<Baseline>& existing,
                 const profile::Environment& now) {
  if (!existing.has_value() || options.allow_different_environment) return {};
  const auto reasons = profile::CompareEnvironments(existing->environment, now);
  if (reasons.empty()) return {};
  return Fail(
      ErrorCode::kConflict,
      "{} is of another environment ({}): --replace begins it anew, --allow-different-environment adds "
      "these runs to it all the same",
      options.baseline, reasons.front().text);
}

// The baseline's halves against each other: its noise, and what a gate of as many runs would find.
Result<GateReport> TestAgainstItself(const Baseline& baseline) {
  const std::vector<Session> newest = {baseline.sessions.back()};
  profile::GateSettings settings;
  settings.interleaved = true;
  return profile::Judge(settings, baseline.sessions, {}, {profile::Half(newest, 0), profile::Half(newest, 1)},
                        std::nullopt);
}

std::string FormatRecorded(const RecordOptions& options, const Baseline& baseline, const GateReport& report) {
  auto text = fmt::format("{}: session {} of {} runs\n", options.baseline, baseline.sessions.size(),
                          baseline.sessions.back().runs.size());
  std::vector<std::vector<std::string>> rows = {{"metric", "median", "noise of a run", "regression found"}};
  for (const auto& metric : report.metrics)
    rows.push_back(
        {Printable(metric.name), profile::FormatFigure(metric.base_median, metric.unit),
         fmt::format("{:.2f} %", 100 * metric.noise),
         std::isfinite(metric.detectable) ? fmt::format("from {:.1f} %", 100 * metric.detectable) : "-"});
  text += FormatTable(std::move(rows));
  text += "regression found: with 95 % probability, by a gate with half as many runs for each stage\n";
  for (const auto& reason : report.reasons)
    if (reason.is_veto)
      text += fmt::format("note: {} ({})\n", Printable(reason.text), Printable(reason.advice));
  for (const auto& note : report.notes) text += fmt::format("note: {}\n", Printable(note));
  return text;
}

Result<int> Record(RecordOptions& options) {
  ALTLAS_TRY_VOID(SplitCommandLine(options.measure));
  // Before the runs: a file that cannot be added to or written shall not cost the minutes they take.
  std::vector<NamedFile> inputs;
  for (const auto& file : options.measure.files) inputs.push_back({"the summary", file});
  ALTLAS_TRY_VOID(CheckOutputs({{"--baseline", options.baseline}}, inputs));
  ALTLAS_TRY(auto existing, ReadExisting(options));
  MeasuredRuns runs;
  if (options.measure.files.empty()) {
    ALTLAS_TRY_VOID(CheckSame(options, existing, ReadMachineFacts()));
    Measurement measurement(options.measure);
    ALTLAS_TRY(runs, measurement.Measure(options.runs, "recording"));
  } else {
    ALTLAS_TRY(runs, ReadRuns(options.measure.files));
  }
  ALTLAS_TRY_VOID(CheckSame(options, existing, runs.environment));
  Baseline baseline = existing.has_value() ? std::move(*existing) : Baseline();
  if (baseline.environment.empty()) baseline.environment = runs.environment;
  Session session = profile::Gather(runs.head);
  session.recorded_at = NowText();
  session.how = options.measure.files.empty()
                    ? "command: " + WordsCommand(options.measure.words).shown
                    : fmt::format("summaries: {} files", options.measure.files.size());
  baseline.sessions.push_back(std::move(session));
  while (baseline.sessions.size() > profile::kMostSessions)
    baseline.sessions.erase(baseline.sessions.begin());
  ALTLAS_TRY(const auto report, TestAgainstItself(baseline));
  ALTLAS_TRY_VOID(WriteOutputFile(options.baseline, profile::FormatBaseline(baseline)));
  WriteOut(options.json ? profile::FormatGateJson(report, {"record", options.baseline, "itself"})
                        : FormatRecorded(options, baseline, report));
  if (FlushOutput()) return 0;
  Note("alt_las: {} was written\n", Printable(options.baseline));
  return 2;
}

int RunRecord(RecordOptions options) {
  std::error_code error;
  const bool was_there = std::filesystem::exists(options.baseline, error);
  const auto done = Record(options);
  if (done.has_value()) return *done;
  const int code = GateErrorCode(done.error());
  Note("alt_las: {} {}\n", Printable(options.baseline), was_there ? "is as it was" : "was not made");
  return code;
}

}  // namespace

CLI::App* AddProfileGateRecord(CLI::App& gate, Command& run) {
  auto* command = gate.add_subcommand("record", "Make a baseline, or add a session to it");
  auto options = std::make_shared<RecordOptions>();
  AddMeasureOptions(*command, options->measure);
  command->add_option("--baseline", options->baseline, "The file to make, or to add a session to")
      ->required()
      ->check(NotEmpty())
      ->type_name("FILE");
  command->add_option("--runs", options->runs, "Runs of the command; a gate screens with one half of them")
      ->check(Number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--replace", options->replace, "Begin the file anew");
  command->add_flag("--allow-different-environment", options->allow_different_environment,
                    "Add runs of other hardware, clocks or tools");
  command->add_flag("--json", options->json, "The baseline's halves against each other, as the gate's JSON");
  command->footer(
      "Recording on several days tells the gate how far sessions differ on their own: it then lets nothing\n"
      "below that difference count. The newest 16 sessions are kept.\n"
      "Examples:\n"
      "  alt_las profile gate record --baseline base.json -- ./bench --batch-size 8\n"
      "  alt_las profile gate record --baseline base.json run*/profile_summary.json\n"
      "Exit codes: 0 done, 2 wrong usage or nothing could be measured, 128 + n stopped by signal n (130 by "
      "Ctrl-C); the\n"
      "file is then as it was.");
  command->callback([&run, options] { run = [options] { return RunRecord(*options); }; });
  return command;
}

}  // namespace altlas::app
