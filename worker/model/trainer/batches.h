// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace altlas::model {

// Token ids of a corpus (little-endian 16 bit, documents one after the other) as batches; the last 1 % is
// kept for validation. The batch of a step depends on (seed, step) alone. Immutable.
class Batches {
 public:
  static Result<Batches> Open(const std::filesystem::path& path, std::int64_t vocab_size);

  struct Batch {
    at::Tensor inputs, targets;  // int64 [rows, length]; targets are the inputs one token later
  };
  Batch Train(std::uint64_t seed, std::int64_t step, std::int64_t rows, std::int64_t length) const;
  // The index-th batch of the part kept back.
  Batch Validation(std::int64_t index, std::int64_t rows, std::int64_t length) const;
  std::size_t tokens() const { return ids_.size(); }

 private:
  void Fill(Batch& batch, std::int64_t row, std::size_t start) const;
  std::vector<std::uint16_t> ids_;
  std::size_t train_ = 0;
};

}  // namespace altlas::model
