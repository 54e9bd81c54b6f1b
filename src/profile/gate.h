// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "profile/statistics.h"

// The judgement of the performance gate: two sets of runs in, one of three outcomes out. Pure and
// deterministic: the same runs give the same report.
//
// The unit of replication is one run of the process. What happens many times within a run (the launches of a
// kernel) is one number of that run before it comes here: launches of one run share its clock, its memory
// layout and its luck, and a test over them finds differences between any two runs.
//
// The rule, on the logarithms of the values, so that shifts are ratios. T is the threshold, the regression
// that must not pass unseen; the line is T / 2, or what the baseline's sessions differ among themselves.
//  1. Screen on the first runs. A metric is flagged where a one-sided rank-sum test says slower (p <= 0.05)
//     and the Hodges-Lehmann shift is at least the line. It is clear where the upper bound of the shift
//     (missed with 2.5 %) is below T. A required metric that is neither is open.
//  2. Confirm what is flagged or open with fresh runs of both sides. It FAILs where the fresh runs alone say
//     slower at false_alarm / 2 / (metrics to confirm), or all runs together at false_alarm / 2 / (metrics
//     judged), and those runs show the line or more. Both are Bonferroni's bound, and the fresh runs had no
//     part in choosing, so the chance of any false FAIL is at most `false_alarm` whatever the number of
//     metrics and the shape of the noise, as long as runs do not depend on each other.
//  3. What did not fail is clear where the upper bound over all runs is below T. What is still open makes the
//     outcome INCONCLUSIVE: the noise hides what was asked for, and PASS would be a guess. So it is for a
//     required metric whose detectable shift is above 1.5 T, whatever its bounds say.
// A metric that is only watched has the larger of T and its own detectable shift as threshold.
namespace altlas::profile {

enum class Outcome : std::uint8_t { kPass, kFail, kInconclusive };
std::string_view OutcomeName(Outcome outcome);  // "PASS", "FAIL", "INCONCLUSIVE"
int OutcomeExitCode(Outcome outcome);           // 0, 1, 3

// What is known of one run beside its figures.
struct RunState {
  std::string throttled;              // why, empty: it was not, or nobody looked
  std::string foreign_processes;      // on its GPU, empty: none
  std::optional<double> foreign_cpu;  // share of the machine's processor time that others took, 0 to 1
  std::optional<double> clock_mhz;    // of the GPU under it
  std::uint64_t dropped_records = 0;  // of its capture
  std::string incomplete;             // what is wrong with its capture (it ends early), empty: nothing
};

// One metric over the runs of a session. A run without it has NaN in its place.
struct MetricValues {
  std::string unit = "ms";
  bool higher_is_better = false;
  std::optional<double> share;   // kernels and operators: of the run's kernel or operator time, 0 to 1
  std::optional<double> run_ms;  // kernels and operators: their time in a run
  std::vector<double> values;
};

// Runs made one after the other.
struct Session {
  std::string recorded_at;  // RFC 3339
  std::string how;          // "command: ..." or "summaries: ..."
  std::vector<RunState> runs;
  std::map<std::string, MetricValues> metrics;  // each with runs.size() values
};

// Facts by name; what a capture says of its machine begins with kCaptureFact ("capture_driver"), so that it
// is never held against what this machine says of itself, which other tools spell. "devices", "driver",
// "clocks", "cpu_model", "cores", "kernel", "schema", "tool", "command".
inline constexpr std::string_view kCaptureFact = "capture_";
using Environment = std::map<std::string, std::string>;

// One run with its figures, as a reader or the runner hands it over.
struct RunFigure {
  double value = 0;
  std::string unit = "ms";
  bool higher_is_better = false;
  std::optional<double> share;
  std::optional<double> run_ms;
};
struct GateRun {
  RunState state;
  std::map<std::string, RunFigure> figures;
};
// Turns runs into columns; share and time are medians over the runs that have the metric.
Session Gather(const std::vector<GateRun>& runs);
// The runs of several sessions behind each other.
Session JoinSessions(const std::vector<Session>& sessions);
// Every second run, beginning with run `first` (0 or 1), of each session: two halves that drift alike.
Session Half(const std::vector<Session>& sessions, std::size_t first);

struct GateSettings {
  double threshold = 0.05;    // relative: the regression that must not pass
  double false_alarm = 0.01;  // most chance of FAIL where nothing changed
  double miss = 0.025;        // of each bound that clears a metric
  double screen_p = 0.05;
  std::size_t confirm_runs = 0;  // a side, that confirming would have; 0: as many as screening had
  double power = 0.95;           // of the detectable shift that is printed
  double min_share = 0.01;       // kernels and operators below are not looked at
  double floor_ms = 0.02;        // nor those with less time in a run
  double noise_factor = 1;       // times the spread of the baseline's sessions, where that is above the line
  bool interleaved = false;      // the runs of both sides took turns
  int resamples = 2000;          // of the bootstrap interval, which is only shown; 0: none
  std::vector<std::string> metrics;  // required; empty: as SelectMetrics() finds
};

struct GateReason {
  std::string code;  // "too-few-runs", "environment-differs", ...
  std::string text;
  std::string advice;
  // No outcome but INCONCLUSIVE while it stands; the others only take PASS away.
  bool is_veto = true;
};

// kClear: the threshold is ruled out. kNotSeen: watched, not seen to be worse, and not ruled out either.
enum class MetricOutcome : std::uint8_t { kClear, kImproved, kFailed, kOpen, kNotSeen, kNotJudged };
std::string_view MetricOutcomeName(MetricOutcome outcome);

struct MetricVerdict {
  std::string name;
  std::string unit;
  bool higher_is_better = false;
  bool is_required = false;
  std::optional<double> share;
  std::size_t base_runs = 0;
  std::size_t head_runs = 0;
  double base_median = 0;
  double head_median = 0;
  double noise = 0;          // standard deviation of a run, relative
  double session_noise = 0;  // greatest relative difference between sessions of the baseline
  double threshold = 0;      // relative; above the settings' where a watched metric is too noisy for it
  double line = 0;           // relative shift that counts
  double detectable = 0;     // relative regression found with the settings' power; infinite: none
  double shift = 0;          // relative, over all runs; positive is worse
  Bounds bounds;             // of it, each missed with settings.miss
  Bounds ratio_bootstrap;    // head / base of the medians
  double screen_p = 1;
  double screen_shift = 0;
  bool is_flagged = false;
  std::optional<double> confirm_p;  // of the fresh runs alone
  std::optional<double> confirm_shift;
  double confirm_level = 0;        // what confirm_p was held against
  std::optional<double> pooled_p;  // of all runs
  double pooled_level = 0;
  double q = 1;  // Benjamini and Hochberg's over the screened metrics
  MetricOutcome outcome = MetricOutcome::kNotJudged;
  std::string why;  // one sentence
};

struct GateReport {
  Outcome outcome = Outcome::kInconclusive;
  std::string sentence;
  std::vector<GateReason> reasons;
  std::vector<std::string> notes;          // true and worth knowing, and without a say
  std::vector<MetricVerdict> metrics;      // required first, then by share
  std::vector<std::string> to_confirm;     // fresh runs are needed for these
  std::optional<std::size_t> runs_needed;  // a side and stage, so that the threshold can be found
};

struct Stage {
  Session base;
  Session head;
};

// `sessions`: the baseline's, for their spread; empty where there is no baseline. `standing`: reasons known
// before (a different environment). Without `confirm`, metrics to be confirmed make the report inconclusive
// and are named in `to_confirm`. kNotFound for a required metric that the runs do not have.
Result<GateReport> Judge(const GateSettings& settings, const std::vector<Session>& sessions,
                         std::vector<GateReason> standing, const Stage& screen,
                         const std::optional<Stage>& confirm);

// The names among those of both sides that are judged: required and watched. Required without a wish: "wall",
// else "total_time_ms", else "avg_kernel_time", else the first.
struct Selection {
  std::vector<std::string> required;
  std::vector<std::string> watched;
};
Result<Selection> SelectMetrics(const GateSettings& settings, const Session& base, const Session& head);

// The runs that a side must have in each stage: below, a single odd run decides.
inline constexpr std::size_t kLeastRuns = 5;

// Reasons for not comparing: facts that both name and that differ. The command is a note, not a reason.
std::vector<GateReason> CompareEnvironments(const Environment& base, const Environment& head);

// The limit rule: is the metric of these runs at most `limit` (at least, where higher is better)? FAIL where
// the median's bound (MedianInterval at false_alarm) is above it, PASS where it is below (at miss), else
// INCONCLUSIVE. With the settings' defaults the one takes 7 runs at least, the other 6.
Result<GateReport> JudgeLimit(const GateSettings& settings, const std::string& metric, double limit,
                              std::vector<GateReason> standing, const Session& head);

// Document 5's rule as it is written: one number against a limit, no notion of noise. Above: FAIL, else PASS.
Result<GateReport> JudgeDocument(const std::string& metric, double limit, const Session& head);

// "5%" or "200ms", "1.5s", "20us", "100ns". A percentage is over 0 and at most 1000.
struct Threshold {
  bool is_relative = true;
  double value = 0.05;  // share, or milliseconds
};
Result<Threshold> ParseThreshold(std::string_view text);

}  // namespace altlas::profile
