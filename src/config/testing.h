// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "config/load.h"

// What the tests of this module share.
namespace altlas::config {

inline std::filesystem::path SourceFolder() { return ALTLAS_SOURCE_DIR; }

inline std::string MustRead(const std::filesystem::path& path) {
  auto text = ReadFile(path, 1 << 24);
  EXPECT_TRUE(text.has_value()) << path;
  return text.has_value() ? *text : std::string();
}

// The .yaml files of a folder, sorted.
inline std::vector<std::filesystem::path> YamlFiles(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline CheckedConfig Check(std::string_view text) { return CheckConfig({"config.yaml", text}); }

// The configuration of a text that must be right.
inline LoadedConfig MustLoad(std::string_view text) {
  auto checked = Check(text);
  EXPECT_EQ(FormatProblems(checked.errors), "") << text;
  return std::move(checked.loaded);
}

// The errors of a text, one a line.
inline std::string ErrorsOf(std::string_view text) { return FormatProblems(Check(text).errors); }

// Compares with a committed file; with ALTLAS_UPDATE_GOLDEN=1 in the environment it writes the file instead.
inline void ExpectSameAsFile(const std::string& text, const std::filesystem::path& path) {
  if (std::getenv("ALTLAS_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(path, text).has_value());
    return;
  }
  ASSERT_TRUE(std::filesystem::exists(path)) << path << " is missing; ALTLAS_UPDATE_GOLDEN=1 writes it";
  EXPECT_EQ(text, MustRead(path)) << path
                                  << " is not what the code makes now; ALTLAS_UPDATE_GOLDEN=1 writes it anew";
}

}  // namespace altlas::config
