// SPDX-License-Identifier: Apache-2.0
// The bodies of CpuKernels, compiled once per instruction set: the including file defines ALTLAS_KERNELS (a
// namespace), ALTLAS_ROW_OUTPUTS and ALTLAS_BLOCK_ROWS, ALTLAS_BLOCK_OUTPUTS (how many sums are kept in
// registers at a time). No function of the standard library is inlined here, so that none gets compiled for a
// machine that lacks the instructions.
#include <cstdint>

#include "worker/model/cpu_kernels.h"

// NOLINTBEGIN(misc-definitions-in-headers): a body rather than a header, in a namespace of its own each time
namespace altlas::model {
namespace ALTLAS_KERNELS {
namespace {

#define ALTLAS_INLINE inline __attribute__((always_inline))

constexpr std::int64_t kLanes = 16;
typedef float V16 __attribute__((vector_size(64)));
typedef float V8 __attribute__((vector_size(32)));
typedef float V4 __attribute__((vector_size(16)));
typedef std::int32_t I16 __attribute__((vector_size(64)));
typedef float LooseV16 __attribute__((vector_size(64), aligned(4), may_alias));

ALTLAS_INLINE V16 Load(const float* p) { return *reinterpret_cast<const LooseV16*>(p); }
ALTLAS_INLINE void Store(float* p, V16 v) { *reinterpret_cast<LooseV16*>(p) = v; }
ALTLAS_INLINE V16 LoadSome(const float* p, std::int64_t n) {
  V16 v = {};
  __builtin_memcpy(&v, p, static_cast<std::size_t>(n) * sizeof(float));
  return v;
}
ALTLAS_INLINE void StoreSome(float* p, V16 v, std::int64_t n) {
  __builtin_memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(float));
}
ALTLAS_INLINE V16 Same(float x) { return V16{} + x; }

ALTLAS_INLINE V4 Quarter(V16 v) {
  const V8 eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                   __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
         __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
}
ALTLAS_INLINE float Sum(V16 v) {
  const V4 four = Quarter(v);
  return (four[0] + four[2]) + (four[1] + four[3]);
}
// Four sums at once, each in the order of Sum.
ALTLAS_INLINE V4 Sum4(V16 a, V16 b, V16 c, V16 d) {
  const V4 qa = Quarter(a), qb = Quarter(b), qc = Quarter(c), qd = Quarter(d);
  const V4 ab = __builtin_shufflevector(qa, qb, 0, 1, 4, 5) + __builtin_shufflevector(qa, qb, 2, 3, 6, 7);
  const V4 cd = __builtin_shufflevector(qc, qd, 0, 1, 4, 5) + __builtin_shufflevector(qc, qd, 2, 3, 6, 7);
  return __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
}

// e^x to about 2 units in the last place; 0 below -87, at most e^88.
ALTLAS_INLINE V16 Exp(V16 x) {
  const V16 low = Same(-87.0F), high = Same(88.0F);
  const I16 tiny = x < low;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const V16 scaled = x * 1.44269504F;
  const I16 n = __builtin_convertvector(scaled + (scaled < 0.0F ? Same(-0.5F) : Same(0.5F)), I16);
  const V16 whole = __builtin_convertvector(n, V16);
  const V16 r = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;
  V16 p = Same(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const I16 bits = (n + 127) << 23;
  const V16 result = p * reinterpret_cast<V16>(bits);
  return tiny ? V16{} : result;
}

template <int kRows, int kOutputs>
ALTLAS_INLINE void Block(const float* x, std::int64_t k, const float* w, const float* bias, bool add,
                         float* y, std::int64_t y_stride) {
  V16 sums[kRows][kOutputs] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    V16 rows[kRows];
    for (int r = 0; r < kRows; ++r) rows[r] = Load(x + r * k + i);
    for (int o = 0; o < kOutputs; ++o) {
      const V16 column = Load(w + o * k + i);
      for (int r = 0; r < kRows; ++r) sums[r][o] += rows[r] * column;
    }
  }
  if (i < k) {
    for (int o = 0; o < kOutputs; ++o) {
      const V16 column = LoadSome(w + o * k + i, k - i);
      for (int r = 0; r < kRows; ++r) sums[r][o] += LoadSome(x + r * k + i, k - i) * column;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float* out = y + r * y_stride;
    for (int o = 0; o < kOutputs; ++o) {
      float value;
      if constexpr (kOutputs % 4 == 0) {
        if (o % 4 == 0) {
          const V4 four = Sum4(sums[r][o], sums[r][o + 1], sums[r][o + 2], sums[r][o + 3]);
          for (int j = 0; j < 4; ++j) {
            value = bias == nullptr ? four[j] : four[j] + bias[o + j];
            out[o + j] = add ? out[o + j] + value : value;
          }
        }
      } else {
        value = Sum(sums[r][o]);
        if (bias != nullptr) value += bias[o];
        out[o] = add ? out[o] + value : value;
      }
    }
  }
}

template <int kRows, int kOutputs>
ALTLAS_INLINE void Stripe(const float* x, std::int64_t k, const float* w, std::int64_t begin,
                          std::int64_t end, const float* bias, bool add, float* y, std::int64_t y_stride) {
  std::int64_t o = begin;
  for (; o + kOutputs <= end; o += kOutputs) {
    Block<kRows, kOutputs>(x, k, w + o * k, bias == nullptr ? nullptr : bias + o, add, y + o, y_stride);
  }
  for (; o < end; ++o)
    Block<kRows, 1>(x, k, w + o * k, bias == nullptr ? nullptr : bias + o, add, y + o, y_stride);
}

// Rows in panels that stay in the second-level cache while the weights stream past them once.
void Matmul(const float* x, std::int64_t rows, std::int64_t k, const float* w, std::int64_t begin,
            std::int64_t end, const float* bias, bool add, float* y, std::int64_t y_stride) {
  constexpr std::int64_t kPanel = 32;
  constexpr std::int64_t kTile = 64;
  if (rows == 1) return Stripe<1, ALTLAS_ROW_OUTPUTS>(x, k, w, begin, end, bias, add, y, y_stride);
  for (std::int64_t panel = 0; panel < rows; panel += kPanel) {
    const std::int64_t last = panel + kPanel < rows ? panel + kPanel : rows;
    for (std::int64_t tile = begin; tile < end; tile += kTile) {
      const std::int64_t tile_end = tile + kTile < end ? tile + kTile : end;
      std::int64_t r = panel;
      for (; r + ALTLAS_BLOCK_ROWS <= last; r += ALTLAS_BLOCK_ROWS) {
        Stripe<ALTLAS_BLOCK_ROWS, ALTLAS_BLOCK_OUTPUTS>(x + r * k, k, w, tile, tile_end, bias, add,
                                                        y + r * y_stride, y_stride);
      }
      for (; r < last; ++r)
        Stripe<1, ALTLAS_ROW_OUTPUTS>(x + r * k, k, w, tile, tile_end, bias, add, y + r * y_stride, y_stride);
    }
  }
}

float Dot(const float* a, const float* b, std::int64_t n) {
  V16 sum = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) sum += Load(a + i) * Load(b + i);
  if (i < n) sum += LoadSome(a + i, n - i) * LoadSome(b + i, n - i);
  return Sum(sum);
}

void RmsNorm(const float* x, const float* weight, float eps, std::int64_t n, float* y) {
  const float scale = 1.0F / __builtin_sqrtf(Dot(x, x, n) / static_cast<float>(n) + eps);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(y + i, Load(x + i) * scale * Load(weight + i));
  if (i < n) StoreSome(y + i, LoadSome(x + i, n - i) * scale * LoadSome(weight + i, n - i), n - i);
}

ALTLAS_INLINE V16 Silu(V16 x) { return x / (Exp(-x) + 1.0F); }

void SiluMultiply(float* gate, const float* up, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(gate + i, Silu(Load(gate + i)) * Load(up + i));
  if (i < n) StoreSome(gate + i, Silu(LoadSome(gate + i, n - i)) * LoadSome(up + i, n - i), n - i);
}

void Rotate(float* x, const float* cos, const float* sin, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float first = x[i];
    const float second = x[i + half];
    x[i] = first * cos[i] - second * sin[i];
    x[i + half] = second * cos[i] + first * sin[i];
  }
}

// Scores of all keys; returns the largest.
ALTLAS_INLINE float Scores(const float* query, const float* keys, std::int64_t count, std::int64_t dim,
                           float scale, float* scores) {
  Matmul(query, 1, dim, keys, 0, count, nullptr, false, scores, count);
  float largest = -__builtin_inff();
  for (std::int64_t j = 0; j < count; ++j) {
    scores[j] *= scale;
    largest = scores[j] > largest ? scores[j] : largest;
  }
  return largest;
}

// out[0, kWidth lanes) = sum over j of scores[j] * values[j]; even and odd j apart, so that two chains run at
// once.
template <int kWidth>
ALTLAS_INLINE void Mix(const float* scores, const float* values, std::int64_t count, std::int64_t dim,
                       float scale, float* out) {
  V16 even[kWidth] = {}, odd[kWidth] = {};
  std::int64_t j = 0;
  for (; j + 2 <= count; j += 2) {
    for (int b = 0; b < kWidth; ++b) {
      even[b] += Load(values + j * dim + b * kLanes) * scores[j];
      odd[b] += Load(values + (j + 1) * dim + b * kLanes) * scores[j + 1];
    }
  }
  for (int b = 0; b < kWidth; ++b) {
    if (j < count) even[b] += Load(values + j * dim + b * kLanes) * scores[j];
    Store(out + b * kLanes, (even[b] + odd[b]) * scale);
  }
}

ALTLAS_INLINE void MixSome(const float* scores, const float* values, std::int64_t count, std::int64_t dim,
                           std::int64_t width, float scale, float* out) {
  V16 sum = {};
  for (std::int64_t j = 0; j < count; ++j) sum += LoadSome(values + j * dim, width) * scores[j];
  StoreSome(out, sum * scale, width);
}

void Attend(const float* query, const float* keys, const float* values, std::int64_t count, std::int64_t dim,
            float scale, float* scores, float* out) {
  const float largest = Scores(query, keys, count, dim, scale, scores);
  V16 sum = {};
  std::int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const V16 weight = Exp(Load(scores + j) - largest);
    Store(scores + j, weight);
    sum += weight;
  }
  if (j < count) {
    StoreSome(scores + j, Exp(LoadSome(scores + j, count - j) - largest), count - j);
    sum += LoadSome(scores + j, count - j);
  }
  const float share = 1.0F / Sum(sum);
  std::int64_t d = 0;
  for (; d + 4 * kLanes <= dim; d += 4 * kLanes) Mix<4>(scores, values + d, count, dim, share, out + d);
  for (; d + 2 * kLanes <= dim; d += 2 * kLanes) Mix<2>(scores, values + d, count, dim, share, out + d);
  for (; d + kLanes <= dim; d += kLanes) Mix<1>(scores, values + d, count, dim, share, out + d);
  if (d < dim) MixSome(scores, values + d, count, dim, dim - d, share, out + d);
}

}  // namespace

extern const CpuKernels kKernels;
const CpuKernels kKernels = {ALTLAS_KERNELS_NAME, Matmul, RmsNorm, SiluMultiply, Rotate, Attend};

}  // namespace ALTLAS_KERNELS
}  // namespace altlas::model
// NOLINTEND(misc-definitions-in-headers)
