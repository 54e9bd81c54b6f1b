// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>

#include "base/result.h"

namespace altlas {
namespace {
struct Hasher {
  EVP_MD* md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  ~Hasher() {
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
  }
};
}  // namespace

Sha256Digest Sha256(std::string_view text) {
  thread_local Hasher hasher;
  Sha256Digest digest{};
  unsigned size = digest.size();
  const bool ok = EVP_DigestInit_ex2(hasher.ctx, hasher.md, nullptr) == 1 &&
                  EVP_DigestUpdate(hasher.ctx, text.data(), text.size()) == 1 &&
                  EVP_DigestFinal_ex(hasher.ctx, digest.data(), &size) == 1;
  ALTLAS_CHECK(ok, "SHA-256 is not available");
  return digest;
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view text) {
  const auto digest = Sha256(text);
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace altlas
