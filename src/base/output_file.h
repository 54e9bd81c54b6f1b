// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace altlas {

// Writes a file that a person named. A regular file is replaced whole or not at all, by a new one of a name
// of its own beside it; a symbolic link goes on pointing to what it pointed to, and that is replaced; a
// device or a pipe is written as it is. Blocks until the text is on the disk. Errors name the path: kNotFound
// without the folder, kInvalidArgument for a folder, kStorageFull, kUnavailable.
Status WriteOutputFile(const std::filesystem::path& path, std::string_view text);

}  // namespace altlas
