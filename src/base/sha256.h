// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace altlas {

using Sha256Digest = std::array<unsigned char, 32>;

// SHA-256 (FIPS 180-4). About 100 ns for a short text: the algorithm is fetched once a thread (OpenSSL's
// one-shot call fetches it every time and takes three times as long). Thread-safe.
Sha256Digest Sha256(std::string_view text);
// Lower-case hex of any bytes.
std::string ToHex(std::string_view bytes);
std::string Sha256Hex(std::string_view text);
// Of the pieces one behind the other.
std::string Sha256Hex(std::span<const std::string_view> pieces);
// Equal, in a time that depends only on the lengths.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace altlas
