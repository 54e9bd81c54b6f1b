// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/serve/sampler.h"

namespace altlas::serve {

// One text_generation request, as the gateway has validated and completed it.
struct GenerationRequest {
  std::string text;
  std::int64_t max_length = 100;  // new tokens
  SamplingParams sampling;
  std::vector<std::string> stop;
  bool ignore_end = false;  // for measurements: the model's end token ends nothing. Not part of the JSON
};

struct GenerationResult {
  std::string
      text;  // all of the output, tokens emitted before a continuation included, without the stop string
  std::string finish_reason;  // "stop" or "length" ("canceled" never becomes a result)
  std::int64_t prompt_tokens = 0;
  std::int64_t generated_tokens = 0;  // the end token is not counted
  bool max_length_clipped = false;    // the model's context ended before max_length could
};

inline constexpr std::size_t kMaxStopStrings = 64;
inline constexpr std::size_t kMaxStopBytes = 4096;

// The request of a lease. kUnsupported, naming the type, for every type but text_generation; kInvalidArgument
// with the field at fault for JSON that the gateway would not have let through. Fields it does not know are
// ignored. Sampling that it does not name is `defaults`'. Pure.
Result<GenerationRequest> ParseRequest(std::string_view type, std::string_view json,
                                       const SamplingParams& defaults = {});

// The result object of a task as JSON. Pure.
std::string FormatResult(const GenerationResult& result);

}  // namespace altlas::serve
