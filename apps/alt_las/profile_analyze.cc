// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "output.h"
#include "profile_commands.h"
#include "profile_inputs.h"
#include "profile_tables.h"
#include "tables.h"

namespace altlas::app {
namespace {

struct AnalyzeOptions {
  std::vector<std::string> files;
  bool json = false;
  std::string csv;
  std::string output;
  std::size_t rows = 15;
};

Result<profile::Summary> ReadInputs(const std::vector<std::string>& files) {
  if (files.size() == 1) return LoadSummary(files.front());
  for (const auto& file : files)
    if (LooksLikeSummary(file))
      return Fail(ErrorCode::kInvalidArgument,
                  "{} is a summary: summaries are not joined, give the captures that they were made of, or "
                  "compare them "
                  "with `alt_las profile diff`",
                  file);
  return AnalyzeCaptures(files);
}

// 1 and a sentence where the captures hold nothing whose time could be told.
int JudgeContent(const profile::Summary& summary) {
  if (summary.scenario || profile::FindValue(summary, "avg_kernel_time")) return 0;
  const auto* figure = profile::FindFigure(summary, "avg_kernel_time");
  const auto why = figure == nullptr ? std::string("no kernels") : figure->text;
  if (!summary.operators.empty()) {
    Note("avg_kernel_time is not given: {}. Its operators are analyzed instead.\n", Printable(why));
    return 0;
  }
  Note(
      "avg_kernel_time is not given: {}, and no operators either. Was the program's GPU work within the "
      "capture?\n",
      Printable(why));
  return 1;
}

int Analyze(const AnalyzeOptions& options) {
  std::vector<NamedFile> inputs;
  for (const auto& file : options.files) inputs.push_back({"the capture", file});
  if (const auto right = CheckOutputs({{"--output", options.output}}, inputs); !right.has_value())
    return Complain(right.error());
  const auto summary = ReadInputs(options.files);
  if (!summary.has_value()) return Complain(summary.error());
  if (!options.output.empty()) {
    const auto written = profile::WriteSummary(options.output, *summary);
    if (!written.has_value()) return Complain(written.error());
  }
  // `analyze X > profile_summary.json`: what is not read by a person is read by a program.
  const bool for_program = ::isatty(STDOUT_FILENO) == 0 && options.output.empty();
  if (!options.csv.empty()) {
    WriteOut(FormatSummaryCsv(*summary, options.csv).value_or(""));
  } else if (options.json || for_program) {
    WriteOut(profile::FormatSummary(*summary));
  } else {
    WriteOut(FormatSummaryTables(*summary, options.rows));
  }
  return JudgeContent(*summary);
}

}  // namespace

void AddProfileAnalyze(CLI::App& profile, Command& run) {
  auto* command =
      profile.add_subcommand("analyze", "Read captures: where the time went, and what to do about it");
  auto options = std::make_shared<AnalyzeOptions>();
  command
      ->add_option("files", options->files,
                   "Captures: Nsight Systems (.nsys-rep, its SQLite export), Nsight Compute (CSV), PyTorch "
                   "traces (JSON, "
                   "gz), the built-in collector's; several are the ranks or parts of one run. Or one summary")
      ->required()
      ->type_name("FILE");
  auto* json = command->add_flag("--json", options->json, "As JSON, also on a terminal");
  command
      ->add_option("--csv", options->csv,
                   "One table as CSV: kernels, operators, copies, api, phases, gaps, figures")
      ->check(CLI::IsMember(CsvTableNames()))
      ->excludes(json)
      ->type_name("TABLE");
  command->add_option("-o,--output", options->output, "Write the JSON to this file, and print the tables")
      ->type_name("FILE");
  command->add_option("--rows", options->rows, "Rows of each table; 0 shows all")
      ->capture_default_str()
      ->type_name("N");
  command->footer(
      "Tables on a terminal; JSON (docs/formats/profile_summary.md) where the output goes elsewhere.\n"
      "Examples:\n"
      "  alt_las profile analyze run.sqlite\n"
      "  alt_las profile analyze run.nsys-rep > profile_summary.json\n"
      "  alt_las profile analyze rank0.json.gz rank1.json.gz --output both.json\n"
      "  alt_las profile analyze run.sqlite kernels.csv --csv kernels > kernels.csv\n"
      "Exit codes: 0 done (a capture without kernels but with operators is one); 1 neither kernels nor "
      "operators in it, or "
      "it could not be read; 2 wrong usage, or no capture; 3 no such file.");
  command->callback([&run, options] { run = [options] { return Analyze(*options); }; });
}

}  // namespace altlas::app
