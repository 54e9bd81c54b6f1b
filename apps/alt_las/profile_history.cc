// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "../cli_checks.h"
#include "admin_client.h"
#include "base/json_writer.h"
#include "history_table.h"
#include "open_state.h"
#include "output.h"
#include "profile_commands.h"

namespace altlas::app {
namespace {

constexpr std::size_t kHistoryPage = 1000;

struct HistoryOptions {
  std::string model, device, since;
  bool anomalies = false, json = false, csv = false;
  std::size_t limit = 2000;
  std::size_t rows = 20;
};

std::string Encoded(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", static_cast<unsigned>(c));
  }
  return out;
}

struct History {
  std::vector<HistorySample> samples;  // newest first
  std::vector<std::string> pages;      // the answers
};

Result<History> Fetch(const CommonOptions& common, const HistoryOptions& options) {
  ALTLAS_TRY(const auto state, LookAtState(common));
  std::string filter;
  if (!options.model.empty()) filter += "&model=" + Encoded(options.model);
  if (!options.device.empty()) filter += "&device=" + Encoded(options.device);
  if (!options.since.empty()) {
    ALTLAS_TRY(const auto seconds, ParseAge(options.since).Context("--since"));
    filter += fmt::format("&since={}", seconds);
  }
  const AdminClient client(state);
  History history;
  std::int64_t before = 0;
  do {
    const auto left = options.limit - history.samples.size();
    auto target = fmt::format("/api/v1/profile/{}?limit={}{}", options.anomalies ? "anomalies" : "history",
                              std::min(left, kHistoryPage), filter);
    if (before != 0) target += fmt::format("&before={}", before);
    ALTLAS_TRY(auto page, client.Call("GET", target));
    ALTLAS_TRY(before, ReadHistoryPage(page, history.samples));
    history.pages.push_back(std::move(page));
  } while (before != 0 && history.samples.size() < options.limit);
  return history;
}

// The samples of all pages in one array, as the server wrote them.
std::string JoinPages(const std::vector<std::string>& pages) {
  constexpr std::string_view kOpen = R"({"samples":[)";
  std::string out(kOpen);
  for (const auto& page : pages) {
    const auto end = page.rfind(R"(],"next_before":)");
    if (!page.starts_with(kOpen) || end == std::string::npos || end <= kOpen.size()) continue;
    if (out.size() > kOpen.size()) out += ",";
    out.append(page, kOpen.size(), end - kOpen.size());
  }
  return out + "]}\n";
}

int ShowHistory(const CommonOptions& common, const HistoryOptions& options) {
  const auto history = Fetch(common, options);
  if (!history.has_value()) return Complain(history.error());
  if (options.json) {
    WriteOut(JoinPages(history->pages));
  } else if (options.csv) {
    WriteOut(FormatHistoryCsv(history->samples));
  } else {
    WriteOut(FormatHistory(history->samples, options.rows));
  }
  return 0;
}

}  // namespace

void AddProfileHistory(CLI::App& profile, CommonOptions& common, Command& run) {
  auto* command = profile.add_subcommand(
      "history", "Show the samples of a running server, and where a model became slow");
  auto options = std::make_shared<HistoryOptions>();
  AddPlaces(*command, common);
  command->add_option("--model", options->model, "This model alone")->check(NotEmpty())->type_name("NAME");
  command->add_option("--device", options->device, "This device alone")->check(NotEmpty())->type_name("ID");
  command->add_option("--since", options->since, "No older than this: 90s, 30m, 1h, 7d")
      ->check(NotEmpty())
      ->type_name("TIME");
  command->add_flag("--anomalies", options->anomalies,
                    "Those alone in which a model was slower than its normal");
  command->add_option("--limit", options->limit, "So many of the newest samples at most")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  command->add_option("--rows", options->rows, "Lines of the second table")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1'000'000}))
      ->capture_default_str();
  auto* json = command->add_flag("--json", options->json, "As JSON, with phases and operators");
  command->add_flag("--csv", options->csv, "As CSV, one line a measure of a sample")->excludes(json);
  command->footer(
      "A server takes a sample of each worker every profile.periodic.interval, and learns what is normal for "
      "each\n"
      "model on each device. decode/4 is the time of a step that computes 4 tokens, prefill/32-35 that of a "
      "token in\n"
      "a step with a prompt that computes 32 to 35.\n"
      "Examples:\n"
      "  alt_las profile history\n"
      "  alt_las profile history --model alt-las-tiny --since 1h\n"
      "  alt_las profile history --anomalies --csv > slow.csv\n" +
      std::string(kExitCodes));
  command->callback(
      [&run, &common, options] { run = [&common, options] { return ShowHistory(common, *options); }; });
}

}  // namespace altlas::app
