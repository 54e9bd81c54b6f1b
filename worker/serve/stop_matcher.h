// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace altlas::serve {

// Finds stop strings in text that comes in pieces, across their borders. Text that could be the beginning of
// a stop string is held back until it is known not to be one. The first stop string to be complete ends the
// text (of several that end at the same byte the longest one), and the text ends exactly before it: what is
// released does not depend on how the text was cut into pieces. Empty stop strings match nothing. Copyable,
// not thread-safe, never blocks.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops = {});

  // Adds a piece and appends to `out` what is now certain to belong to the text. True from the moment a stop
  // string is complete; later pieces are ignored.
  bool Push(std::string_view piece, std::string& out);
  // The text has ended: appends what was held back, unless a stop string was found.
  void Finish(std::string& out);
  bool matched() const { return matched_; }

 private:
  std::size_t LongestStopEndingAt(std::size_t end) const;
  std::size_t HeldBackTail() const;

  std::vector<std::string> stops_;
  std::size_t longest_ = 0;
  std::string held_;
  bool matched_ = false;
};

}  // namespace altlas::serve
