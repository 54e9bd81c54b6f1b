// SPDX-License-Identifier: Apache-2.0
#include "worker/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace altlas::model {
namespace {

constexpr double kPi = std::numbers::pi;

// Float steps where the reference computes in float32, so that angles agree to the last bits.
std::vector<float> PlainFrequencies(double theta, std::int64_t half) {
  std::vector<float> out(static_cast<std::size_t>(half));
  for (std::int64_t i = 0; i < half; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(2 * half);
    out[static_cast<std::size_t>(i)] = 1.0F / std::pow(static_cast<float>(theta), exponent);
  }
  return out;
}

void StretchLlama3(const RopeConfig& rope, std::vector<float>& frequencies) {
  const double low_wave = rope.original_context / rope.low_freq_factor;
  const double high_wave = rope.original_context / rope.high_freq_factor;
  for (float& frequency : frequencies) {
    const double wave = 2 * kPi / frequency;
    if (wave > low_wave) {
      frequency = static_cast<float>(frequency / rope.factor);
    } else if (wave >= high_wave) {
      const double smooth = (rope.original_context / wave - rope.low_freq_factor) /
                            (rope.high_freq_factor - rope.low_freq_factor);
      frequency = static_cast<float>((1 - smooth) * frequency / rope.factor + smooth * frequency);
    }
  }
}

double YarnDimension(double rotations, const RopeConfig& rope, double dim) {
  return dim * std::log(rope.original_context / (rotations * 2 * kPi)) / (2 * std::log(rope.theta));
}

void StretchYarn(const RopeConfig& rope, std::vector<float>& frequencies) {
  const double dim = 2.0 * static_cast<double>(frequencies.size());
  double low = YarnDimension(rope.beta_fast, rope, dim);
  double high = YarnDimension(rope.beta_slow, rope, dim);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double keep = 1 - std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = static_cast<float>(frequencies[i] / rope.factor * (1 - keep) + frequencies[i] * keep);
  }
}

double YarnScale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double YarnAttentionFactor(const RopeConfig& rope) {
  if (rope.attention_factor > 0) return rope.attention_factor;
  if (rope.mscale != 0 && rope.mscale_all_dim != 0) {
    return YarnScale(rope.factor, rope.mscale) / YarnScale(rope.factor, rope.mscale_all_dim);
  }
  return YarnScale(rope.factor, 1);
}

}  // namespace

Rope::Rope(const LlamaConfig& config)
    : half_(config.head_dim / 2),
      rope_(config.rope),
      max_positions_(config.max_positions),
      frequencies_(PlainFrequencies(config.rope.theta, config.head_dim / 2)) {
  switch (rope_.kind) {
    case RopeConfig::Kind::kDefault:
    case RopeConfig::Kind::kDynamic:
      break;
    case RopeConfig::Kind::kLinear:
      for (float& frequency : frequencies_) frequency = static_cast<float>(frequency / rope_.factor);
      break;
    case RopeConfig::Kind::kLlama3:
      StretchLlama3(rope_, frequencies_);
      break;
    case RopeConfig::Kind::kYarn:
      StretchYarn(rope_, frequencies_);
      attention_factor_ = static_cast<float>(YarnAttentionFactor(rope_));
      break;
  }
}

void Rope::Angles(std::int64_t position, float* cos, float* sin) const {
  const bool stretched = rope_.kind == RopeConfig::Kind::kDynamic && position >= max_positions_;
  std::vector<float> own;
  if (stretched) {
    const double dim = 2.0 * static_cast<double>(half_);
    const double ratio =
        rope_.factor * static_cast<double>(position + 1) / static_cast<double>(max_positions_) -
        (rope_.factor - 1);
    own = PlainFrequencies(rope_.theta * std::pow(ratio, dim / (dim - 2)), half_);
  }
  const float* frequency = stretched ? own.data() : frequencies_.data();
  for (std::int64_t i = 0; i < half_; ++i) {
    const float angle = static_cast<float>(position) * frequency[i];
    cos[i] = std::cos(angle) * attention_factor_;
    sin[i] = std::sin(angle) * attention_factor_;
  }
}

}  // namespace altlas::model
