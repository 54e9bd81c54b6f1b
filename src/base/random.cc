// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <vector>

#include "base/result.h"

namespace altlas {

void FillSecureRandom(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    ALTLAS_CHECK(got > 0, "getrandom failed");
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string SecureRandomHex(std::size_t bytes) {
  std::vector<std::byte> raw(bytes);
  FillSecureRandom(raw);
  std::string text;
  for (auto b : raw) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

}  // namespace altlas
