// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/workload.h"

#include <gtest/gtest.h>

#include "worker/bench/summary_parts.h"

namespace altlas::bench {
namespace {

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;
const RequestShape kBert = {"bert", 512, 768, 3072, 4, false};
const RequestShape kLlama = {"llama", 512, 64, 192, 4, true};

Workload Of(std::int64_t batch, std::int64_t sequence, std::int64_t tokens) {
  Workload workload;
  workload.batch_size = batch;
  workload.sequence_length = sequence;
  workload.new_tokens = tokens;
  return workload;
}

TEST(Workload, SizesOutOfRangeNameTheirOption) {
  const auto field = [](const Workload& workload) {
    const auto checked = CheckWorkload(workload, kBert, kPlenty);
    return checked.has_value() ? std::string() : checked.error().field;
  };
  EXPECT_EQ(field(Of(1, 128, 32)), "");
  EXPECT_EQ(field(Of(0, 128, 32)), "--batch-size");
  EXPECT_EQ(field(Of(-3, 128, 32)), "--batch-size");
  EXPECT_EQ(field(Of(65'537, 1, 32)), "--batch-size");
  EXPECT_EQ(field(Of(1, 0, 32)), "--sequence-length");
  EXPECT_EQ(field(Of(1, 128, -1)), "--new-tokens");
}

TEST(Workload, TheContextBoundsPromptAndAnswer) {
  EXPECT_TRUE(CheckWorkload(Of(1, 512, 1000), kBert, kPlenty).has_value())
      << "a vector has no answer to count";
  EXPECT_FALSE(CheckWorkload(Of(1, 513, 0), kBert, kPlenty).has_value());
  // The last token that is written is never read back.
  EXPECT_TRUE(CheckWorkload(Of(1, 481, 32), kLlama, kPlenty).has_value());
  const auto refused = CheckWorkload(Of(1, 482, 32), kLlama, kPlenty);
  ASSERT_FALSE(refused.has_value());
  for (const char* part : {"482", "32", "513", "512", "llama"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  EXPECT_TRUE(CheckWorkload(Of(1, 512, 0), kLlama, kPlenty).has_value());
}

TEST(Workload, WhatTheMemoryCannotHoldIsRefusedBeforehand) {
  EXPECT_DOUBLE_EQ(LeastActivationBytes(kBert, 2, 10), 2.0 * 10 * (2 * 768 + 3072) * 4);
  const auto bytes = static_cast<std::uint64_t>(LeastActivationBytes(kBert, 1000, 512));
  EXPECT_TRUE(CheckWorkload(Of(1000, 512, 0), kBert, bytes).has_value());
  const auto refused = CheckWorkload(Of(1000, 512, 0), kBert, bytes - 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("GiB"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(CheckWeights("m", "float32", 1e9, 1'000'000'000).has_value());
  EXPECT_EQ(CheckWeights("m", "float32", 1e9, 999'999'999).error().code, ErrorCode::kTooLarge);
}

TEST(SummaryParts, AScenarioReadsBackAsItWasWritten) {
  auto summary = StartSummary("infer", {{"model", "x\n\"y\""}});
  AddSamples(summary, "latency_p50", "ms", {3, 1, 2}, "lower");
  AddSamples(summary, "none", "ms", {}, "lower");
  AddMetric(summary, "memory_peak", "B", 123, "lower");
  AddFinding(summary, "id", "info", "A sentence.", {{"slope", 1.5}}, "mend");
  AddWarning(summary, "careful");
  const auto read = profile::ParseSummary(profile::FormatSummary(summary));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_TRUE(read->scenario.has_value());
  EXPECT_EQ(read->scenario->name, "infer");
  EXPECT_EQ(read->scenario->parameters.at("model"), "x\n\"y\"");
  ASSERT_EQ(read->metrics.size(), 2u);
  EXPECT_EQ(read->metrics[0].value, 2);
  EXPECT_EQ(read->metrics[0].samples, (std::vector<double>{3, 1, 2}));
  EXPECT_EQ(read->metrics[1].better, "lower");
  ASSERT_EQ(read->findings.size(), 1u);
  EXPECT_EQ(read->findings[0].figures.at("slope"), 1.5);
  ASSERT_EQ(read->warnings.size(), 1u);
  ASSERT_EQ(read->sources.size(), 1u);
  EXPECT_EQ(read->sources[0].format, "bench");
}

}  // namespace
}  // namespace altlas::bench
