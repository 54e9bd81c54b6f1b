// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "store/profile_store.h"
#include "wire/messages.h"

namespace altlas::periodic {

// Fewer steps than this say nothing of a figure.
inline constexpr std::uint64_t kLeastSteps = 8;

// What each model did in the sample, as rows without id and verdicts; models that computed nothing have none.
// The measures are figures that do not depend on the load: the median time of a decode step of so many tokens
// ("decode/4", from 16 tokens on "decode/16-17" and so on), and of a token in a prefill step of about so many
// ("prefill/32-35"). `detail` holds phases and operators as JSON. Pure.
std::vector<store::ProfileRow> ReadReport(const wire::ProfileReport& report, std::string_view device,
                                          WallMillis at);

}  // namespace altlas::periodic
