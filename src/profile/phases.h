// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

// The names of the phases, the same in the ranges that workers record, in NVTX (so that Nsight Systems shows
// them), in reports and in the documents.
namespace altlas::profile {

// The domain of these ranges in NVTX and in captures.
inline constexpr std::string_view kPhaseDomain = "alt_las";

// Serving. `queue`: from a job's arrival at the engine to its joining the running batch (of a job, not of a
// thread: such ranges overlap and have the thread 0). `prefill`: a step of the model that computes at least
// one piece of a prompt, tokens of other jobs beside it included; a model
// of vectors has this alone. `decode`: a step that computes one new
// token for each job. `detokenise`: a token becomes text and is held against the stop strings.
enum class ServingPhase : std::uint8_t { kQueue, kPrefill, kDecode, kDetokenise };
inline constexpr std::array<std::string_view, 4> kServingPhases = {"queue", "prefill", "decode",
                                                                   "detokenise"};
inline constexpr std::string_view PhaseName(ServingPhase phase) {
  return kServingPhases[static_cast<std::size_t>(phase)];
}

// Training.
inline constexpr std::array<std::string_view, 7> kTrainingPhases = {
    "data", "forward", "loss", "backward", "exchange", "optimizer", "validate"};

}  // namespace altlas::profile
