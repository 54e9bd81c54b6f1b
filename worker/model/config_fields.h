// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace altlas::model {

// Fields of a model folder's config.json, read one by one. A wrong type or range is kCorrupt and names the
// field; null counts as absent. Pure.

// The largest sizes that are believed: far above any published model, and small enough that products fit 63
// bits.
inline constexpr std::int64_t kMaxVocab = 1 << 21;
inline constexpr std::int64_t kMaxHidden = 1 << 16;
inline constexpr std::int64_t kMaxInner = 1 << 20;
inline constexpr std::int64_t kMaxLayers = 1024;
inline constexpr std::int64_t kMaxHeads = 1024;
inline constexpr std::int64_t kMaxPositions = 1 << 24;

// Null where the field is absent or null.
const nlohmann::json* FindField(const nlohmann::json& object, const char* name);
// A whole number from 1 to `limit`; `fallback` where it is absent, an error where there is none.
Result<std::int64_t> SizeField(const nlohmann::json& object, const char* name, std::int64_t limit,
                               std::optional<std::int64_t> fallback);
Result<double> NumberField(const nlohmann::json& object, const char* name, double low, double high,
                           double fallback, std::string_view file = "config.json");
Result<bool> FlagField(const nlohmann::json& object, const char* name, bool fallback);
Result<std::string> TextField(const nlohmann::json& object, const char* name, std::string fallback);

}  // namespace altlas::model
