// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/workload.h"

#include <algorithm>

#include "worker/bench/units.h"

namespace altlas::bench {
namespace {

Status CheckRange(const char* option, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return {};
  return FailField(option, "{} is {}; allowed is {} to {}", option, value, least, most);
}

}  // namespace

double LeastActivationBytes(const RequestShape& shape, std::int64_t batch_size, std::int64_t tokens) {
  const auto width = static_cast<double>(2 * shape.hidden_size + shape.inner_size);
  return static_cast<double>(batch_size) * static_cast<double>(tokens) * width *
         static_cast<double>(shape.element_bytes);
}

Status CheckWorkload(const Workload& workload, const RequestShape& shape, std::uint64_t available_bytes) {
  ALTLAS_TRY_VOID(CheckRange("--batch-size", workload.batch_size, 1, kMostBatch));
  ALTLAS_TRY_VOID(CheckRange("--sequence-length", workload.sequence_length, 1, kMostSequence));
  ALTLAS_TRY_VOID(CheckRange("--new-tokens", workload.new_tokens, 0, kMostSequence));
  const std::int64_t added = shape.generates ? std::max<std::int64_t>(workload.new_tokens - 1, 0) : 0;
  if (workload.sequence_length > shape.context_length - added) {
    return FailField(
        "--sequence-length",
        "--sequence-length {}{} needs {} positions; {} has {}: choose a shorter sequence",
        workload.sequence_length,
        shape.generates ? " with --new-tokens " + std::to_string(workload.new_tokens) : std::string(),
        workload.sequence_length + added, shape.name, shape.context_length);
  }
  const double bytes = LeastActivationBytes(shape, workload.batch_size, workload.sequence_length);
  if (bytes > static_cast<double>(available_bytes)) {
    return FailField(
        "--batch-size",
        "--batch-size {} with --sequence-length {} needs at least {} for the activations of {}, and {} "
        "are free: choose a smaller batch",
        workload.batch_size, workload.sequence_length, BytesText(bytes), shape.name,
        BytesText(static_cast<double>(available_bytes)));
  }
  return {};
}

Status CheckWeights(const std::string& name, const std::string& dtype, double bytes,
                    std::uint64_t available_bytes) {
  if (bytes <= static_cast<double>(available_bytes)) return {};
  return Fail(ErrorCode::kTooLarge,
              "the weights of {} take {} in {}, and {} are free: choose a smaller model, or --dtype bfloat16",
              name, BytesText(bytes), dtype, BytesText(static_cast<double>(available_bytes)));
}

}  // namespace altlas::bench
