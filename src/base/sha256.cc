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

Sha256Digest Hash(std::span<const std::string_view> pieces) {
  thread_local Hasher hasher;
  Sha256Digest digest{};
  unsigned size = digest.size();
  bool ok = EVP_DigestInit_ex2(hasher.ctx, hasher.md, nullptr) == 1;
  for (const auto piece : pieces) ok = ok && EVP_DigestUpdate(hasher.ctx, piece.data(), piece.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(hasher.ctx, digest.data(), &size) == 1;
  ALTLAS_CHECK(ok, "SHA-256 is not available");
  return digest;
}

std::string Hex(const Sha256Digest& digest) {
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
}  // namespace

Sha256Digest Sha256(std::string_view text) { return Hash({&text, 1}); }

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text[2 * i] = kDigits[byte >> 4];
    text[2 * i + 1] = kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view text) { return Hex(Sha256(text)); }
std::string Sha256Hex(std::span<const std::string_view> pieces) { return Hex(Hash(pieces)); }

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace altlas
