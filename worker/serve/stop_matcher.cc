// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/stop_matcher.h"

#include <algorithm>

namespace altlas::serve {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const auto& stop : stops_) longest_ = std::max(longest_, stop.size());
}

std::size_t StopMatcher::LongestStopEndingAt(std::size_t end) const {
  const auto text = std::string_view(held_).substr(0, end);
  std::size_t longest = 0;
  for (const auto& stop : stops_) {
    if (stop.size() > longest && text.ends_with(stop)) longest = stop.size();
  }
  return longest;
}

std::size_t StopMatcher::HeldBackTail() const {
  const std::string_view text = held_;
  const std::size_t most = std::min(text.size(), longest_ == 0 ? 0 : longest_ - 1);
  for (std::size_t size = most; size > 0; --size) {
    const auto tail = text.substr(text.size() - size);
    for (const auto& stop : stops_) {
      if (stop.size() > size && std::string_view(stop).starts_with(tail)) return size;
    }
  }
  return 0;
}

bool StopMatcher::Push(std::string_view piece, std::string& out) {
  if (matched_) return true;
  if (stops_.empty()) {
    out += piece;
    return false;
  }
  const std::size_t known = held_.size();
  held_ += piece;
  for (std::size_t end = known + 1; end <= held_.size(); ++end) {
    const std::size_t stop = LongestStopEndingAt(end);
    if (stop == 0) continue;
    out.append(held_, 0, end - stop);
    held_.clear();
    matched_ = true;
    return true;
  }
  const std::size_t sure = held_.size() - HeldBackTail();
  out.append(held_, 0, sure);
  held_.erase(0, sure);
  return false;
}

void StopMatcher::Finish(std::string& out) {
  if (!matched_) out += held_;
  held_.clear();
}

}  // namespace altlas::serve
