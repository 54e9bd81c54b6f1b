// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace altlas::model {

// The inner loops of a model on the CPU in float32, one set for each instruction set. Every sum runs over 16
// lanes in an order that depends on its own length alone: neither the number of rows, nor threads, nor the
// width of the machine's vectors changes a bit. (Sets with fused multiply-add agree with each other; the
// generic one rounds twice.) Pointers need no alignment. Pure functions, thread-safe.
struct CpuKernels {
  std::string_view name;

  // y[r * y_stride + o] (+)= dot(x row r, w row o) + bias[o] for rows r in [0, rows) and o in [begin, end).
  // x: [rows, k], w: [.., k]; bias may be null; `add` keeps what y holds.
  void (*matmul)(const float* x, std::int64_t rows, std::int64_t k, const float* w, std::int64_t begin,
                 std::int64_t end, const float* bias, bool add, float* y, std::int64_t y_stride);
  // y = x / sqrt(mean(x^2) + eps) * weight, n values.
  void (*rms_norm)(const float* x, const float* weight, float eps, std::int64_t n, float* y);
  // gate = silu(gate) * up, n values.
  void (*silu_multiply)(float* gate, const float* up, std::int64_t n);
  // Turns the pairs (x[i], x[i + half]) by the angles.
  void (*rotate)(float* x, const float* cos, const float* sin, std::int64_t half);
  // One query of `dim` values against `count` keys and values, each [count, dim]: softmax(q k^T * scale) v.
  // `scores` is room for count + 16 values.
  void (*attend)(const float* query, const float* keys, const float* values, std::int64_t count,
                 std::int64_t dim, float scale, float* scores, float* out);
};

// The fastest set that this processor runs.
const CpuKernels& BestCpuKernels();
// Every set that this processor runs; for tests.
std::vector<const CpuKernels*> AvailableCpuKernels();

}  // namespace altlas::model
