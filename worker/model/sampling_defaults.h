// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace altlas::model {

// What generation_config.json says of sampling, for requests that say nothing; greedy and unfiltered where it
// says nothing either.
// (`do_sample` is not asked: a temperature there is meant.)
struct SamplingDefaults {
  double temperature = 0;
  std::int64_t top_k = 0;
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
};

}  // namespace altlas::model
