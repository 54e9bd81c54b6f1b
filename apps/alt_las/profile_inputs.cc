// SPDX-License-Identifier: Apache-2.0
#include "profile_inputs.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "output.h"
#include "profile/analysis.h"
#include "profile/open_capture.h"
#include "tables.h"

namespace altlas::app {
namespace {

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

ProgressBar::ProgressBar(std::string label) : label_(Printable(label)) {}

ProgressBar::~ProgressBar() {
  if (is_shown_) Note("\r\033[K");
}

void ProgressBar::Draw(std::uint64_t done, std::uint64_t all) {
  constexpr std::int64_t kBetweenDrawsMs = 100;
  if (::isatty(STDERR_FILENO) == 0) return;
  const auto now = NowMs();
  if (is_shown_ && now - last_drawn_ms_ < kBetweenDrawsMs) return;
  is_shown_ = true;
  last_drawn_ms_ = now;
  const auto percent =
      all > 0 ? 100 * std::min(1.0, static_cast<double>(done) / static_cast<double>(all)) : 0;
  Note("\r\033[K{} {} {:.0f} %", FormatBar(percent), label_, percent);
}

profile::Progress ProgressBar::AsProgress() {
  return [this](std::uint64_t done, std::uint64_t all) {
    Draw(done, all);
    return true;
  };
}

bool LooksLikeSummary(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return false;
  // Ours have the name first. Another program may have put the keys in its own order; captures are larger.
  constexpr std::size_t kHead = 4096;
  constexpr std::uintmax_t kMostReordered = 32 << 20;
  const auto name = fmt::format("\"{}\"", profile::kSummarySchema);
  std::ifstream file(path, std::ios::binary);
  std::string head(kHead, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (head.find_first_not_of(" \t\r\n") != head.find('{')) return false;
  if (head.find(name) != std::string::npos) return true;
  const auto size = std::filesystem::file_size(path, failed);
  if (failed || size > kMostReordered || head.find("\"traceEvents\"") != std::string::npos) return false;
  const auto whole = ReadFile(path, kMostReordered);
  return whole.has_value() && whole->find(name) != std::string::npos;
}

Result<profile::Summary> AnalyzeCaptures(const std::vector<std::string>& paths) {
  profile::Analysis analysis;
  for (const auto& path : paths) {
    ProgressBar bar("reading " + std::filesystem::path(path).filename().string());
    analysis.Begin();
    ALTLAS_TRY(auto info, profile::ReadCapture(path, analysis, bar.AsProgress()));
    analysis.End(std::move(info));
  }
  return analysis.Summarize();
}

Result<profile::Summary> LoadSummary(const std::string& path) {
  return LooksLikeSummary(path) ? profile::ReadSummary(path) : AnalyzeCaptures({path});
}

}  // namespace altlas::app
