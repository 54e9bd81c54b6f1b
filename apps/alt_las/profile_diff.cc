// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "output.h"
#include "profile_commands.h"
#include "profile_inputs.h"
#include "profile_tables.h"

namespace altlas::app {
namespace {

struct DiffOptions {
  std::vector<std::string> two;
  std::vector<std::string> before;
  std::vector<std::string> after;
  bool json = false;
  std::size_t rows = 15;
};

Result<std::vector<profile::Summary>> LoadSide(const std::vector<std::string>& files) {
  std::vector<profile::Summary> runs;
  for (const auto& file : files) {
    ALTLAS_TRY(auto summary, LoadSummary(file));
    runs.push_back(std::move(summary));
  }
  return runs;
}

Result<profile::SummaryDiff> Compare(const DiffOptions& options) {
  const bool as_lists = options.two.empty();
  if (as_lists ? options.before.empty() || options.after.empty()
               : options.two.size() != 2 || !options.before.empty() || !options.after.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "give two files, or --before with the runs of one side and --after with those of the other");
  ALTLAS_TRY(const auto before, LoadSide(as_lists ? options.before : std::vector{options.two[0]}));
  ALTLAS_TRY(const auto after, LoadSide(as_lists ? options.after : std::vector{options.two[1]}));
  return profile::DiffSummaries(before, after);
}

int Diff(const DiffOptions& options) {
  const auto diff = Compare(options);
  if (!diff.has_value()) return Complain(diff.error());
  WriteOut(options.json || ::isatty(STDOUT_FILENO) == 0 ? profile::FormatDiff(*diff)
                                                        : FormatDiffTables(*diff, options.rows));
  return 0;
}

}  // namespace

void AddProfileDiff(CLI::App& profile, Command& run) {
  auto* command =
      profile.add_subcommand("diff", "Compare captures: where the difference lies, by kernel and phase");
  auto options = std::make_shared<DiffOptions>();
  command->add_option("files", options->two, "Before and after: captures or summaries, one each")
      ->type_name("FILE FILE");
  command->add_option("--before", options->before, "Runs of the one side; several give the noise")
      ->type_name("FILE...");
  command->add_option("--after", options->after, "Runs of the other side")->type_name("FILE...");
  command->add_flag("--json", options->json, "As JSON, also on a terminal");
  command->add_option("--rows", options->rows, "Rows of each table; 0 shows all")
      ->capture_default_str()
      ->type_name("N");
  command->footer(
      "The difference of the whole is divided into parts that add up to it. It shows; `alt_las profile gate` "
      "judges.\n"
      "Examples:\n"
      "  alt_las profile diff old.sqlite new.sqlite\n"
      "  alt_las profile diff --before a1.json a2.json a3.json --after b1.json b2.json b3.json\n"
      "Exit codes: 0 compared, whatever came out; 1 a capture could not be read; 2 wrong usage, or nothing "
      "to compare; 3 no "
      "such file.");
  command->callback([&run, options] { run = [options] { return Diff(*options); }; });
}

}  // namespace altlas::app
