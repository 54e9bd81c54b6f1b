// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <vector>

namespace altlas::model {

// AdamW (Loshchilov, Hutter, ICLR 2019) on float32 CPU parameters with gradient clipping by the global norm.
// Weight decay falls on matrices only. Keeps pointers to the parameters. Not thread-safe.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1, clip_norm = 1.0;
  };
  AdamW(std::vector<at::Tensor*> parameters, Options options);

  // One step with `gradients`, one flat buffer for each parameter. Returns their norm before clipping.
  double Step(double learning_rate, const std::vector<std::vector<float>>& gradients);

 private:
  std::vector<at::Tensor*> parameters_;
  std::vector<std::vector<float>> first_, second_;
  Options options_;
  int step_ = 0;
};

}  // namespace altlas::model
