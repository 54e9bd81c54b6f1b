// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "gateway/json_reader.h"
#include "pool/task_view.h"

namespace altlas::gateway {

// What a request may hold and how large; from server.limits and models.
struct RequestRules {
  std::size_t text_bytes = 1 << 20;
  std::size_t batch_items = 1024;
  JsonLimits json;
  std::span<const config::ModelConfig> models;  // borrowed
};

struct PredictRequest {
  pool::NewTask task;
  bool stream = false;
};
struct BatchRequest {
  std::vector<pool::NewTask> tasks;
  bool split = true;
};
template <typename T>
struct Parsed {
  T value;
  std::vector<std::string> unknown;  // paths of fields that nobody knows
};

// Bodies of predict and batch_predict, checked, completed with defaults and turned into the canonical request
// of a worker. Every error names field, value, limit. Ranges: docs/guide/http-api.md. `draw_seed` gives the
// seed of a request that has none, so that a retry after a loss writes the same text.
Result<Parsed<PredictRequest>> ParsePredict(std::string_view body, std::size_t readable_after,
                                            const RequestRules& rules,
                                            const std::function<std::uint64_t()>& draw_seed);
Result<Parsed<BatchRequest>> ParseBatch(std::string_view body, std::size_t readable_after,
                                        const RequestRules& rules, bool default_split,
                                        const std::function<std::uint64_t()>& draw_seed);

// `?wait=` in seconds, 0 to the limit.
Result<std::optional<double>> ParseWait(const std::optional<std::string>& text, double limit_seconds);
// `?strict=`, `?explain=`: true, false, 1 or 0 in any case; false where it is absent.
Result<bool> ParseFlag(std::string_view name, const std::optional<std::string>& text);

}  // namespace altlas::gateway
