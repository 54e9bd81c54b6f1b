// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/sampler.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/random.h"

namespace altlas::serve {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
using Logits = std::vector<float>;

Result<std::uint32_t> SampleFrom(Logits logits, const SamplingParams& params, std::uint64_t position = 0,
                                 std::vector<std::uint32_t> seen = {}) {
  Sampler sampler;
  return sampler.Sample(logits, params, seen, position);
}

std::uint32_t MustSample(const Logits& logits, const SamplingParams& params, std::uint64_t position = 0,
                         const std::vector<std::uint32_t>& seen = {}) {
  const auto id = SampleFrom(logits, params, position, seen);
  EXPECT_TRUE(id.has_value()) << (id.has_value() ? "" : id.error().message);
  return id.value_or(0xffffffff);
}

// The probabilities that the header promises, written down a second time: plainly, in doubles, with full
// sorts.
std::vector<double> ReferenceProbabilities(const Logits& logits, const SamplingParams& params,
                                           const std::vector<std::uint32_t>& seen) {
  const std::size_t n = logits.size();
  std::vector<double> score(logits.begin(), logits.end());
  for (const auto id : seen) {
    score[id] = score[id] > 0 ? score[id] / params.repetition_penalty : score[id] * params.repetition_penalty;
  }
  for (auto& s : score) s /= params.temperature;
  const double gone = -std::numeric_limits<double>::infinity();
  const auto softmax = [&] {
    const double max = *std::max_element(score.begin(), score.end());
    std::vector<double> p(n);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += p[i] = std::exp(score[i] - max);
    for (auto& x : p) x /= sum;
    return p;
  };
  if (params.top_k > 0 && params.top_k < static_cast<int>(n)) {
    auto sorted = score;
    std::sort(sorted.rbegin(), sorted.rend());
    const double threshold = sorted[static_cast<std::size_t>(params.top_k) - 1];
    for (auto& s : score) s = s < threshold ? gone : s;
  }
  if (params.top_p < 1.0) {
    const auto p = softmax();
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] > p[b]; });
    double before = 0;
    for (std::size_t rank = 0; rank < n; ++rank) {
      if (rank > 0 && before >= params.top_p) score[order[rank]] = gone;
      before += p[order[rank]];
    }
  }
  if (params.min_p > 0) {
    const auto p = softmax();
    const double top = *std::max_element(p.begin(), p.end());
    for (std::size_t i = 0; i < n; ++i) score[i] = p[i] < params.min_p * top ? gone : score[i];
  }
  return softmax();
}

Logits RandomLogits(std::uint64_t seed, std::size_t n, float spread) {
  Random random(seed);
  Logits logits(n);
  for (auto& l : logits) l = static_cast<float>(random.Unit() * 2 - 1) * spread;
  return logits;
}

// Draws `draws` tokens at positions 0, 1, ... and returns Pearson's statistic over its degrees of freedom;
// tokens expected fewer than five times share one cell. Tokens of probability zero must not occur.
double ChiSquarePerDegree(const Logits& logits, const SamplingParams& params,
                          const std::vector<std::uint32_t>& seen, int draws) {
  const auto p = ReferenceProbabilities(logits, params, seen);
  std::vector<int> count(logits.size());
  Sampler sampler;
  for (int position = 0; position < draws; ++position) {
    auto scratch = logits;
    const auto id = sampler.Sample(scratch, params, seen, static_cast<std::uint64_t>(position));
    if (!id.has_value()) ADD_FAILURE() << id.error().message;
    ++count[id.value_or(0)];
  }
  double statistic = 0, rest_expected = 0, rest_count = 0;
  int cells = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double expected = p[i] * draws;
    if (p[i] == 0) {
      EXPECT_EQ(count[i], 0) << "token " << i << " was filtered out and chosen";
    } else if (expected < 5) {
      rest_expected += expected;
      rest_count += count[i];
    } else {
      statistic += (count[i] - expected) * (count[i] - expected) / expected;
      ++cells;
    }
  }
  if (rest_expected >= 5) {
    statistic += (rest_count - rest_expected) * (rest_count - rest_expected) / rest_expected;
    ++cells;
  }
  return cells > 1 ? statistic / (cells - 1) : 0.0;
}

TEST(Sampler, GreedyTakesTheHighestLogitAndTheLowestIdAmongEquals) {
  EXPECT_EQ(MustSample({0, 3, 1, 3}, {}), 1u);
  EXPECT_EQ(MustSample({-5, -5, -5}, {}), 0u);
  Logits many(1000, -1.0f);
  many[777] = 2.0f;
  EXPECT_EQ(MustSample(many, {}), 777u);
}

TEST(Sampler, GreedyIgnoresSeedPositionAndFilters) {
  const SamplingParams params{.temperature = 0, .top_k = 1, .top_p = 0.1, .min_p = 0.9, .seed = 99};
  EXPECT_EQ(MustSample({0, 1, 2, 1}, params, 12345), 2u);
}

TEST(Sampler, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  const SamplingParams params{.repetition_penalty = 2.0};
  EXPECT_EQ(MustSample({1.9f, 3.0f, 1.4f}, params, 0, {1}), 0u);
  EXPECT_EQ(MustSample({-3.0f, -2.0f, -3.5f}, params, 0, {1}), 0u);
  EXPECT_EQ(MustSample({1.0f, 0.0f}, params, 0, {0}), 0u);
}

TEST(Sampler, UnfilteredDrawsFollowTheSoftmax) {
  for (const std::size_t n : {2, 50, 256, 257, 600}) {
    const auto logits = RandomLogits(n, n, 3.0f);
    EXPECT_LT(ChiSquarePerDegree(logits, {.temperature = 0.8, .seed = n}, {}, 8'000), n == 2 ? 8.0 : 1.7)
        << n;
  }
}

TEST(Sampler, FilteredDrawsFollowTheReference) {
  const std::vector<SamplingParams> cases = {
      {.temperature = 1.0, .top_k = 7, .seed = 1},
      {.temperature = 0.7, .top_p = 0.8, .seed = 2},
      {.temperature = 1.5, .min_p = 0.2, .seed = 3},
      {.temperature = 0.9, .top_k = 40, .top_p = 0.95, .min_p = 0.05, .repetition_penalty = 1.3, .seed = 4},
      {.temperature = 3.0, .top_k = 300, .top_p = 0.99, .repetition_penalty = 0.8, .seed = 5},
  };
  const std::vector<std::uint32_t> seen = {0, 3, 5, 250, 399};
  const auto logits = RandomLogits(7, 400, 6.0f);
  for (const auto& params : cases) {
    EXPECT_LT(ChiSquarePerDegree(logits, params, seen, 8'000), 2.2) << "seed " << params.seed;
  }
}

// With every filter the set of tokens that can be chosen equals the reference's: their sum of probabilities
// is walked by many draws in a small vocabulary, where each kept token is likely enough to turn up.
TEST(Sampler, KeepsExactlyTheTokensOfTheReference) {
  EXPECT_TRUE(rc::check([] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 12);
    Logits logits(n);
    for (auto& l : logits) l = static_cast<float>(*rc::gen::inRange(-4, 5)) * 0.25f;  // many equals
    SamplingParams params;
    params.temperature = *rc::gen::element(0.5, 1.0, 2.0);
    params.top_k = *rc::gen::inRange(0, 14);
    params.top_p = *rc::gen::element(1.0, 0.9123, 0.5077, 0.1011);
    params.min_p = *rc::gen::element(0.0, 0.0531, 0.3017, 0.9);
    params.seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto p = ReferenceProbabilities(logits, params, {});
    std::set<std::uint32_t> expected, found;
    for (std::size_t i = 0; i < n; ++i) {
      if (p[i] > 0) expected.insert(static_cast<std::uint32_t>(i));
    }
    Sampler sampler;
    for (std::uint64_t position = 0; position < 40000 && found.size() < expected.size(); ++position) {
      auto scratch = logits;
      found.insert(sampler.Sample(scratch, params, {}, position).value());
    }
    for (std::uint64_t position = 50000; position < 50100; ++position) {
      auto scratch = logits;
      found.insert(sampler.Sample(scratch, params, {}, position).value());
    }
    RC_ASSERT(found == expected);
  }));
}

TEST(Sampler, TopPOverAFlatVocabularyNeedsManyChunks) {
  const Logits flat(1000, 1.0f);
  const SamplingParams params{.temperature = 1.0, .top_p = 0.5, .seed = 11};
  std::uint32_t highest = 0;
  for (std::uint64_t position = 0; position < 4000; ++position) {
    highest = std::max(highest, MustSample(flat, params, position));
  }
  // Equals are taken in the order of ids: the lower half.
  EXPECT_LT(highest, 501u);
  EXPECT_GT(highest, 480u);
}

TEST(Sampler, MinusInfinityIsNeverChosen) {
  const Logits logits = {-kInf, 0.0f, -kInf, 1.0f};
  for (std::uint64_t position = 0; position < 500; ++position) {
    const auto plain = MustSample(logits, {.temperature = 50.0, .seed = 3}, position);
    const auto filtered = MustSample(logits, {.temperature = 50.0, .top_k = 4, .seed = 3}, position);
    EXPECT_TRUE(plain == 1 || plain == 3);
    EXPECT_TRUE(filtered == 1 || filtered == 3);
  }
  EXPECT_EQ(MustSample(logits, {.repetition_penalty = 2.0}, 0, {0, 3}), 3u);
}

TEST(Sampler, GarbageIsAnErrorAndNeverAToken) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t at : {0u, 7u, 8u, 19u}) {
    for (const float bad : {nan, -nan, kInf}) {
      for (const double temperature : {0.0, 1.0}) {
        Logits logits(20, 1.0f);
        logits[at] = bad;
        const auto id = SampleFrom(logits, {.temperature = temperature, .repetition_penalty = 1.2}, 0, {1});
        ASSERT_FALSE(id.has_value()) << at;
        EXPECT_EQ(id.error().code, ErrorCode::kInternal);
      }
    }
  }
  EXPECT_FALSE(SampleFrom(Logits(20, -kInf), {}).has_value());
  EXPECT_FALSE(SampleFrom(Logits(20, -kInf), {.temperature = 1.0}).has_value());
}

TEST(Sampler, APenaltyThatOverflowsIsAnError) {
  EXPECT_FALSE(SampleFrom({3e38f, 1.0f}, {.repetition_penalty = 1e-6}, 0, {0}).has_value());
}

TEST(Sampler, ExtremeTemperaturesStayInRange) {
  const auto logits = RandomLogits(5, 300, 20.0f);
  const auto greedy = MustSample(logits, {});
  for (std::uint64_t position = 0; position < 200; ++position) {
    EXPECT_EQ(MustSample(logits, {.temperature = 1e-5, .seed = 1}, position), greedy);
    EXPECT_LT(MustSample(logits, {.temperature = 1e6, .seed = 1}, position), 300u);
  }
}

TEST(Sampler, TheSameSeedAndPositionGiveTheSameToken) {
  const auto logits = RandomLogits(1, 500, 2.0f);
  Sampler used;  // scratch memory from other draws must not matter
  for (std::uint64_t position = 0; position < 100; ++position) {
    const SamplingParams params{.temperature = 1.0, .top_p = position % 2 == 0 ? 1.0 : 0.9, .seed = 42};
    auto scratch = logits;
    EXPECT_EQ(used.Sample(scratch, params, {}, position).value(), MustSample(logits, params, position));
  }
}

// Known values: they pin the function, because a task may go on under a newer program.
TEST(UniformAt, NeverChanges) {
  EXPECT_DOUBLE_EQ(UniformAt(0, 0), 0.5247670777711131);
  EXPECT_DOUBLE_EQ(UniformAt(1, 0), 0.17926444971288724);
  EXPECT_DOUBLE_EQ(UniformAt(18446744073709551615ULL, 1000000), 0.404759086147474);
}

TEST(UniformAt, IsUniformOverPositionsAndOverSeeds) {
  for (const bool over_seeds : {false, true}) {
    constexpr int kCells = 64, kDraws = 64'000;
    std::vector<int> count(kCells);
    double product = 0, before = 0.5;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const double u = over_seeds ? UniformAt(i, 7) : UniformAt(7, i);
      ASSERT_GE(u, 0.0);
      ASSERT_LT(u, 1.0);
      ++count[static_cast<std::size_t>(u * kCells)];
      product += (u - 0.5) * (before - 0.5);
      before = u;
    }
    double statistic = 0;
    for (const int c : count) statistic += (c - 1000.0) * (c - 1000.0) / 1000.0;
    EXPECT_LT(statistic / (kCells - 1), 1.6);
    // Neighbours are uncorrelated: the sum has a standard deviation of sqrt(64000) / 12 = 21.
    EXPECT_LT(std::abs(product), 100.0);
  }
}

}  // namespace
}  // namespace altlas::serve
