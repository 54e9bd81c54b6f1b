// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <thread>

#include "worker/model/test_models.h"

namespace altlas::model {
namespace {

std::vector<std::int64_t> Prompt(std::int64_t length, std::int64_t seed) {
  std::vector<std::int64_t> ids{1};
  while (static_cast<std::int64_t>(ids.size()) < length)
    ids.push_back(3 + (seed * 7 + static_cast<std::int64_t>(ids.size()) * 11) % 61);
  return ids;
}

// A sequence as the serving engine would drive it: some of its prompt, or its newest token, each step.
struct Sequence {
  std::vector<std::int64_t> ids;
  std::int64_t prompt;
  std::int64_t done = 0;
  std::vector<std::vector<float>> rows = {};
};

// Runs all sequences in one batch, prompts in chunks, until each has `grow` ids more; joins late those with
// an odd number.
void RunTogether(LlamaModel& model, std::vector<Sequence>& sequences, std::int64_t chunk, std::int64_t grow) {
  KvCache cache = MakeCache(model, static_cast<std::int64_t>(sequences.size()), 80);
  for (int step = 0; step < 200; ++step) {
    StepBatch batch;
    std::vector<std::size_t> wanting;
    for (std::size_t i = 0; i < sequences.size(); ++i) {
      Sequence& one = sequences[i];
      const bool waits = i % 2 == 1 && step < 3;
      const auto length = static_cast<std::int64_t>(one.ids.size());
      if (waits || length == one.prompt + grow) continue;
      const std::int64_t count = std::min(chunk, length - one.done);
      const bool last = one.done + count == length;
      batch.slices.push_back({static_cast<std::int64_t>(i), one.done, count, last});
      batch.tokens.insert(batch.tokens.end(), one.ids.begin() + one.done, one.ids.begin() + one.done + count);
      one.done += count;
      if (last) wanting.push_back(i);
    }
    if (batch.slices.empty() && step > 3) return;
    if (batch.slices.empty()) continue;
    const auto logits = model.Forward(batch, cache);
    ASSERT_TRUE(logits.has_value()) << logits.error().message;
    ASSERT_EQ(logits->size(0), static_cast<std::int64_t>(wanting.size()));
    for (std::size_t row = 0; row < wanting.size(); ++row) {
      Sequence& one = sequences[wanting[row]];
      one.rows.push_back(Row(*logits, static_cast<std::int64_t>(row)));
      one.ids.push_back(Largest(one.rows.back()));
    }
  }
  FAIL() << "never finished";
}

std::vector<Sequence> MixedLengths() {
  std::vector<Sequence> all;
  for (const std::int64_t length : {1, 33, 5, 40, 17}) all.push_back({Prompt(length, length), length});
  return all;
}

class Batches : public testing::TestWithParam<const char*> {};

TEST_P(Batches, OfMixedLengthsInChunksGiveTheBitsOfOneByOne) {
  for (const CpuKernels* kernels : AvailableCpuKernels()) {
    SCOPED_TRACE(kernels->name);
    const auto model = LoadFixture(GetParam(), kernels);
    std::vector<Sequence> together = MixedLengths();
    RunTogether(*model, together, 7, 12);
    for (std::size_t i = 0; i < together.size(); ++i) {
      std::vector<Sequence> alone{MixedLengths()[i]};
      RunTogether(*model, alone, 80, 12);
      EXPECT_EQ(alone[0].ids, together[i].ids);
      EXPECT_EQ(alone[0].rows, together[i].rows);
    }
  }
}

TEST_P(Batches, WithAtenGiveTheTextOfOneByOne) {
  const auto model = LoadFixture(GetParam(), nullptr);
  std::vector<Sequence> together = MixedLengths();
  RunTogether(*model, together, 7, 12);
  for (std::size_t i = 0; i < together.size(); ++i) {
    std::vector<Sequence> alone{MixedLengths()[i]};
    RunTogether(*model, alone, 80, 12);
    EXPECT_EQ(alone[0].ids, together[i].ids);
    for (std::size_t row = 0; row < alone[0].rows.size(); ++row) {
      for (std::size_t j = 0; j < alone[0].rows[row].size(); ++j)
        EXPECT_NEAR(alone[0].rows[row][j], together[i].rows[row][j], 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, Batches,
                         testing::Values("llama_untied", "llama_head_dim", "llama_dynamic", "qwen2_window",
                                         "mistral_window"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Threads, DoNotChangeABit) {
  const auto model = LoadFixture("llama_biases");
  std::vector<Sequence> one = MixedLengths();
  std::vector<Sequence> three = MixedLengths();
  at::set_num_threads(1);
  RunTogether(*model, one, 16, 8);
  at::set_num_threads(3);
  RunTogether(*model, three, 16, 8);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].rows, three[i].rows);
}

TEST(Slots, AreReusedFromPositionZero) {
  const auto model = LoadFixture("llama_tied");
  KvCache cache = MakeCache(*model, 1, 64);
  const auto run = [&](std::int64_t length, std::int64_t seed) {
    return Row(*model->Forward({Prompt(length, seed), {{0, 0, length, true}}}, cache), 0);
  };
  const std::vector<float> first = run(9, 1);
  run(50, 2);
  EXPECT_EQ(run(9, 1), first);
}

TEST(Steps, OutOfRangeAreRefusedAndChangeNothing) {
  const auto model = LoadFixture("llama_tied");
  KvCache cache = MakeCache(*model, 2, 32);
  const auto good = [&] { return Row(*model->Forward({{1, 4, 5}, {{0, 0, 3, true}}}, cache), 0); };
  const std::vector<float> before = good();
  const std::vector<StepBatch> bad = {{{}, {}},
                                      {{1}, {}},
                                      {{1}, {{2, 0, 1, true}}},
                                      {{1}, {{-1, 0, 1, true}}},
                                      {{1, 2}, {{0, 0, 1, true}}},
                                      {{1, 2}, {{0, 0, 1, true}, {0, 1, 1, true}}},
                                      {{1}, {{0, 32, 1, true}}},
                                      {{1}, {{0, -1, 1, true}}},
                                      {{1}, {{0, 0, 0, true}}},
                                      {{1, 1}, {{0, 31, 2, true}}},
                                      {{64}, {{0, 0, 1, true}}},
                                      {{-1}, {{0, 0, 1, true}}},
                                      {{1}, {{0, INT64_MAX, 1, true}}},
                                      {{1}, {{0, 1, INT64_MAX, true}}}};
  for (const StepBatch& one : bad) {
    const auto result = model->Forward(one, cache);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(good(), before);
}

TEST(Steps, WithoutWishesGiveNoRows) {
  const auto model = LoadFixture("llama_tied");
  KvCache cache = MakeCache(*model, 2, 32);
  EXPECT_EQ(model->Forward({{1, 4, 5}, {{0, 0, 3, false}}}, cache)->size(0), 0);
}

TEST(Steps, RefuseACacheOfAnotherModel) {
  const auto model = LoadFixture("llama_tied");
  const auto other = LoadFixture("llama_head_dim");
  KvCache cache = MakeCache(*other, 1, 32);
  EXPECT_FALSE(model->Forward({{1}, {{0, 0, 1, true}}}, cache).has_value());
}

}  // namespace
}  // namespace altlas::model
