// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace altlas {

// Where writing to `path` ends up: `path` itself, or what its symbolic links point to in the end, which need
// not exist. kInvalidArgument for links in a circle. Blocks on the disk.
Result<std::filesystem::path> ResolveOutput(const std::filesystem::path& path);

// Writes a file that a person named. A regular file is replaced whole or not at all, by a new one of a name
// of its own beside it; a symbolic link goes on pointing to what it pointed to, and that is replaced or made;
// a device or a pipe is written as it is. Blocks until the text is on the disk. Errors name the path:
// kNotFound without the folder, kInvalidArgument for a folder, kStorageFull, kUnavailable.
Status WriteOutputFile(const std::filesystem::path& path, std::string_view text);

}  // namespace altlas
