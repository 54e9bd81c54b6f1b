// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>

#include "base/output_file.h"
#include "output.h"
#include "profile/analysis.h"
#include "profile/open_capture.h"
#include "profile/report.h"
#include "profile/tee_sink.h"
#include "profile_commands.h"
#include "profile_inputs.h"
#include "tables.h"

namespace altlas::app {
namespace {

struct ReportOptions {
  std::vector<std::string> captures;
  std::string baseline;
  std::string output = "report.html";
  std::string title;
};

constexpr std::size_t kSeriesBuckets = 400;

std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().string(); }

bool HasTimes(const profile::CaptureInfo& info) { return info.format != profile::CaptureFormat::kNcuCsv; }

// Captures of one run lie on one axis where each says when it began.
void Align(const profile::ReportInput& input, profile::TimelineBuilder& timeline,
           profile::SeriesBuilder& series, std::vector<std::string>& notes) {
  std::int64_t first = INT64_MAX;
  const auto timed = std::count_if(input.captures.begin(), input.captures.end(),
                                   [](const auto& capture) { return HasTimes(capture.info); });
  if (timed < 2) return;
  for (const auto& capture : input.captures) {
    if (!HasTimes(capture.info)) continue;
    if (!capture.info.start_unix_ns) {
      notes.emplace_back("Not every capture says when it began: on the timeline they all begin at zero.");
      return;
    }
    first = std::min(first, *capture.info.start_unix_ns);
  }
  for (std::uint32_t at = 0; at < input.captures.size(); ++at) {
    if (!HasTimes(input.captures[at].info)) continue;
    const auto shift =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(*input.captures[at].info.start_unix_ns) -
                                  static_cast<std::uint64_t>(first));
    timeline.ShiftCapture(at, shift);
    series.ShiftCapture(at, shift);
  }
}

Status ReadCaptures(const ReportOptions& options, profile::ReportInput& input,
                    profile::TimelineBuilder& timeline) {
  profile::Analysis analysis;
  profile::SeriesBuilder series;
  profile::TeeSink tee({&analysis, &timeline, &series});
  for (std::uint32_t at = 0; at < options.captures.size(); ++at) {
    const auto& path = options.captures[at];
    analysis.Begin();
    timeline.BeginCapture(at);
    series.BeginCapture(at);
    ProgressBar bar("reading " + NameOf(path));
    ALTLAS_TRY(auto info, profile::ReadCapture(path, tee, bar.AsProgress()));
    series.EndCapture(info);
    input.captures.push_back({info, info.rank ? fmt::format("rank {}", *info.rank) : NameOf(path)});
    analysis.End(std::move(info));
  }
  Align(input, timeline, series, input.notes);
  input.summary = analysis.Summarize();
  input.series = series.Build(kSeriesBuckets);
  return {};
}

Status Fill(const ReportOptions& options, profile::ReportInput& input, profile::TimelineBuilder& timeline) {
  const auto summaries = std::count_if(options.captures.begin(), options.captures.end(), LooksLikeSummary);
  if (summaries > 0 && options.captures.size() > 1)
    return Fail(
        ErrorCode::kInvalidArgument,
        "{} of the {} files are summaries: give captures, or one summary (a second one by --baseline)",
        summaries, options.captures.size());
  if (summaries == 1) {
    ALTLAS_TRY(input.summary, profile::ReadSummary(options.captures.front()));
    input.notes.emplace_back("Made from a summary, which holds no single events: there is no timeline.");
  } else {
    ALTLAS_TRY_VOID(ReadCaptures(options, input, timeline));
  }
  if (options.baseline.empty()) return {};
  ALTLAS_TRY(input.baseline, LoadSummary(options.baseline));
  input.baseline_name = NameOf(options.baseline);
  return {};
}

int Report(const ReportOptions& options) {
  if (options.output != "-") {
    std::vector<NamedFile> inputs = {{"--baseline", options.baseline}};
    for (const auto& file : options.captures) inputs.push_back({"the capture", file});
    if (const auto right = CheckOutputs({{"--output", options.output}}, inputs); !right.has_value())
      return Complain(right.error());
  }
  profile::ReportInput input;
  profile::TimelineBuilder timeline;
  const auto filled = Fill(options, input, timeline);
  if (!filled.has_value()) return Complain(filled.error());
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  input.created = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(now));
  input.program = "alt_las " ALTLAS_VERSION;
  input.title = options.title;
  for (const auto& path : options.captures)
    if (options.title.empty()) input.title += (input.title.empty() ? "" : ", ") + NameOf(path);
  const auto page = profile::MakeReport(input, timeline);
  if (options.output == "-") {
    WriteOut(page);
    return 0;
  }
  const auto written = WriteOutputFile(options.output, page);
  if (!written.has_value()) return Complain(written.error());
  const auto findings = input.summary.findings.size();
  Say("{}: {}, {} finding{}\n", Printable(options.output), FormatBytes(page.size()), findings,
      findings == 1 ? "" : "s");
  return 0;
}

}  // namespace

void AddProfileReport(CLI::App& profile, Command& run) {
  auto* command =
      profile.add_subcommand("report", "Make one HTML page of captures: findings, timeline, tables");
  auto options = std::make_shared<ReportOptions>();
  command->add_option("captures", options->captures, "Captures of one run, or one profile_summary.json")
      ->required()
      ->type_name("CAPTURE");
  command->add_option("--baseline", options->baseline, "Compare with this profile_summary.json")
      ->type_name("SUMMARY");
  command->add_option("-o,--output", options->output, "The page; - for standard output")
      ->capture_default_str()
      ->type_name("FILE");
  command->add_option("--title", options->title, "Its heading; without it the names of the files")
      ->type_name("TEXT");
  command->footer(
      "The page holds everything it shows and loads nothing: it can be sent and kept. A page of a million "
      "events is\n"
      "smaller than 5 MB.\n"
      "Examples:\n"
      "  alt_las profile report train.sqlite\n"
      "  alt_las profile report train.nsys-rep kernels.csv --baseline main.json -o train.html\n"
      "  alt_las profile report rank0.json.gz rank1.json.gz --title 'Two ranks'\n" +
      std::string(kExitCodes));
  command->callback([&run, options] { run = [options] { return Report(*options); }; });
}

}  // namespace altlas::app
