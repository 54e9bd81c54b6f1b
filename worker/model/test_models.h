// SPDX-License-Identifier: Apache-2.0
// For tests: the committed fixture folders and what transformers computed from them.
#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "worker/model/llama_model.h"

namespace altlas::model {

inline std::filesystem::path FixtureFolder(const std::string& name) {
  return std::filesystem::path(ALTLAS_SOURCE_DIR) / "tests/fixtures/models" / name;
}

struct ExpectedCase {
  std::vector<std::int64_t> prompt, greedy;
  std::vector<float> logits, last_logits;
};

inline std::vector<ExpectedCase> ReadExpected(const std::string& name) {
  std::ifstream file(FixtureFolder(name) / "expected.json");
  std::vector<ExpectedCase> cases;
  const nlohmann::json json = nlohmann::json::parse(file);
  for (const auto& one : json["cases"]) {
    cases.push_back({one["prompt"], one["greedy"], one["logits"], one["last_logits"]});
  }
  if (cases.size() != 3) throw std::runtime_error(name + " has not the three cases that its script makes");
  return cases;
}

inline std::unique_ptr<LlamaModel> LoadFixture(const std::string& name,
                                               const CpuKernels* kernels = &BestCpuKernels(),
                                               const LoadOptions& options = {}) {
  auto model = LlamaModel::Load(FixtureFolder(name), options, kernels);
  if (!model.has_value()) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

inline KvCache MakeCache(const LanguageModel& model, std::int64_t slots, std::int64_t tokens) {
  return *KvCache::Create(model.info(), slots, tokens, std::int64_t{1} << 30);
}

inline std::vector<float> Row(const at::Tensor& logits, std::int64_t row) {
  const float* data = logits.const_data_ptr<float>() + row * logits.size(1);
  return {data, data + logits.size(1)};
}

inline std::int64_t Largest(const std::vector<float>& row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

}  // namespace altlas::model
