// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>

#include "text/unicode_tables.h"

namespace altlas::text {
namespace {

template <typename Range>
bool Holds(std::span<const Range> ranges, char32_t c) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), c,
                                      [](char32_t value, const Range& range) { return value < range.first; });
  return after != ranges.begin() && c <= std::prev(after)->last;
}
bool In(std::span<const CodeRange> ranges, char32_t c) { return Holds(ranges, c); }

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }
bool Between(char32_t c, utf8proc_category_t low, utf8proc_category_t high) {
  const auto category = Category(c);
  return category >= low && category <= high;
}

bool IsLate(char32_t c) { return Holds(std::span<const CategoryRange>(kLateCategories), c); }

bool StaysWhole(char32_t c) { return In(kNoDecomposition, c) || IsLate(c); }

}  // namespace

bool IsWhitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool IsNumeric(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return Between(c, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO) || In(kLateNumeric, c);
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return c > ' ' && c < 0x7f && !alphanumeric;
  }
  if (In(kAlsoPunctuation, c)) return true;
  return Between(c, UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO) && !In(kNotPunctuation, c);
}

bool IsMark(char32_t c) {
  if (c < 0x300) return false;
  return In(kAlsoMarks, c) ||
         (Between(c, UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME) && !In(kUnknownMarks, c));
}

bool IsBertControl(char32_t c) {
  if (c < 0x80) return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
  if (c == 0xfffd) return true;
  const auto category = Category(c);
  const bool other = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
                     category == UTF8PROC_CATEGORY_CO;
  return other && !In(kNotBertControl, c) && !IsLate(c);
}

bool IsBertSpace(char32_t c) { return c == '\t' || c == '\n' || c == '\r' || IsWhitespace(c); }

bool IsBertHan(char32_t c) { return c >= 0x3400 && In(kBertHan, c); }

bool IsBertMark(char32_t c) {
  if (c < 0x300) return false;
  if (In(kAlsoBertMarks, c)) return true;
  return Category(c) == UTF8PROC_CATEGORY_MN && !In(kNotBertMarks, c) && !IsLate(c);
}

unsigned CombiningClass(char32_t c) {
  if (c < 0x300 || In(kUnknownMarks, c)) return 0;
  return static_cast<unsigned>(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class);
}

void AppendLower(std::u32string& out, char32_t c) {
  if (c < 0x80) {
    out += c >= 'A' && c <= 'Z' ? c + 32 : c;
    return;
  }
  if (c == 0x130) {  // the only character whose lower-case form is longer
    out += U"i\u0307";
    return;
  }
  const auto late = std::find_if(std::begin(kLateLower), std::end(kLateLower),
                                 [&](const LowerPair& pair) { return pair.upper == c; });
  if (late != std::end(kLateLower)) {
    out += static_cast<char32_t>(late->lower);
    return;
  }
  out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

void AppendDecomposition(std::u32string& out, char32_t c, bool compatible) {
  if (c < 0x80 || StaysWhole(c)) {
    out += c;
    return;
  }
  const int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  std::array<utf8proc_int32_t, 32> buffer{};  // the longest decomposition of Unicode has 18 code points
  int last_class = 0;
  const auto size = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(), buffer.size(),
                                            static_cast<utf8proc_option_t>(options), &last_class);
  if (size <= 0 || size > static_cast<utf8proc_ssize_t>(buffer.size())) {
    out += c;
    return;
  }
  for (utf8proc_ssize_t i = 0; i < size; ++i)
    out += static_cast<char32_t>(buffer[static_cast<std::size_t>(i)]);
}

char32_t Compose(char32_t first, char32_t second) {
  if (second < 0x300) return 0;  // nothing composes with a character below the combining marks
  std::array<utf8proc_int32_t, 2> pair{static_cast<utf8proc_int32_t>(first),
                                       static_cast<utf8proc_int32_t>(second)};
  const auto size = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const auto composed = static_cast<char32_t>(pair[0]);
  return size == 1 && !StaysWhole(composed) ? composed : 0;
}

}  // namespace altlas::text
