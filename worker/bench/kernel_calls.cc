// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/kernel_calls.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "worker/bench/cpu_limits.h"
#include "worker/bench/units.h"
#include "worker/model/cpu_kernels.h"

namespace altlas::bench {
namespace {

using Sizes = std::vector<std::int64_t>;

class Inputs {
 public:
  Inputs(at::ScalarType dtype, const at::Device& device)
      : options_(at::TensorOptions().dtype(dtype).device(device)) {}
  at::Tensor Make(const Sizes& sizes) const {
    return at::rand(sizes, at::kFloat).sub_(0.5).to(options_.device(), options_.dtype().toScalarType());
  }

 private:
  at::TensorOptions options_;
};

// y = x w^T with w as a model holds it: [N, K].
std::vector<KernelCall> GemmCalls(const Sizes& s, const Inputs& inputs, bool own) {
  const at::Tensor x = inputs.Make({s[0], s[2]});
  const at::Tensor w = inputs.Make({s[1], s[2]});
  std::vector<KernelCall> calls = {{"torch", [x, w] { return at::matmul(x, w.t()); }}};
  if (!own) return calls;
  const at::Tensor y = at::empty({s[0], s[1]}, at::kFloat);
  calls.push_back({"alt_las", [=] {
                     const auto& kernels = model::BestCpuKernels();
                     at::parallel_for(0, s[1], 16, [&](std::int64_t begin, std::int64_t end) {
                       kernels.matmul(x.data_ptr<float>(), s[0], s[2], w.data_ptr<float>(), begin, end,
                                      nullptr, false, y.data_ptr<float>(), s[1]);
                     });
                     return y;
                   }});
  return calls;
}

std::vector<KernelCall> AttentionCalls(const Sizes& s, const Inputs& inputs, bool own) {
  const at::Tensor q = inputs.Make(s);
  const at::Tensor k = inputs.Make(s);
  const at::Tensor v = inputs.Make(s);
  std::vector<KernelCall> calls = {
      {"torch", [q, k, v] { return at::scaled_dot_product_attention(q, k, v); }}};
  if (!own) return calls;
  const at::Tensor y = at::empty(s, at::kFloat);
  const std::int64_t heads = s[0] * s[1];
  const std::int64_t tokens = s[2];
  const std::int64_t dim = s[3];
  calls.push_back({"alt_las", [=] {
                     const auto& kernels = model::BestCpuKernels();
                     const float scale = 1 / std::sqrt(static_cast<float>(dim));
                     at::parallel_for(0, heads * tokens, 1, [&](std::int64_t begin, std::int64_t end) {
                       std::vector<float> scores(static_cast<std::size_t>(tokens) + 16);
                       for (std::int64_t row = begin; row < end; ++row) {
                         const std::int64_t head = row / tokens * tokens * dim;
                         kernels.attend(q.data_ptr<float>() + row * dim, k.data_ptr<float>() + head,
                                        v.data_ptr<float>() + head, tokens, dim, scale, scores.data(),
                                        y.data_ptr<float>() + row * dim);
                       }
                     });
                     return y;
                   }});
  return calls;
}

std::vector<KernelCall> ConvCalls(const Sizes& s, const Inputs& inputs) {
  const at::Tensor x = inputs.Make({s[0], s[1], s[2], s[3]});
  const at::Tensor w = inputs.Make({s[4], s[1], s[5], s[5]});
  return {{"torch", [x, w, pad = s[5] / 2] {
             return at::conv2d(x, w, {}, at::IntArrayRef{1, 1}, at::IntArrayRef{pad, pad});
           }}};
}

}  // namespace

Result<std::vector<KernelCall>> MakeKernelCalls(const KernelSize& size, at::ScalarType dtype,
                                                const at::Device& device) {
  // Inputs are made as float32 on the processor, and the own way has an output beside libtorch's.
  const double bytes = 2 * WorkOf(size, 4).bytes;
  if (bytes > static_cast<double>(AvailableMemory()))
    return Fail(ErrorCode::kTooLarge, "--size {} takes {} of memory, and {} are free: choose a smaller one",
                size.Text(), BytesText(bytes), BytesText(static_cast<double>(AvailableMemory())));
  const Inputs inputs(dtype, device);
  const bool own = device.is_cpu() && dtype == at::kFloat;
  try {
    switch (size.kind) {
      case KernelKind::kGemm:
        return GemmCalls(size.sizes, inputs, own);
      case KernelKind::kAttention:
        return AttentionCalls(size.sizes, inputs, own);
      case KernelKind::kConv:
        return ConvCalls(size.sizes, inputs);
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "the tensors of --size {} cannot be had: {}", size.Text(),
                error.what());
  }
  return std::vector<KernelCall>{};
}

}  // namespace altlas::bench
