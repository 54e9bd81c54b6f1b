// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "../cli_checks.h"
#include "base/output_file.h"
#include "gate_measure.h"
#include "output.h"
#include "profile/gate_report.h"
#include "profile_commands.h"
#include "tables.h"

namespace altlas::app {
namespace {

using profile::Baseline;
using profile::GateReason;
using profile::GateReport;
using profile::GateSettings;
using profile::Outcome;
using profile::Session;
using profile::Stage;

struct GateOptions {
  MeasureOptions measure;
  std::string baseline;
  std::string threshold;
  std::string rule = "statistics";
  std::vector<std::string> metrics;
  std::size_t runs = 12;
  std::size_t confirm = 0;
  double min_share = 1;
  double noise_factor = 1;
  bool allow_different_environment = false;
  bool json = false;
  std::string junit;
  std::string markdown;
};

struct Judged {
  GateReport report;
  profile::GateOrigin origin;
};

GateSettings SettingsOf(const GateOptions& options) {
  GateSettings settings;
  settings.metrics = options.metrics;
  settings.min_share = options.min_share / 100;
  settings.noise_factor = options.noise_factor;
  settings.interleaved = !options.measure.against.empty();
  return settings;
}

std::string NameOfHead(const MeasureOptions& measure) {
  if (!measure.words.empty()) return WordsCommand(measure.words).shown;
  return measure.files.size() == 1
             ? measure.files.front()
             : fmt::format("{} and {} more", measure.files.front(), measure.files.size() - 1);
}

// A different environment ends the comparison, or becomes a note where the user wants it all the same.
void Weigh(const GateOptions& options, std::vector<GateReason> reasons, std::vector<GateReason>& standing,
           std::vector<std::string>& notes) {
  for (auto& reason : reasons) {
    if (options.allow_different_environment)
      notes.push_back(fmt::format("compared all the same: {}", reason.text));
    else
      standing.push_back(std::move(reason));
  }
}

Result<GateReport> JudgeDocumentRule(const GateOptions& options, const profile::Threshold& limit) {
  if (options.measure.files.empty())
    return Fail(ErrorCode::kInvalidArgument, "--rule document judges a summary: name its file");
  ALTLAS_TRY(const auto runs, ReadRuns(options.measure.files));
  const auto metric = options.metrics.empty() ? "avg_kernel_time" : options.metrics.front();
  return profile::JudgeDocument(metric, limit.value, profile::Gather(runs.head));
}

Result<GateReport> JudgeLimitRule(const GateOptions& options, const profile::Threshold& limit) {
  const bool runs_command = options.measure.files.empty();
  std::string metric = runs_command ? "wall" : "avg_kernel_time";
  if (!options.metrics.empty()) metric = options.metrics.front();
  const auto settings = SettingsOf(options);
  if (!runs_command) {
    ALTLAS_TRY(const auto runs, ReadRuns(options.measure.files));
    return profile::JudgeLimit(settings, metric, limit.value, {}, profile::Gather(runs.head));
  }
  Measurement measurement(options.measure);
  ALTLAS_TRY(const auto runs, measurement.Measure(options.runs, "runs"));
  return profile::JudgeLimit(settings, metric, limit.value, {}, profile::Gather(runs.head));
}

std::size_t ConfirmRuns(const GateOptions& options) {
  return options.confirm > 0 ? options.confirm : options.runs;
}

// Side by side: both commands run here and now, in turns.
Result<GateReport> JudgeAgainst(const GateOptions& options, GateSettings settings) {
  settings.confirm_runs = ConfirmRuns(options);
  Measurement measurement(options.measure);
  const auto measure = [&](std::size_t runs, std::string_view what) -> Result<Stage> {
    ALTLAS_TRY(const auto measured, measurement.Measure(runs, what));
    return Stage{profile::Gather(measured.base), profile::Gather(measured.head)};
  };
  ALTLAS_TRY(const Stage screen, measure(options.runs, "screening"));
  ALTLAS_TRY(auto report, profile::Judge(settings, {}, {}, screen, std::nullopt));
  if (report.to_confirm.empty()) return report;
  ALTLAS_TRY(const Stage confirm, measure(settings.confirm_runs, "confirming"));
  return profile::Judge(settings, {}, {}, screen, confirm);
}

// The baseline is halved, so that what confirms was no part of what screened.
Result<GateReport> JudgeFilesWithBaseline(const GateOptions& options, const GateSettings& settings,
                                          const Baseline& baseline) {
  ALTLAS_TRY(const auto runs, ReadRuns(options.measure.files));
  std::vector<GateReason> standing;
  std::vector<std::string> notes;
  Weigh(options, profile::CompareEnvironments(baseline.environment, runs.environment), standing, notes);
  const std::vector<Session> heads = {profile::Gather(runs.head)};
  const Stage screen{profile::Half(baseline.sessions, 0), profile::Half(heads, 0)};
  const Stage confirm{profile::Half(baseline.sessions, 1), profile::Half(heads, 1)};
  ALTLAS_TRY(auto report, profile::Judge(settings, baseline.sessions, standing, screen, confirm));
  report.notes.insert(report.notes.end(), notes.begin(), notes.end());
  return report;
}

Result<GateReport> JudgeCommandWithBaseline(const GateOptions& options, GateSettings settings,
                                            const Baseline& baseline) {
  std::vector<GateReason> standing;
  std::vector<std::string> notes;
  Weigh(options, profile::CompareEnvironments(baseline.environment, ReadMachineFacts()), standing, notes);
  if (!standing.empty()) {
    GateReport refused;
    refused.sentence = standing.front().text;
    refused.reasons = std::move(standing);
    refused.notes.emplace_back("no run was made");
    return refused;
  }
  settings.confirm_runs = ConfirmRuns(options);
  Measurement measurement(options.measure);
  ALTLAS_TRY(const auto first, measurement.Measure(options.runs, "screening"));
  Weigh(options, profile::CompareEnvironments(baseline.environment, first.environment), standing, notes);
  const Stage screen{profile::Half(baseline.sessions, 0), profile::Gather(first.head)};
  ALTLAS_TRY(auto report, profile::Judge(settings, baseline.sessions, standing, screen, std::nullopt));
  if (!report.to_confirm.empty() && standing.empty()) {
    ALTLAS_TRY(const auto second, measurement.Measure(settings.confirm_runs, "confirming"));
    const Stage confirm{profile::Half(baseline.sessions, 1), profile::Gather(second.head)};
    ALTLAS_TRY(report, profile::Judge(settings, baseline.sessions, standing, screen, confirm));
  }
  const auto command = baseline.environment.find("command");
  if (command != baseline.environment.end() && command->second != first.environment.at("command"))
    notes.push_back(fmt::format("the baseline's command was \"{}\"", command->second));
  report.notes.insert(report.notes.end(), notes.begin(), notes.end());
  return report;
}

Result<GateReport> JudgeShare(const GateOptions& options, double share, std::string& rule) {
  GateSettings settings = SettingsOf(options);
  settings.threshold = share;
  rule = "statistics";
  if (!options.measure.against.empty()) return JudgeAgainst(options, settings);
  ALTLAS_TRY(const Baseline baseline, profile::ReadBaseline(options.baseline));
  return options.measure.files.empty() ? JudgeCommandWithBaseline(options, settings, baseline)
                                       : JudgeFilesWithBaseline(options, settings, baseline);
}

Status CheckOptions(const GateOptions& options, const profile::Threshold& threshold) {
  const bool has_side = !options.baseline.empty() || !options.measure.against.empty();
  if (!options.baseline.empty() && !options.measure.against.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "--baseline and --against exclude each other: compare with the file, "
                "or with the other command side by side");
  if (!options.measure.against.empty() && options.measure.words.empty())
    return Fail(ErrorCode::kInvalidArgument, "--against needs a command after -- to run in turns with");
  if (options.rule == "document" && threshold.is_relative)
    return Fail(ErrorCode::kInvalidArgument,
                "--rule document compares with a limit such as 200ms, not with a share");
  if (!threshold.is_relative && has_side)
    return Fail(ErrorCode::kInvalidArgument,
                "a limit ({}) is held against the runs alone: leave --baseline and "
                "--against out, or give a share such as 5%",
                options.threshold);
  if (!threshold.is_relative && options.metrics.size() > 1)
    return Fail(ErrorCode::kInvalidArgument, "a limit is of one --metric, {} were given",
                options.metrics.size());
  if (threshold.is_relative && !has_side)
    return Fail(ErrorCode::kInvalidArgument,
                "a share needs something to be a share of: give --baseline FILE or "
                "--against 'CMD'");
  return {};
}

Result<Judged> JudgeAll(GateOptions& options) {
  ALTLAS_TRY_VOID(SplitCommandLine(options.measure));
  if (options.threshold.empty()) options.threshold = options.rule == "document" ? "200ms" : "5%";
  ALTLAS_TRY(const auto threshold, profile::ParseThreshold(options.threshold));
  ALTLAS_TRY_VOID(CheckOptions(options, threshold));
  std::vector<NamedFile> inputs = {{"--baseline", options.baseline}};
  for (const auto& file : options.measure.files) inputs.push_back({"the summary", file});
  ALTLAS_TRY_VOID(CheckOutputs({{"--markdown", options.markdown}, {"--junit", options.junit}}, inputs));
  Judged judged;
  judged.origin = {options.rule,
                   options.baseline.empty() ? ShellCommand(options.measure.against).shown : options.baseline,
                   NameOfHead(options.measure)};
  if (options.rule == "document") {
    ALTLAS_TRY(judged.report, JudgeDocumentRule(options, threshold));
  } else if (!threshold.is_relative) {
    judged.origin.rule = "limit";
    ALTLAS_TRY(judged.report, JudgeLimitRule(options, threshold));
  } else {
    ALTLAS_TRY(judged.report, JudgeShare(options, threshold.value, judged.origin.rule));
  }
  return judged;
}

std::string FormatText(const GateReport& report) {
  auto text = fmt::format("{}  {}\n", profile::OutcomeName(report.outcome), Printable(report.sentence));
  for (const auto& reason : report.reasons)
    text += fmt::format("  {}: {}\n    what to do: {}\n", reason.code, Printable(reason.text),
                        Printable(reason.advice));
  auto rows = profile::GateTable(report);
  for (auto& row : rows) row.front() = Printable(row.front());
  if (rows.size() > 1) text += "\n" + FormatTable(std::move(rows));
  for (const auto& note : report.notes) text += fmt::format("note: {}\n", Printable(note));
  return text;
}

int RunGate(GateOptions options) {
  const auto judged = JudgeAll(options);
  if (!judged.has_value()) return GateErrorCode(judged.error());
  const auto& [report, origin] = *judged;
  if (!options.markdown.empty())
    if (const auto status = WriteOutputFile(options.markdown, profile::FormatGateMarkdown(report, origin));
        !status.has_value())
      return GateErrorCode(status.error());
  if (!options.junit.empty())
    if (const auto status = WriteOutputFile(options.junit, profile::FormatGateJunit(report, origin));
        !status.has_value())
      return GateErrorCode(status.error());
  WriteOut(options.json ? profile::FormatGateJson(report, origin) : FormatText(report));
  // A verdict that nobody can read is none; main says why.
  return FlushOutput() ? profile::OutcomeExitCode(report.outcome) : 2;
}

void AddGateOptions(CLI::App& command, GateOptions& options) {
  AddMeasureOptions(command, options.measure);
  command.add_option("--baseline", options.baseline, "Made by `alt_las profile gate record`")
      ->check(NotEmpty())
      ->type_name("FILE");
  command
      .add_option("--against", options.measure.against,
                  "Another command (a line for the shell), run in turns with CMD: the fairest comparison")
      ->check(NotEmpty())
      ->type_name("'CMD'");
  command
      .add_option("--threshold", options.threshold,
                  "A regression that must not pass, as a share (5%); or a limit on the metric itself (200ms)")
      ->check(NotEmpty())
      ->type_name("5%|200ms");
  command
      .add_option("--metric", options.metrics,
                  "wall, cpu, avg_kernel_time, kernel:NAME, operator:NAME, bench:NAME, ...; several times")
      ->check(NotEmpty())
      ->allow_extra_args(false)
      ->type_name("NAME");
  command
      .add_option("--rule", options.rule,
                  "statistics, or document: one number of one summary against a limit, nothing more")
      ->check(CLI::IsMember({"statistics", "document"}))
      ->type_name("RULE");
  command.add_option("--runs", options.runs, "Runs of the command for screening")
      ->check(Number(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--confirm", options.confirm, "Fresh runs to confirm with; default: as --runs")
      ->check(Number(1, 1000))
      ->type_name("N");
  command
      .add_option("--min-share", options.min_share,
                  "Watch kernels and operators from this share on, in percent")
      ->check(Number(0, 100))
      ->type_name("P")
      ->capture_default_str();
  command
      .add_option("--noise-factor", options.noise_factor,
                  "What counts is at least so many times the difference between the baseline's sessions")
      ->check(Number(0, 100))
      ->type_name("K")
      ->capture_default_str();
  command.add_flag("--allow-different-environment", options.allow_different_environment,
                   "Compare also with a baseline of other hardware, clocks or tools");
  command.add_flag("--json", options.json, "The report as JSON");
  command.add_option("--junit", options.junit, "Write it as JUnit's XML too")
      ->check(NotEmpty())
      ->type_name("FILE");
  command.add_option("--markdown", options.markdown, "Write it as Markdown too")
      ->check(NotEmpty())
      ->type_name("FILE");
}

}  // namespace

void AddProfileGate(CLI::App& profile, Command& run) {
  auto* command = profile.add_subcommand("gate", "Judge runs: PASS, FAIL or INCONCLUSIVE, by statistics");
  auto options = std::make_shared<GateOptions>();
  command->require_subcommand(0, 1);
  AddGateOptions(*command, *options);
  command->footer(
      "Every run of the process is one value. Screening runs flag what looks slower; fresh runs must confirm "
      "it.\n"
      "FAIL where nothing changed: at most 1 in 100. PASS only where the runs rule the threshold out; where "
      "the\n"
      "noise hides it, INCONCLUSIVE with what to do. The command runs with ALTLAS_SUMMARY_OUT naming a "
      "file:\n"
      "what it writes there (profile_summary.json) is judged too, kernels from 1 % of the time on.\n"
      "--rule document is the 200 ms rule as it was written. It is weak: the mean over all kernels rarely\n"
      "exceeds a millisecond, many small kernels lower it, and one run cannot tell a change from noise.\n"
      "Examples:\n"
      "  alt_las profile gate record --baseline base.json -- ./bench     24 runs become the baseline\n"
      "  alt_las profile gate --baseline base.json -- ./bench            12 runs, 12 more if in doubt\n"
      "  alt_las profile gate --against './old/bench' -- ./new/bench     side by side, no baseline\n"
      "  alt_las profile gate --baseline base.json --metric kernel:gemm run*/profile_summary.json\n"
      "  alt_las profile gate --threshold 200ms --metric wall -- ./bench a limit, by several runs\n"
      "  alt_las profile gate --rule document --threshold 200ms profile_summary.json\n" +
      std::string(kGateExitCodes));
  auto* record = AddProfileGateRecord(*command, run);
  command->callback([&run, options, record] {
    if (!record->parsed()) run = [options] { return RunGate(*options); };
  });
}

}  // namespace altlas::app
