// SPDX-License-Identifier: Apache-2.0
#include "worker/model/json_strict.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace altlas::model {
namespace {

constexpr int kMaxDepth = 32;

// Sees every event of the parser; nothing is filtered, but the first offence is kept.
struct Watcher {
  std::vector<std::set<std::string>> keys;
  std::string offence;

  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth && offence.empty()) offence = fmt::format("nests deeper than {}", kMaxDepth);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second && offence.empty()) {
      offence = fmt::format("has the key \"{}\" twice in one object", value.get<std::string>());
    }
    return true;
  }
};

}  // namespace

Result<nlohmann::json> ParseJsonStrict(std::string_view text, std::string_view what) {
  Watcher watcher;
  try {
    nlohmann::json json = nlohmann::json::parse(
        text.begin(), text.end(),
        [&](int depth, auto event, auto& value) { return watcher(depth, event, value); });
    if (!watcher.offence.empty()) return Fail(ErrorCode::kCorrupt, "{} {}", what, watcher.offence);
    if (!json.is_object()) return Fail(ErrorCode::kCorrupt, "{} is not a JSON object", what);
    return json;
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{} is not JSON: {}", what, error.what());
  }
}

}  // namespace altlas::model
