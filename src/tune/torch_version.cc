// SPDX-License-Identifier: Apache-2.0
#include "tune/torch_version.h"

#include <charconv>

namespace altlas::tune {
namespace {

// Takes a number of at most four digits from the front of `text`.
bool TakeNumber(std::string_view& text, int& number) {
  const auto digits = text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  if (digits.empty() || digits.size() > 4) return false;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  text.remove_prefix(digits.size());
  return true;
}

bool TakeDot(std::string_view& text) {
  if (!text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<TorchVersion> ParseTorchVersion(std::string_view text) {
  TorchVersion version;
  auto rest = text;
  bool right = TakeNumber(rest, version.major) && TakeDot(rest) && TakeNumber(rest, version.minor);
  if (right && TakeDot(rest)) right = TakeNumber(rest, version.patch);
  // A pre-release ("a0", "rc1") or a build ("+cu130", ".dev20250101") may follow.
  if (!right || (!rest.empty() && rest.find_first_of("+.abrdpc") != 0))
    return Fail(ErrorCode::kInvalidArgument,
                "\"{}\" is no version of PyTorch; give it as torch.__version__ says, e.g. 2.11.0 or "
                "2.11.0+cu130",
                text.substr(0, 64));
  return version;
}

std::string FormatTorchVersion(const TorchVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

}  // namespace altlas::tune
