// SPDX-License-Identifier: Apache-2.0
// Any bytes as a text with secrets: taking them out twice is taking them out once, and a key put in front of
// it goes.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "profile/redact.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using altlas::profile::RedactText;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string once = RedactText(text);
  ALTLAS_CHECK(RedactText(once) == once);
  constexpr std::string_view kKey = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
  ALTLAS_CHECK(RedactText(std::string(kKey) + " " + text).find(kKey) == std::string::npos ||
               text.find(kKey) != std::string::npos);
  return 0;
}
