// SPDX-License-Identifier: Apache-2.0
// For tests: the committed folders of the BERT family and what transformers computed from them.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "worker/model/bert_model.h"

namespace altlas::model {

inline std::filesystem::path EmbeddingFixture(const std::string& name) {
  return std::filesystem::path(ALTLAS_SOURCE_DIR) / "tests/fixtures/embedding_models" / name;
}

struct ExpectedVector {
  std::vector<std::uint32_t> ids;
  std::vector<float> vector;
};

inline std::vector<ExpectedVector> ReadExpectedVectors(const std::string& name) {
  std::ifstream file(EmbeddingFixture(name) / "expected.json");
  std::vector<ExpectedVector> cases;
  const nlohmann::json json = nlohmann::json::parse(file);
  for (const auto& one : json["cases"]) cases.push_back({one["ids"], one["vector"]});
  if (cases.size() != 7) throw std::runtime_error(name + " has not the seven cases that its script makes");
  return cases;
}

inline std::unique_ptr<BertModel> LoadEmbeddingFixture(const std::string& name,
                                                       const LoadOptions& options = {}) {
  auto model = BertModel::Load(EmbeddingFixture(name), options);
  if (!model.has_value()) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

inline std::vector<std::span<const std::uint32_t>> Views(const std::vector<ExpectedVector>& cases) {
  std::vector<std::span<const std::uint32_t>> views;
  for (const auto& one : cases) views.emplace_back(one.ids);
  return views;
}

inline std::vector<float> VectorOf(const at::Tensor& vectors, std::int64_t row, bool normalize) {
  const float* data = vectors.const_data_ptr<float>() + row * vectors.size(1);
  std::vector<float> out(data, data + vectors.size(1));
  double square = 0;
  for (const float value : out) square += static_cast<double>(value) * value;
  if (normalize) {
    for (float& value : out) value = static_cast<float>(value / std::sqrt(square));
  }
  return out;
}

}  // namespace altlas::model
