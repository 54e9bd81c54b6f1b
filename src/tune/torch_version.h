// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::tune {

// A release of PyTorch. The part after it ("+cu130", "a0") does not change what the allocator accepts.
struct TorchVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const TorchVersion&) const = default;
};

// The release whose libraries alt_las_worker is built with (tools/setup).
inline constexpr TorchVersion kBundledTorch{2, 11, 0};

// "2.11", "2.11.0", "2.11.0+cu130", "2.12.0a0+git123". kInvalidArgument for anything else.
Result<TorchVersion> ParseTorchVersion(std::string_view text);
std::string FormatTorchVersion(const TorchVersion& version);

}  // namespace altlas::tune
