// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <optional>

// What the forward passes on ATen share: that of a served step and that which is trained. Any dtype and
// device.
namespace altlas::model {

// For at::linear: an undefined tensor is no bias.
inline std::optional<at::Tensor> OptionalBias(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
}

// x: [..., T, heads, head_dim]; cos and sin: [..., T, 1, head_dim / 2]. The two halves of a head are the two
// coordinates that turn.
inline at::Tensor RotateHalves(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const auto halves = x.chunk(2, -1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

}  // namespace altlas::model
