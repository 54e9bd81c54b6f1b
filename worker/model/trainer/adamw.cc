// SPDX-License-Identifier: Apache-2.0
#include "worker/model/trainer/adamw.h"

#include <algorithm>
#include <cmath>

namespace altlas::model {

AdamW::AdamW(std::vector<at::Tensor*> parameters, Options options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const at::Tensor* one : parameters_) {
    first_.emplace_back(static_cast<std::size_t>(one->numel()), 0.0F);
    second_.emplace_back(static_cast<std::size_t>(one->numel()), 0.0F);
  }
}

double AdamW::Step(double learning_rate, const std::vector<std::vector<float>>& gradients) {
  ++step_;
  double square = 0;
  for (const std::vector<float>& one : gradients) {
    for (const float value : one) square += static_cast<double>(value) * value;
  }
  const double norm = std::sqrt(square);
  const float scale = static_cast<float>(std::min(1.0, options_.clip_norm / (norm + 1e-6)));
  const float beta1 = static_cast<float>(options_.beta1);
  const float beta2 = static_cast<float>(options_.beta2);
  const float correction1 = static_cast<float>(1 / (1 - std::pow(options_.beta1, step_)));
  const float correction2 = static_cast<float>(1 / (1 - std::pow(options_.beta2, step_)));
  const float rate = static_cast<float>(learning_rate);
  const float epsilon = static_cast<float>(options_.epsilon);
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    at::Tensor& parameter = *parameters_[p];
    const float decay =
        parameter.dim() > 1 ? static_cast<float>(1 - learning_rate * options_.weight_decay) : 1.0F;
    float* w = parameter.data_ptr<float>();
    float* m = first_[p].data();
    float* v = second_[p].data();
    const float* g = gradients[p].data();
    for (std::int64_t i = 0; i < parameter.numel(); ++i) {
      const float gradient = g[i] * scale;
      m[i] = beta1 * m[i] + (1 - beta1) * gradient;
      v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
      w[i] = decay * w[i] - rate * m[i] * correction1 / (std::sqrt(v[i] * correction2) + epsilon);
    }
  }
  return norm;
}

}  // namespace altlas::model
