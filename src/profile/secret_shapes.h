// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string_view>

// The shapes of secrets in text. Each function looks at `text` from `at` on and says which bytes are the
// secret. Pure; none looks further than it must, so that a scan over a text stays linear.
namespace altlas::profile {

struct SecretSpan {
  std::size_t begin = 0;
  std::size_t end = 0;  // equal: no secret here
  explicit operator bool() const { return end > begin; }
};

// Keys that vendors begin with a fixed text (AKIA..., ghp_..., hf_..., sk-..., nvapi-...) and JWTs.
SecretSpan FindVendorKey(std::string_view text, std::size_t at);
// "Bearer x", "Basic x": the x.
SecretSpan FindBearer(std::string_view text, std::size_t at);
// A PEM block of a private key, whole, or to the end of a text that is cut off.
SecretSpan FindPrivateKey(std::string_view text, std::size_t at);
// At "://": what stands before the @ of the authority.
SecretSpan FindUrlUser(std::string_view text, std::size_t at);
// 24 characters and more that look drawn by chance (base64, or 32 and more of hex); no symbols, mangled or
// made of words and numbers.
SecretSpan FindRandomRun(std::string_view text, std::size_t at);
// The user's folder in /home/x, /home2/x, /homes/x, /homes/a/x, /Users/x, C:\Users\x, in capitals or not,
// with the slashes as they are or escaped; in ~x/. An e-mail address.
SecretSpan FindHomeUser(std::string_view text, std::size_t at);
SecretSpan FindTildeUser(std::string_view text, std::size_t at);
SecretSpan FindEmail(std::string_view text, std::size_t at);

}  // namespace altlas::profile
