// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"

// What file.cc and output_file.cc share; for base alone.
namespace altlas::file_writing {

// errno as an error that names the path: kNotFound, kStorageFull, else kUnavailable.
Error SystemError(std::string_view what, const std::filesystem::path& path);
// The whole text, however many writes that takes. Blocks.
Status WriteAll(int fd, std::string_view text, const std::filesystem::path& path);

}  // namespace altlas::file_writing
