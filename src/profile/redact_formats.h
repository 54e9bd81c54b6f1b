// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/private_words.h"
#include "profile/redact_file.h"

// The formats that RedactFile rewrites. Each writes to `out`, which does not exist before, and fills `words`.
namespace altlas::profile {

inline constexpr std::string_view kRedactedOutput = "[redacted program output]";
inline constexpr std::size_t kRedactMaxText = 256 << 20;

Status RedactSqlite(const std::filesystem::path& in, const std::filesystem::path& out,
                    const Progress& progress, PrivateWords& words, RedactReport& report);
Status RedactJson(const std::filesystem::path& in, const std::filesystem::path& out, bool compress,
                  const Progress& progress, PrivateWords& words, RedactReport& report);
Status RedactCollector(const std::filesystem::path& in, const std::filesystem::path& out,
                       const Progress& progress, PrivateWords& words, RedactReport& report);
// Analyzes both; kConflict naming the first figure that differs. What cannot be analyzed has no figures: its
// copy is good. Names are not compared, how many there are is. Blocks.
Status CheckFigures(const std::filesystem::path& in, const std::filesystem::path& copy,
                    const Progress& progress);
std::string RedactCsvText(std::string_view text, PrivateWords& words, RedactReport& report);
std::string RedactPlainText(std::string_view text, PrivateWords& words, RedactReport& report);

}  // namespace altlas::profile
