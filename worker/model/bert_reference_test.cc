// SPDX-License-Identifier: Apache-2.0
// Against transformers, by the folders of tests/fixtures/make_bert_fixtures.py.
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "worker/model/test_embedding_models.h"

namespace altlas::model {
namespace {

constexpr float kVectorTolerance = 1e-4F;

const char* const kBertVariants[] = {"bert_plain", "bert_masked_lm", "bert_pretraining",
                                     "bert_mean",  "bert_cls",       "bert_all"};

float WorstDifference(const std::vector<float>& got, const std::vector<float>& wanted) {
  if (got.size() != wanted.size()) return INFINITY;
  float worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(std::abs(got[i] - wanted[i]) <= worst)) worst = std::abs(got[i] - wanted[i]);
  }
  return worst;
}

class BertReference : public testing::TestWithParam<const char*> {};

TEST_P(BertReference, EachTextAloneHasTheVectorOfTransformers) {
  const auto model = LoadEmbeddingFixture(GetParam());
  for (const auto& one : ReadExpectedVectors(GetParam())) {
    const std::span<const std::uint32_t> ids = one.ids;
    const auto vectors = model->Embed({&ids, 1});
    ASSERT_TRUE(vectors.has_value()) << vectors.error().message;
    EXPECT_EQ(vectors->size(1), model->info().dimensions);
    EXPECT_LE(WorstDifference(VectorOf(*vectors, 0, model->info().normalizes), one.vector), kVectorTolerance)
        << one.ids.size() << " tokens";
  }
}

// What is padded must not be seen, in any order of lengths.
TEST_P(BertReference, AllTextsInOneBatchHaveTheVectorsOfTransformers) {
  const auto model = LoadEmbeddingFixture(GetParam());
  auto cases = ReadExpectedVectors(GetParam());
  for (int order = 0; order < 3; ++order) {
    const auto vectors = model->Embed(Views(cases));
    ASSERT_TRUE(vectors.has_value()) << vectors.error().message;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto got = VectorOf(*vectors, static_cast<std::int64_t>(i), model->info().normalizes);
      EXPECT_LE(WorstDifference(got, cases[i].vector), kVectorTolerance) << i << " in order " << order;
    }
    std::rotate(cases.begin(), cases.begin() + 3, cases.end());
  }
}

TEST_P(BertReference, HalfPrecisionStaysNearFloat32) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    const auto model = LoadEmbeddingFixture(GetParam(), {.name = "", .dtype = dtype});
    EXPECT_EQ(model->info().weight_bytes, 2 * model->info().parameter_count);
    const auto cases = ReadExpectedVectors(GetParam());
    const auto vectors = model->Embed(Views(cases));
    ASSERT_TRUE(vectors.has_value()) << vectors.error().message;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const auto got = VectorOf(*vectors, static_cast<std::int64_t>(i), model->info().normalizes);
      double error = 0, size = 0;
      for (std::size_t j = 0; j < got.size(); ++j) {
        error += std::pow(got[j] - cases[i].vector[j], 2);
        size += std::pow(cases[i].vector[j], 2);
      }
      // A wrong formula shows as 1.
      EXPECT_LT(std::sqrt(error / size), 0.1) << DtypeName(dtype) << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, BertReference, testing::ValuesIn(kBertVariants),
                         [](const auto& info) { return std::string(info.param); });

TEST(BertReferenceFolders, AreAllListedHere) {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::directory_iterator(EmbeddingFixture("")))
    count += one.is_directory();
  EXPECT_EQ(count, std::size(kBertVariants));
}

TEST(BertRandom, HasTheShapeAndTheSameNumbersForTheSameSeed) {
  BertConfig small = BertBase();
  EXPECT_EQ(small.layers * small.hidden_size, 12 * 768);
  small.layers = 2;
  small.vocab_size = 100;
  const std::vector<std::uint32_t> ids = {1, 99, 7};
  const std::span<const std::uint32_t> view = ids;
  std::vector<std::vector<float>> all;
  for (const std::uint64_t seed : {1, 1, 2}) {
    const auto model = BertModel::Random(small, seed, {});
    ASSERT_TRUE(model.has_value()) << model.error().message;
    const auto vectors = (*model)->Embed({&view, 1});
    ASSERT_TRUE(vectors.has_value()) << vectors.error().message;
    all.push_back(VectorOf(*vectors, 0, true));
    EXPECT_EQ(all.back().size(), 768u);
  }
  EXPECT_EQ(all[0], all[1]);
  EXPECT_GT(WorstDifference(all[0], all[2]), 1e-3);
}

TEST(BertRandom, BertBaseCountsItsParameters) {
  const BertConfig config = BertBase();
  BertWeights weights = AllocateBert(config, at::TensorOptions().device(at::kMeta));
  std::int64_t count = 0;
  for (const at::Tensor* one : weights.Parameters()) count += one->numel();
  EXPECT_EQ(count, 108'891'648);  // BertModel("bert-base-uncased") without its pooler
}

}  // namespace
}  // namespace altlas::model
