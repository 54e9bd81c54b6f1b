// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace altlas::profile {

// Gives each different text a small number, from 0 up. Texts past kLongestName are cut there and end in "..."
// and a hash of the whole, so that different ones stay different and a hostile capture costs no more.
class Interner {
 public:
  static constexpr std::size_t kLongestName = 8192;

  std::uint32_t Intern(std::string_view text);
  const std::string& TextOf(std::uint32_t id) const { return texts_[id]; }
  std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;  // never moves its texts: the map's keys look into them
  std::unordered_map<std::string_view, std::uint32_t> ids_;
  std::string_view last_text_;  // kernels and calls of a kind follow one another
  std::uint32_t last_id_ = 0;
};

}  // namespace altlas::profile
