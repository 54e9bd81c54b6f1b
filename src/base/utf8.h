// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace altlas {

// UTF-8 as of RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.

// The offset of the first byte that is not valid, or `text.size()`.
std::size_t FirstInvalidUtf8(std::string_view text);
inline bool IsValidUtf8(std::string_view text) { return FirstInvalidUtf8(text) == text.size(); }

// How many bytes at the end of `text` could be the beginning of a valid sequence that is not complete yet (0
// to 3).
std::size_t IncompleteUtf8Tail(std::string_view text);

// Decodes the code point at `position` and moves past it; an invalid byte yields U+FFFD and moves by one.
// Requires position < text.size().
char32_t NextCodePoint(std::string_view text, std::size_t& position);
void AppendCodePoint(std::string& out, char32_t code_point);

// `text` with every invalid byte sequence replaced by U+FFFD (one for each maximal prefix, as the Unicode
// standard recommends in section 3.9, and as Python's and Rust's lossy decoders do).
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace altlas
