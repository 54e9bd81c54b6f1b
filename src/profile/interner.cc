// SPDX-License-Identifier: Apache-2.0
#include "profile/interner.h"

#include <fmt/format.h>

#include <functional>

namespace altlas::profile {

std::uint32_t Interner::Intern(std::string_view text) {
  if (!texts_.empty() && text == last_text_) return last_id_;
  std::string cut;
  if (text.size() > kLongestName) {
    cut = fmt::format("{}...{:016x}", text.substr(0, kLongestName), std::hash<std::string_view>{}(text));
    text = cut;
  }
  auto found = ids_.find(text);
  if (found == ids_.end()) {
    const auto& kept = texts_.emplace_back(text);
    found = ids_.emplace(kept, static_cast<std::uint32_t>(texts_.size() - 1)).first;
  }
  last_text_ = found->first;
  last_id_ = found->second;
  return last_id_;
}

}  // namespace altlas::profile
