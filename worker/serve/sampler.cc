// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace altlas::serve {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kLanes = 8;
constexpr std::size_t kBlock = 256;

// The finalizer of MurmurHash3 with the constants that splitmix64 uses: a bijection that flips every output
// bit with probability one half for each input bit.
std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// e^x for x <= 0, branch-free so that compilers vectorize it, and the same bits on every machine, which the C
// library's is not. Relative error below 2e-7; 0 below -87.
inline float ExpNegative(float x) {
  const float clamped = x < -87.0f ? -87.0f : x;
  const int n = static_cast<int>(clamped * 1.44269504f - 0.5f);
  const float whole = static_cast<float>(n);
  const float r = (clamped - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.3888889e-3f;
  p = p * r + 8.3333333e-3f;
  p = p * r + 4.1666667e-2f;
  p = p * r + 1.6666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const float scaled = p * std::bit_cast<float>((n + 127) << 23);
  return x < -87.0f ? 0.0f : scaled;
}

struct Scan {
  float max = -kInfinity;
  bool garbage = false;  // a NaN or +infinity
};

Scan ScanLogits(std::span<const float> logits) {
  float max[kLanes];
  int bad[kLanes] = {};
  std::fill_n(max, kLanes, -kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float x = logits[i + lane];
      max[lane] = x > max[lane] ? x : max[lane];
      bad[lane] |= !(x < kInfinity);
    }
  }
  Scan scan;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    scan.max = std::max(scan.max, max[lane]);
    scan.garbage = scan.garbage || bad[lane] != 0;
  }
  for (; i < logits.size(); ++i) {
    if (!(logits[i] < kInfinity)) scan.garbage = true;
    scan.max = std::max(scan.max, logits[i]);
  }
  return scan;
}

void ApplyRepetitionPenalty(std::span<float> logits, std::span<const std::uint32_t> seen, double penalty) {
  const auto p = static_cast<float>(penalty);
  for (const auto id : seen) {
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit > 0 ? logit / p : logit * p;
  }
}

std::uint32_t FirstIndexOf(std::span<const float> logits, float value) {
  return static_cast<std::uint32_t>(std::find(logits.begin(), logits.end(), value) - logits.begin());
}

}  // namespace

double UniformAt(std::uint64_t seed, std::uint64_t position) {
  const std::uint64_t key = Mix(seed + 0x9e3779b97f4a7c15ULL);
  const std::uint64_t bits = Mix(key ^ Mix((position + 1) * 0xd1342543de82ef95ULL));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

Result<std::uint32_t> Sampler::Sample(std::span<float> logits, const SamplingParams& params,
                                      std::span<const std::uint32_t> seen, std::uint64_t position) {
  Scan scan = ScanLogits(logits);
  if (!scan.garbage && scan.max > -kInfinity && params.repetition_penalty != 1.0) {
    ApplyRepetitionPenalty(logits, seen, params.repetition_penalty);
    scan = ScanLogits(logits);
  }
  if (scan.garbage) {
    return Fail(
        ErrorCode::kInternal,
        "the model's logits hold a NaN or an infinity (output token {}): its weights or its computation are "
        "damaged, and no text is made from them",
        position);
  }
  if (!(scan.max > -kInfinity)) {
    return Fail(ErrorCode::kInternal,
                "the model allows no token at all (output token {}): every logit is -infinity", position);
  }
  if (params.temperature <= 0.0) return FirstIndexOf(logits, scan.max);
  const double uniform = UniformAt(params.seed, position);
  const bool filtered = params.top_k > 0 || params.top_p < 1.0 || params.min_p > 0.0;
  return filtered ? SampleFiltered(logits, scan.max, params, uniform)
                  : SampleUnfiltered(logits, scan.max, params.temperature, uniform);
}

// Weights are summed block by block: a short walk over the blocks finds the one that holds the draw.
std::uint32_t Sampler::SampleUnfiltered(std::span<const float> logits, float max, double temperature,
                                        double uniform) {
  const std::size_t n = logits.size();
  const std::size_t blocks = (n + kBlock - 1) / kBlock;
  weights_.resize(n + blocks);
  const std::span<float> weights(weights_.data(), n);
  const std::span<float> sums(weights_.data() + n, blocks);
  const auto inverse = static_cast<float>(1.0 / temperature);
  double total = 0.0;
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::size_t begin = b * kBlock;
    const std::size_t end = std::min(begin + kBlock, n);
    for (std::size_t i = begin; i < end; ++i) weights[i] = ExpNegative((logits[i] - max) * inverse);
    float sum = 0.0f;
    for (std::size_t i = begin; i < end; ++i) sum += weights[i];
    sums[b] = sum;
    total += static_cast<double>(sum);
  }
  double rest = uniform * total;
  std::size_t b = 0;
  while (b + 1 < blocks && rest >= static_cast<double>(sums[b])) rest -= static_cast<double>(sums[b++]);
  std::size_t last = n;
  for (std::size_t i = b * kBlock; i < n; ++i) {
    const auto weight = static_cast<double>(weights[i]);
    if (weight <= 0.0) continue;
    if (rest < weight) return static_cast<std::uint32_t>(i);
    rest -= weight;
    last = i;
  }
  // Rounding left a draw past the end: the last token that has any weight.
  return last < n ? static_cast<std::uint32_t>(last) : FirstIndexOf(logits, max);
}

void Sampler::KeepTopK(std::size_t k) {
  if (k >= candidates_.size()) return;
  const auto more = [](const Candidate& a, const Candidate& b) { return a.logit > b.logit; };
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k - 1),
                   candidates_.end(), more);
  const float threshold = candidates_[k - 1].logit;
  std::erase_if(candidates_, [&](const Candidate& c) { return c.logit < threshold; });
}

// Sorts only as many of the likeliest as the mass needs: with a real model a few dozen of 150,000.
void Sampler::KeepTopP(double top_p, float max, double temperature) {
  const auto inverse = static_cast<float>(1.0 / temperature);
  const auto weight = [&](const Candidate& c) {
    return static_cast<double>(ExpNegative((c.logit - max) * inverse));
  };
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  double total = 0.0;
  for (const auto& c : candidates_) total += weight(c);
  const double enough = top_p * total;
  double mass = 0.0;
  std::size_t kept = 0;
  std::size_t sorted = 0;
  for (std::size_t chunk = 64; kept < candidates_.size(); chunk *= 4) {
    const std::size_t end = std::min(sorted + chunk, candidates_.size());
    const auto at = [&](std::size_t i) { return candidates_.begin() + static_cast<std::ptrdiff_t>(i); };
    if (end < candidates_.size()) std::nth_element(at(sorted), at(end), candidates_.end(), before);
    std::sort(at(sorted), at(end), before);
    sorted = end;
    while (kept < sorted && (kept == 0 || mass < enough)) mass += weight(candidates_[kept++]);
    if (kept < sorted) break;
  }
  candidates_.resize(kept);
}

std::uint32_t Sampler::SampleFiltered(std::span<const float> logits, float max, const SamplingParams& params,
                                      double uniform) {
  candidates_.clear();
  candidates_.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInfinity) candidates_.push_back({logits[i], static_cast<std::uint32_t>(i)});
  }
  if (params.top_k > 0) KeepTopK(static_cast<std::size_t>(params.top_k));
  if (params.top_p < 1.0) KeepTopP(params.top_p, max, params.temperature);
  const auto inverse = static_cast<float>(1.0 / params.temperature);
  if (params.min_p > 0.0) {
    std::erase_if(candidates_, [&](const Candidate& c) {
      return static_cast<double>(ExpNegative((c.logit - max) * inverse)) < params.min_p;
    });
  }
  // In the order of ids: sorted by likelihood, the last bit of a logit could swap two tokens and with them
  // the draw.
  std::sort(candidates_.begin(), candidates_.end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  weights_.resize(candidates_.size());
  double total = 0.0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    weights_[i] = ExpNegative((candidates_[i].logit - max) * inverse);
    total += static_cast<double>(weights_[i]);
  }
  double rest = uniform * total;
  std::uint32_t chosen = FirstIndexOf(logits, max);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const auto weight = static_cast<double>(weights_[i]);
    if (weight <= 0.0) continue;
    chosen = candidates_[i].id;
    if (rest < weight) break;
    rest -= weight;
  }
  return chosen;
}

}  // namespace altlas::serve
