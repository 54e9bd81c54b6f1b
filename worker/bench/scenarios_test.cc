// SPDX-License-Identifier: Apache-2.0
// The scenarios on small models: what they measure is there, and what cannot be measured is told.
#include "worker/bench/scenarios.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/file.h"
#include "worker/bench/bench_device.h"
#include "worker/bench/bench_model.h"
#include "worker/bench/kernel_calls.h"
#include "worker/bench/named_shapes.h"
#include "worker/model/embedding_model.h"
#include "worker/model/load.h"
#include "worker/serve/fixture_model.h"

namespace altlas::bench {
namespace {

using profile::Summary;

double ValueOf(const Summary& summary, const std::string& name) {
  for (const auto& metric : summary.metrics) {
    if (metric.name == name) return metric.value;
  }
  return std::nan("");
}

bool HasFinding(const Summary& summary, const std::string& id) {
  for (const auto& finding : summary.findings) {
    if (finding.id == id) return true;
  }
  return false;
}

Workload Small(std::string model) {
  Workload workload;
  workload.model = std::move(model);
  workload.accelerator = "cpu";
  workload.threads = 1;
  workload.batch_size = 2;
  workload.sequence_length = 5;
  workload.new_tokens = 4;
  return workload;
}

TEST(NamedShapes, HaveTheSizesOfTheirModels) {
  EXPECT_EQ(ParametersOf(*FindShape("llama-7b")), 6'738'415'616);
  EXPECT_EQ(ParametersOf(*FindShape("llama-8b")), 8'030'261'248);
  EXPECT_EQ(ParametersOf(*FindShape("llama-1b")), 1'235'814'400);
  // The encoder without the pooler.
  EXPECT_EQ(ParametersOf(*FindShape("bert-base")), 108'891'648);
  for (const auto& name : ShapeNames()) EXPECT_EQ(FindShape(name)->name, name);
  EXPECT_FALSE(FindShape("gpt-5").has_value());
}

TEST(NamedShapes, RandomWeightsAreTheSameForAnyNumberOfThreads) {
  const auto config = std::get<model::LlamaConfig>(FindShape("llama-tiny")->config);
  SetThreads(1);
  const auto one = RandomLlama(config, 5, at::kFloat);
  SetThreads(3);
  const auto three = RandomLlama(config, 5, at::kFloat);
  const auto other = RandomLlama(config, 6, at::kFloat);
  SetThreads(1);
  EXPECT_TRUE(at::equal(one->embedding, three->embedding));
  EXPECT_FALSE(at::equal(one->embedding, other->embedding));
  EXPECT_FALSE(at::equal(one->layers[0].qkv, one->layers[1].qkv));
  EXPECT_NEAR(one->embedding.std().item<float>(), 0.02, 0.002);
  EXPECT_NEAR(one->embedding.mean().item<float>(), 0, 0.001);
}

TEST(NamedShapes, ARandomFolderLoadsAsItsFamily) {
  for (const char* name : {"llama-tiny", "bert-tiny"}) {
    TemporaryFolder folder;
    const auto shape = *FindShape(name);
    ASSERT_TRUE(WriteRandomFolder(shape, 1, at::kBFloat16, folder.path()).has_value());
    if (std::string_view(name).starts_with("bert")) {
      const auto model = model::LoadEmbeddingModel(folder.path());
      ASSERT_TRUE(model.has_value()) << model.error().message;
      EXPECT_EQ((*model)->info().parameter_count, ParametersOf(shape));
    } else {
      const auto model = model::LoadLanguageModel(folder.path());
      ASSERT_TRUE(model.has_value()) << model.error().message;
      EXPECT_EQ((*model)->info().parameter_count, ParametersOf(shape));
      EXPECT_EQ((*model)->info().context_length, 512);
    }
  }
}

TEST(InferScenario, AModelOfTextIsMeasuredByToken) {
  const auto summary = RunInferScenario({Small("llama-tiny"), 3, 1});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  for (const char* name :
       {"latency_p50", "latency_p99", "first_token_p50", "token_p50", "token_p99", "sequences_per_second",
        "prompt_tokens_per_second", "generated_tokens_per_second", "memory_peak", "memory_weights"})
    EXPECT_GT(ValueOf(*summary, name), 0) << name;
  EXPECT_GE(ValueOf(*summary, "latency_p99"), ValueOf(*summary, "latency_p50"));
  EXPECT_GT(ValueOf(*summary, "latency_p50"), ValueOf(*summary, "first_token_p50"));
  EXPECT_EQ(summary->metrics[0].samples.size(), 3u);
  EXPECT_EQ(summary->scenario->parameters.at("weights"), "random");
  // What is counted: two sequences of four tokens, the first of which belongs to the prompt.
  const auto model = OpenBenchModel(Small("llama-tiny"));
  const auto times = (*model)->Run();
  ASSERT_TRUE(times.has_value()) << times.error().message;
  EXPECT_EQ(times->steps.size(), 3u);
  EXPECT_DOUBLE_EQ(times->Total(),
                   times->first + std::accumulate(times->steps.begin(), times->steps.end(), 0.0));
}

TEST(InferScenario, WithoutNewTokensOnlyThePromptIsMeasured) {
  auto workload = Small("llama-tiny");
  workload.new_tokens = 0;
  workload.sequence_length = 512;
  const auto summary = RunInferScenario({workload, 2, 0});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_TRUE(std::isnan(ValueOf(*summary, "token_p50")));
  EXPECT_GT(ValueOf(*summary, "prompt_tokens_per_second"), 0);
}

TEST(InferScenario, AModelOfVectorsIsMeasuredByText) {
  const auto summary = RunInferScenario({Small("bert-tiny"), 3, 1});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_GT(ValueOf(*summary, "tokens_per_second"), 0);
  EXPECT_NEAR(ValueOf(*summary, "tokens_per_second"), 5 * ValueOf(*summary, "sequences_per_second"),
              1e-6 * ValueOf(*summary, "tokens_per_second"));
  EXPECT_TRUE(std::isnan(ValueOf(*summary, "token_p50")));
  EXPECT_EQ(summary->scenario->parameters.at("architecture"), "BertModel");
}

TEST(InferScenario, AFolderIsMeasuredToo) {
  TemporaryFolder folder;
  ASSERT_TRUE(serve::FixtureModel{}.WriteTo(folder.path() / "model").has_value());
  const auto summary = RunInferScenario({Small(folder.path() / "model"), 1, 0});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(summary->scenario->parameters.at("weights"), "of the folder");
}

TEST(Scenarios, WrongInputIsToldBeforeMeasuring) {
  auto workload = Small("no-such-model");
  EXPECT_EQ(RunInferScenario({workload, 1, 0}).error().code, ErrorCode::kNotFound);
  EXPECT_NE(RunInferScenario({workload, 1, 0}).error().message.find("bert-base"), std::string::npos);
  TemporaryFolder folder;
  workload.model = folder.path();
  EXPECT_EQ(RunInferScenario({workload, 1, 0}).error().code, ErrorCode::kNotFound);
  workload = Small("llama-tiny");
  workload.batch_size = 0;
  EXPECT_EQ(RunInferScenario({workload, 1, 0}).error().field, "--batch-size");
  workload = Small("bert-tiny");
  workload.sequence_length = 1 << 20;
  EXPECT_EQ(RunInferScenario({workload, 1, 0}).error().field, "--sequence-length");
  workload.dtype = "float8";
  EXPECT_FALSE(RunInferScenario({workload, 1, 0}).has_value());
  LoadScenario load;
  load.model = "llama-tiny";
  load.scratch = "/nowhere/at/all";
  EXPECT_EQ(RunLoadScenario(load).error().field, "--scratch");
  EXPECT_EQ(RunKernelScenario({"gemm", "2x", "float32", "cpu", 1, 1}).error().field, "--size");
}

TEST(MemoryScenario, APlantedLeakIsFound) {
  const auto summary = RunMemoryScenario({Small("llama-tiny"), 40, 2, 16'384});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(ValueOf(*summary, "growing"), 1);
  EXPECT_NEAR(ValueOf(*summary, "memory_in_use_slope"), 16'384, 1024);
  EXPECT_TRUE(HasFinding(*summary, "memory_in_use-growing"));
}

TEST(MemoryScenario, AModelThatKeepsNothingDoesNotGrow) {
  for (const char* name : {"llama-tiny", "bert-tiny"}) {
    const auto summary = RunMemoryScenario({Small(name), 40, 2, 0});
    ASSERT_TRUE(summary.has_value()) << summary.error().message;
    EXPECT_FALSE(HasFinding(*summary, "memory_in_use-growing")) << name;
    EXPECT_LT(ValueOf(*summary, "memory_in_use_slope"), 1024);
  }
}

TEST(LoadScenario, EveryPhaseIsMeasured) {
  TemporaryFolder folder;
  ASSERT_TRUE(serve::FixtureModel{}.WriteTo(folder.path() / "model").has_value());
  LoadScenario scenario;
  scenario.model = folder.path() / "model";
  scenario.accelerator = "cpu";
  scenario.runs = 2;
  const auto summary = RunLoadScenario(scenario);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  for (const char* name :
       {"warm_read", "warm_map", "warm_convert", "warm_tokenizer", "warm_load", "warm_read_rate"})
    EXPECT_GT(ValueOf(*summary, name), 0) << name;
  EXPECT_TRUE(std::isnan(ValueOf(*summary, "warm_upload"))) << "a processor needs no upload";
  EXPECT_EQ(ValueOf(*summary, "file_bytes"),
            static_cast<double>(std::filesystem::file_size(folder.path() / "model" / "model.safetensors")));
  const bool cold = ValueOf(*summary, "cold_load") > 0;
  EXPECT_TRUE(cold || !summary->warnings.empty()) << "without cold figures the reason is told";
}

TEST(LoadScenario, AShapeIsWrittenLoadedAndRemoved) {
  TemporaryFolder scratch;
  LoadScenario scenario;
  scenario.model = "bert-tiny";
  scenario.accelerator = "cpu";
  scenario.runs = 1;
  scenario.cold = false;
  scenario.scratch = scratch.path();
  const auto summary = RunLoadScenario(scenario);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(ValueOf(*summary, "parameters"), static_cast<double>(ParametersOf(*FindShape("bert-tiny"))));
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

// The worker's own loops against libtorch.
TEST(KernelScenario, BothWaysComputeTheSame) {
  for (const auto& [kind, text] :
       {std::pair{KernelKind::kGemm, "17x33x40"}, {KernelKind::kAttention, "2x3x9x16"}}) {
    const auto calls = MakeKernelCalls(*ParseKernelSize(kind, text), at::kFloat, at::kCPU);
    ASSERT_TRUE(calls.has_value());
    ASSERT_EQ(calls->size(), 2u);
    EXPECT_TRUE(at::allclose((*calls)[0].call(), (*calls)[1].call(), 1e-4, 1e-5)) << text;
  }
  EXPECT_EQ(MakeKernelCalls(*ParseKernelSize(KernelKind::kGemm, "8"), at::kBFloat16, at::kCPU)->size(), 1u);
  const auto conv = MakeKernelCalls(*ParseKernelSize(KernelKind::kConv, "1x2x6x7x3x3"), at::kFloat, at::kCPU);
  EXPECT_EQ((*conv)[0].call().sizes().vec(), (std::vector<std::int64_t>{1, 3, 6, 7}));
}

TEST(KernelScenario, StandsUnderTheMeasuredRoof) {
  const auto summary = RunKernelScenario({"attention", "1x2x32x16", "float32", "cpu", 1, 3});
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  for (const char* name : {"torch_time", "torch_flop_per_second", "torch_share_of_limit", "alt_las_time",
                           "limit_flop_per_second", "limit_bytes_per_second", "intensity"})
    EXPECT_GT(ValueOf(*summary, name), 0) << name;
  ASSERT_EQ(summary->kernel_details.size(), 2u);
  EXPECT_EQ(*summary->kernel_details[0].flop, 4.0 * 2 * 32 * 32 * 16);
  EXPECT_FALSE(summary->kernel_details[0].bound.empty());
  EXPECT_TRUE(summary->environment.contains("limit_flop_source"));
}

}  // namespace
}  // namespace altlas::bench
