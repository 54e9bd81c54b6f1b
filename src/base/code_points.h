// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iterator>

namespace altlas {

// True for characters that show nothing of their own and act on the text around them: control characters,
// Unicode's format characters (category Cf: writing direction, joiners, invisible signs) and its separators
// of lines and paragraphs. Whoever prints them shows something else than what is there.
constexpr bool ActsOnOtherText(char32_t c) {
  constexpr struct {
    char32_t first, last;
  } kRanges[] = {{0x0000, 0x001F},   {0x007F, 0x009F},   {0x00AD, 0x00AD},   {0x0600, 0x0605},
                 {0x061C, 0x061C},   {0x06DD, 0x06DD},   {0x070F, 0x070F},   {0x0890, 0x0891},
                 {0x08E2, 0x08E2},   {0x180E, 0x180E},   {0x200B, 0x200F},   {0x2028, 0x202E},
                 {0x2060, 0x206F},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},   {0x110BD, 0x110BD},
                 {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
                 {0xE0000, 0xE007F}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range.first && c <= range.last; });
}

}  // namespace altlas
