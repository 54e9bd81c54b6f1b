// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/random.h"

namespace altlas::serve {

// A small BERT with random weights and a WordPiece tokenizer of letters (one token a letter or digit),
// written as a sentence-transformers folder (mean pooling, normalised), and what it computes, written down
// once more in plain loops over doubles: an independent reference for tests of the whole way.
class FixtureBert {
 public:
  std::int64_t hidden = 32, layers = 2, heads = 4, inner = 48, context = 64;
  std::uint64_t seed = 1;

  Status WriteTo(const std::filesystem::path& folder) {
    MakeWeights();
    ALTLAS_TRY_VOID(MakeFolder(folder));
    ALTLAS_TRY_VOID(MakeFolder(folder / "1_Pooling"));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "config.json", Config()));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "tokenizer.json", Tokenizer()));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "modules.json", R"([
      {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
      {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
      {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])"));
    ALTLAS_TRY_VOID(
        WriteFileAtomically(folder / "1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})"));
    return WriteFileAtomically(folder / "model.safetensors", Safetensors());
  }

  // Of a text of lower-case letters, digits and spaces: each is a token, and a space none.
  std::vector<std::int64_t> Ids(const std::string& text) const {
    std::vector<std::int64_t> ids = {kClass};
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ' ') continue;
      const bool starts = i == 0 || text[i - 1] == ' ';
      ids.push_back(kLetters + static_cast<std::int64_t>(kAlphabet.find(text[i])) +
                    (starts ? 0 : static_cast<std::int64_t>(kAlphabet.size())));
    }
    ids.push_back(kSeparator);
    return ids;
  }

  // The normalised mean of the last layer's vectors. After WriteTo.
  std::vector<double> Embed(const std::vector<std::int64_t>& ids) const {
    Rows x(ids.size());
    for (std::size_t t = 0; t < ids.size(); ++t) {
      x[t] = Row("embeddings.word_embeddings.weight", ids[t]);
      Add(x[t], Row("embeddings.position_embeddings.weight", static_cast<std::int64_t>(t)));
      Add(x[t], Row("embeddings.token_type_embeddings.weight", 0));
      Norm(x[t], "embeddings.LayerNorm");
    }
    for (std::int64_t layer = 0; layer < layers; ++layer)
      Layer(x, "encoder.layer." + std::to_string(layer) + ".");
    std::vector<double> mean(static_cast<std::size_t>(hidden), 0.0);
    for (const auto& row : x) Add(mean, row);
    const double length = std::sqrt(std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0));
    for (double& value : mean) value /= length;
    return mean;
  }

 private:
  using Vector = std::vector<double>;
  using Rows = std::vector<Vector>;
  static constexpr std::int64_t kClass = 2, kSeparator = 3, kLetters = 4;
  static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  static constexpr std::int64_t kVocabulary = kLetters + 2 * static_cast<std::int64_t>(kAlphabet.size());

  static void Add(Vector& to, const Vector& what) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += what[i];
  }
  Vector Row(const std::string& name, std::int64_t row) const {
    const auto& data = weights_.at(name).data;
    const auto begin = data.begin() + row * hidden;
    return Vector(begin, begin + hidden);
  }
  void Norm(Vector& x, const std::string& name) const {
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
    double variance = 0;
    for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = (x[i] - mean) / std::sqrt(variance + 1e-12) * weights_.at(name + ".weight").data[i] +
             weights_.at(name + ".bias").data[i];
  }
  Vector Linear(const Vector& x, const std::string& name) const {
    const auto& matrix = weights_.at(name + ".weight").data;
    const auto& bias = weights_.at(name + ".bias").data;
    Vector out(bias.begin(), bias.end());
    for (std::size_t row = 0; row < out.size(); ++row) {
      for (std::size_t i = 0; i < x.size(); ++i) out[row] += matrix[row * x.size() + i] * x[i];
    }
    return out;
  }
  void Layer(Rows& x, const std::string& prefix) const {
    Rows query, key, value;
    for (const auto& row : x) {
      query.push_back(Linear(row, prefix + "attention.self.query"));
      key.push_back(Linear(row, prefix + "attention.self.key"));
      value.push_back(Linear(row, prefix + "attention.self.value"));
    }
    const auto size = static_cast<std::size_t>(hidden / heads);
    for (std::size_t t = 0; t < x.size(); ++t) {
      Vector mixed(static_cast<std::size_t>(hidden), 0.0);
      for (std::size_t first = 0; first < mixed.size(); first += size) {
        Vector shares;
        for (const auto& other : key) {
          double score = 0;
          for (std::size_t i = first; i < first + size; ++i) score += query[t][i] * other[i];
          shares.push_back(std::exp(score / std::sqrt(static_cast<double>(size))));
        }
        const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
        for (std::size_t s = 0; s < shares.size(); ++s) {
          for (std::size_t i = first; i < first + size; ++i) mixed[i] += shares[s] / sum * value[s][i];
        }
      }
      auto next = Linear(mixed, prefix + "attention.output.dense");
      Add(next, x[t]);
      Norm(next, prefix + "attention.output.LayerNorm");
      auto wide = Linear(next, prefix + "intermediate.dense");
      for (double& one : wide) one = 0.5 * one * (1 + std::erf(one / std::sqrt(2.0)));
      auto out = Linear(wide, prefix + "output.dense");
      Add(out, next);
      Norm(out, prefix + "output.LayerNorm");
      x[t] = std::move(out);
    }
  }

  void MakeWeights() {
    Random random(seed);
    const auto make = [&](const std::string& name, std::vector<std::int64_t> shape) {
      auto& tensor = weights_[name];
      const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
      const double middle = name.ends_with("LayerNorm.weight") ? 1 : 0, size = shape.size() == 1 ? 0.1 : 0.4;
      tensor.shape = std::move(shape);
      tensor.data.clear();
      for (std::int64_t i = 0; i < count; ++i)
        tensor.data.push_back(static_cast<float>(middle + size * (random.Unit() * 2 - 1)));
    };
    const auto linear = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
      make(name + ".weight", {rows, columns});
      make(name + ".bias", {rows});
    };
    const auto norm = [&](const std::string& name) {
      make(name + ".weight", {hidden});
      make(name + ".bias", {hidden});
    };
    weights_.clear();
    make("embeddings.word_embeddings.weight", {kVocabulary, hidden});
    make("embeddings.position_embeddings.weight", {context, hidden});
    make("embeddings.token_type_embeddings.weight", {2, hidden});
    norm("embeddings.LayerNorm");
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      const std::string prefix = "encoder.layer." + std::to_string(layer) + ".";
      for (const char* name :
           {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"})
        linear(prefix + name, hidden, hidden);
      norm(prefix + "attention.output.LayerNorm");
      linear(prefix + "intermediate.dense", inner, hidden);
      linear(prefix + "output.dense", hidden, inner);
      norm(prefix + "output.LayerNorm");
    }
  }

  std::string Config() const {
    JsonWriter json;
    json.BeginObject().Key("architectures").BeginArray().String("BertModel").EndArray();
    json.Key("model_type").String("bert").Key("hidden_act").String("gelu").Key("vocab_size").Int(kVocabulary);
    json.Key("hidden_size")
        .Int(hidden)
        .Key("intermediate_size")
        .Int(inner)
        .Key("num_hidden_layers")
        .Int(layers);
    json.Key("num_attention_heads").Int(heads).Key("max_position_embeddings").Int(context);
    return json.EndObject().Take();
  }

  static std::string Tokenizer() {
    JsonWriter vocab;
    vocab.BeginObject();
    std::int64_t id = 0;
    for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}) vocab.Key(special).Int(id++);
    for (const char* prefix : {"", "##"}) {
      for (const char letter : kAlphabet) vocab.Key(std::string(prefix) + letter).Int(id++);
    }
    return R"({"version": "1.0", "truncation": {"max_length": 8}, "added_tokens": [],
      "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
      "pre_tokenizer": {"type": "BertPreTokenizer"}, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
      "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 1000000, "vocab": )" +
           vocab.EndObject().Take() + "}}";
  }

  std::string Safetensors() const {
    JsonWriter header;
    ByteWriter data;
    header.BeginObject();
    for (const auto& [name, tensor] : weights_) {
      const auto begin = data.out().size();
      for (const float value : tensor.data) data.Put(value);
      header.Key(name).BeginObject().Key("dtype").String("F32").Key("shape").BeginArray();
      for (const auto size : tensor.shape) header.Int(size);
      header.EndArray().Key("data_offsets").BeginArray();
      header.Unsigned(begin).Unsigned(data.out().size()).EndArray().EndObject();
    }
    std::string text = header.EndObject().Take();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    ByteWriter file;
    file.Put<std::uint64_t>(text.size());
    file.PutRaw(text);
    file.PutRaw(data.out());
    return file.Take();
  }

  struct Tensor {
    std::vector<std::int64_t> shape;
    std::vector<float> data;
  };
  std::map<std::string, Tensor> weights_;
};

}  // namespace altlas::serve
