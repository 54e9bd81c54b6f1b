// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace altlas::wire {

// kInvalidArgument where the system allows no Unix socket of that path (empty, or over 107 bytes).
Status CheckSocketPath(const std::string& path);

// A connection to the manager's Unix socket that does not block. Empty where nobody listens there, or where
// the listener belongs to another user than this process's or root. The path has passed CheckSocketPath.
UniqueFd ConnectToManager(const std::string& path);

}  // namespace altlas::wire
