// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace altlas::text {

// Character properties as the `tokenizers` library sees them. It takes its data from several Unicode
// versions, so each function follows the version that its caller in the library uses (unicode_tables.h).
// Pure, thread-safe.

bool IsWhitespace(char32_t c);
bool IsNumeric(char32_t c);      // the Digits pre-tokenizer
bool IsPunctuation(char32_t c);  // the Punctuation pre-tokenizer
bool IsMark(char32_t c);         // what StripAccents removes
// What BertNormalizer knows: the control, format and private characters that clean_text removes (and U+0000
// and U+FFFD), the white space that it makes a space, the ranges that handle_chinese_chars means, the marks
// that strip_accents removes.
bool IsBertControl(char32_t c);
bool IsBertSpace(char32_t c);
bool IsBertHan(char32_t c);
bool IsBertMark(char32_t c);
unsigned CombiningClass(char32_t c);

// Appends the lower-case form of one character (two code points for U+0130) without regard to its neighbours.
void AppendLower(std::u32string& out, char32_t c);
// Appends the full decomposition: canonical, or also compatible.
void AppendDecomposition(std::u32string& out, char32_t c, bool compatible);
// The canonical composition of two characters, 0 where there is none.
char32_t Compose(char32_t first, char32_t second);

// The code point at `position`, which it moves past. Requires valid UTF-8 and position < text.size().
inline char32_t NextChar(std::string_view text, std::size_t& position) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[position + i]));
  };
  const char32_t lead = byte(0);
  char32_t value = lead;
  std::size_t size = 1;
  if (lead >= 0xf0) {
    value = (lead & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    size = 4;
  } else if (lead >= 0xe0) {
    value = (lead & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    size = 3;
  } else if (lead >= 0xc0) {
    value = (lead & 0x1f) << 6 | (byte(1) & 0x3f);
    size = 2;
  }
  position += size;
  return value;
}
// The bytes of the character that starts with `lead`, in valid UTF-8.
inline std::size_t CharSize(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
inline bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
// Where the character that ends before `position` starts. Requires valid UTF-8 and position > 0.
inline std::size_t PreviousChar(std::string_view text, std::size_t position) {
  do {
    --position;
  } while (position > 0 && IsContinuation(text[position]));
  return position;
}
inline bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

}  // namespace altlas::text
