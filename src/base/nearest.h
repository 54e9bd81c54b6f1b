// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace altlas {

// The edit distance with transpositions (optimal string alignment). Time and memory are |a| times |b|.
std::size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `text`, or "" where none is near enough to be a typo of it (distance over a third
// of its length, at least 2). For "did you mean" in messages.
std::string Nearest(std::string_view text, std::span<const std::string> candidates);

}  // namespace altlas
