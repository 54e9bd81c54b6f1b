// SPDX-License-Identifier: Apache-2.0
#include <ATen/Parallel.h>

#include <cmath>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "worker/bench/named_shapes.h"
#include "worker/bench/units.h"
#include "worker/model/bert_weights.h"
#include "worker/model/load.h"
#include "worker/model/safetensors_write.h"

namespace altlas::bench {
namespace {

constexpr std::int64_t kChunk = 1 << 16;
const float kReach = 0.02F * std::sqrt(3.0F);  // a uniform distribution of deviation 0.02 ends there

// Chunk by chunk, each with a generator of its own, so that threads change nothing.
void FillUniform(at::Tensor& tensor, std::uint64_t seed) {
  const at::Tensor flat = tensor.view({-1});
  const std::int64_t chunks = (flat.numel() + kChunk - 1) / kChunk;
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::Tensor values = at::empty({kChunk}, at::kFloat);
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t count = std::min(kChunk, flat.numel() - chunk * kChunk);
      Random random(seed + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(chunk + 1));
      auto* value = values.data_ptr<float>();
      for (std::int64_t i = 0; i < count; ++i)
        value[i] = kReach * (2 * static_cast<float>(random.Unit()) - 1);
      flat.narrow(0, chunk * kChunk, count).copy_(values.narrow(0, 0, count));
    }
  });
}

template <typename Places>
std::vector<model::NamedTensor> AsNamed(const Places& places) {
  std::vector<model::NamedTensor> named;
  for (const auto& place : places)
    named.push_back({place.name, place.target->narrow(0, place.row, place.shape[0])});
  return named;
}

// As the reader asks for it (bert_config.h).
std::string FormatBertConfig(const model::BertConfig& config, std::string_view dtype) {
  JsonWriter json;
  json.BeginObject().Key("architectures").BeginArray().String("BertModel").EndArray();
  json.Key("model_type").String("bert").Key("hidden_act").String("gelu").Key("torch_dtype").String(dtype);
  json.Key("vocab_size").Int(config.vocab_size).Key("hidden_size").Int(config.hidden_size);
  json.Key("intermediate_size").Int(config.intermediate_size).Key("num_hidden_layers").Int(config.layers);
  json.Key("num_attention_heads").Int(config.heads).Key("max_position_embeddings").Int(config.max_positions);
  json.Key("type_vocab_size").Int(config.types).Key("layer_norm_eps").Double(config.layer_norm_eps);
  json.Key("pad_token_id").Int(config.padding_id).EndObject();
  return json.Take();
}

Status CheckRoom(const std::filesystem::path& folder, double bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  if (error || static_cast<double>(space.available) > 1.05 * bytes) return {};
  return Fail(ErrorCode::kStorageFull,
              "{} has {} free, and the random weights take {}: name another folder by --scratch",
              folder.string(), BytesText(static_cast<double>(space.available)), BytesText(bytes));
}

}  // namespace

Result<model::LlamaWeights> RandomLlama(const model::LlamaConfig& config, std::uint64_t seed,
                                        const at::TensorOptions& options) {
  try {
    model::LlamaWeights weights = model::AllocateLlama(config, options);
    std::uint64_t number = 0;
    for (at::Tensor* one : weights.Parameters()) {
      ++number;
      if (one->dim() == 1) {
        one->fill_(1);
      } else {
        FillUniform(*one, seed + (number << 40U));
      }
    }
    return weights;
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "no memory for the random weights: {}", error.what());
  }
}

Status WriteRandomFolder(const NamedShape& shape, std::uint64_t seed, at::ScalarType dtype,
                         const std::filesystem::path& folder) {
  const auto options = at::TensorOptions().dtype(dtype);
  ALTLAS_TRY_VOID(CheckRoom(
      folder, static_cast<double>(ParametersOf(shape)) * static_cast<double>(c10::elementSize(dtype))));
  const auto file = folder / "model.safetensors";
  if (const auto* llama = std::get_if<model::LlamaConfig>(&shape.config)) {
    model::LlamaConfig config = *llama;
    config.dtype = dtype;
    ALTLAS_TRY(auto weights, RandomLlama(config, seed, options));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "config.json", model::FormatLlamaConfig(config)));
    return model::WriteSafetensors(file, AsNamed(model::LlamaTensorPlaces(config, weights)));
  }
  const auto& config = std::get<model::BertConfig>(shape.config);
  try {
    model::BertWeights weights = model::AllocateBert(config, options);
    model::InitialiseBert(seed, weights);
    ALTLAS_TRY_VOID(
        WriteFileAtomically(folder / "config.json", FormatBertConfig(config, model::DtypeName(dtype))));
    return model::WriteSafetensors(
        file, AsNamed(model::BertTensorPlaces(config, model::ShardedTensors(), weights)));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "no memory for the random weights: {}", error.what());
  }
}

}  // namespace altlas::bench
