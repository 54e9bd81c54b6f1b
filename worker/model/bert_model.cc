// SPDX-License-Identifier: Apache-2.0
#include "worker/model/bert_model.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "worker/model/folder.h"

namespace altlas::model {
namespace {

EmbeddingModelInfo MakeBertInfo(const BertConfig& config, BertWeights& weights, const Pooling& pooling,
                                std::string name) {
  EmbeddingModelInfo info;
  info.name = std::move(name);
  info.architecture = config.architecture;
  info.vocab_size = config.vocab_size;
  info.context_length =
      pooling.max_tokens > 0 ? std::min(pooling.max_tokens, config.max_positions) : config.max_positions;
  info.dimensions = config.hidden_size * static_cast<std::int64_t>(pooling.modes.size());
  info.layers = config.layers;
  info.hidden_size = config.hidden_size;
  info.padding_id = config.padding_id;
  info.normalizes = pooling.normalize;
  info.dtype = weights.words.scalar_type();
  info.device = weights.words.device();
  for (const at::Tensor* one : weights.Parameters()) {
    info.parameter_count += one->numel();
    info.weight_bytes += static_cast<std::int64_t>(one->nbytes());
  }
  return info;
}

at::Tensor Activate(BertConfig::Activation activation, const at::Tensor& x) {
  switch (activation) {
    case BertConfig::Activation::kGelu:
      return at::gelu(x);
    case BertConfig::Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case BertConfig::Activation::kRelu:
      return at::relu(x);
    case BertConfig::Activation::kSilu:
      return at::silu(x);
  }
  return x;
}

at::TensorOptions OptionsFor(const LoadOptions& options, at::ScalarType folders) {
  const auto dtype = options.dtype.value_or(options.device.is_cpu() ? at::kFloat : folders);
  return at::TensorOptions().dtype(dtype).device(options.device);
}

}  // namespace

BertModel::BertModel(BertConfig config, BertWeights weights, Pooling pooling, std::string name)
    : config_(std::move(config)),
      weights_(std::move(weights)),
      pooling_(std::move(pooling)),
      info_(MakeBertInfo(config_, weights_, pooling_, std::move(name))) {}

Result<std::unique_ptr<BertModel>> BertModel::Load(const std::filesystem::path& folder,
                                                   const LoadOptions& options) {
  ALTLAS_TRY(const FolderTexts texts, ReadFolderTexts(folder));
  const std::string where = "model folder " + folder.string();
  ALTLAS_TRY(BertConfig config, ParseBertConfig(texts.config).Context(where));
  ALTLAS_TRY(Pooling pooling, ReadPooling(folder, config.hidden_size).Context(where));
  try {
    ALTLAS_TRY(const ShardedTensors tensors, ShardedTensors::Open(folder).Context(where));
    BertWeights shapes = AllocateBert(config, at::TensorOptions().device(at::kMeta));
    ALTLAS_TRY_VOID(
        CheckTensors(BertTensorPlaces(config, tensors, shapes), tensors, config.architecture, IsBertExtra)
            .Context(where));
    BertWeights weights = AllocateBert(config, OptionsFor(options, config.dtype));
    ALTLAS_TRY_VOID(CopyTensors(BertTensorPlaces(config, tensors, weights), tensors).Context(where));
    return std::make_unique<BertModel>(std::move(config), std::move(weights), std::move(pooling),
                                       NameOf(folder, options));
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "{}: loading failed: {}", where, error.what());
  }
}

Result<std::unique_ptr<BertModel>> BertModel::Random(const BertConfig& config, std::uint64_t seed,
                                                     const LoadOptions& options) {
  try {
    BertWeights weights = AllocateBert(config, OptionsFor(options, config.dtype));
    InitialiseBert(seed, weights);
    return std::make_unique<BertModel>(config, std::move(weights), Pooling{},
                                       options.name.empty() ? "bert" : options.name);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kUnavailable, "a random model of {} layers of {} failed: {}", config.layers,
                config.hidden_size, error.what());
  }
}

Result<std::unique_ptr<EmbeddingModel>> LoadEmbeddingModel(const std::filesystem::path& folder,
                                                           const LoadOptions& options) {
  ALTLAS_TRY(std::unique_ptr<BertModel> model, BertModel::Load(folder, options));
  return std::unique_ptr<EmbeddingModel>(std::move(model));
}

Status BertModel::Check(std::span<const std::span<const std::uint32_t>> texts) const {
  if (texts.empty()) return Fail(ErrorCode::kInvalidArgument, "no text to embed");
  for (const auto text : texts) {
    if (text.empty() || static_cast<std::int64_t>(text.size()) > config_.max_positions)
      return Fail(ErrorCode::kInvalidArgument, "a text of {} tokens does not fit the {} positions of {}",
                  text.size(), config_.max_positions, info_.name);
    for (const std::uint32_t id : text) {
      if (static_cast<std::int64_t>(id) >= config_.vocab_size)
        return Fail(ErrorCode::kInvalidArgument, "token {} is outside the vocabulary of {}", id,
                    config_.vocab_size);
    }
  }
  return {};
}

Result<at::Tensor> BertModel::Embed(std::span<const std::span<const std::uint32_t>> texts) {
  ALTLAS_TRY_VOID(Check(texts));
  const auto count = static_cast<std::int64_t>(texts.size());
  std::size_t longest = 0;
  for (const auto text : texts) longest = std::max(longest, text.size());
  try {
    const c10::InferenceMode inference;
    at::Tensor ids = at::full({count, static_cast<std::int64_t>(longest)}, config_.padding_id, at::kLong);
    at::Tensor lengths = at::empty({count}, at::kLong);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      std::copy(texts[row].begin(), texts[row].end(), ids.data_ptr<std::int64_t>() + row * longest);
      lengths.data_ptr<std::int64_t>()[row] = static_cast<std::int64_t>(texts[row].size());
    }
    ids = ids.to(info_.device);
    lengths = lengths.to(info_.device);
    return Pool(pooling_, Forward(ids, lengths), lengths).to(at::kCPU).contiguous();
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, "embedding {} texts of up to {} tokens with {} failed: {}", count,
                longest, info_.name, error.what());
  }
}

at::Tensor BertModel::Forward(const at::Tensor& ids, const at::Tensor& lengths) const {
  const std::int64_t tokens = ids.size(1);
  at::Tensor x = at::embedding(weights_.words, ids) + weights_.types.select(0, 0) +
                 weights_.positions.narrow(0, 0, tokens);
  x = Normalise(weights_.norm, x);
  // True where a key may be seen; undefined where all texts are of one length.
  at::Tensor seen;
  if (lengths.min().item<std::int64_t>() < tokens) {
    const at::Tensor positions = at::arange(tokens, lengths.options()).unsqueeze(0);
    seen = positions.lt(lengths.unsqueeze(1)).view({ids.size(0), 1, 1, tokens});
  }
  for (const BertLayerWeights& layer : weights_.layers) {
    x = Normalise(layer.attention_norm, x + Attend(layer, x, seen));
    const at::Tensor inner = Activate(config_.activation, at::linear(x, layer.inner, layer.inner_bias));
    x = Normalise(layer.norm, x + at::linear(inner, layer.outer, layer.outer_bias));
  }
  return x;
}

at::Tensor BertModel::Attend(const BertLayerWeights& layer, const at::Tensor& x,
                             const at::Tensor& seen) const {
  const std::int64_t texts = x.size(0), tokens = x.size(1);
  const std::int64_t dim = config_.hidden_size / config_.heads;
  // [3, texts, heads, tokens, dim]
  const at::Tensor parts = at::linear(x, layer.qkv, layer.qkv_bias)
                               .view({texts, tokens, 3, config_.heads, dim})
                               .permute({2, 0, 3, 1, 4});
  const auto mask = seen.defined() ? std::optional<at::Tensor>(seen) : std::nullopt;
  const at::Tensor mixed =
      at::scaled_dot_product_attention(parts.select(0, 0), parts.select(0, 1), parts.select(0, 2), mask);
  return at::linear(mixed.transpose(1, 2).reshape({texts, tokens, config_.hidden_size}), layer.output,
                    layer.output_bias);
}

at::Tensor BertModel::Normalise(const BertNorm& norm, const at::Tensor& x) const {
  return at::layer_norm(x, {config_.hidden_size}, norm.weight, norm.bias, config_.layer_norm_eps);
}

}  // namespace altlas::model
