// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "base/utf8.h"

namespace altlas::serve {

// Writes a small Llama with random weights and a byte-level tokenizer (one token a byte, and an end token) as
// a Hugging Face folder, for tests that need a model whose text depends on every weight and nobody's
// training. The end token's row of the output matrix is zero, so that a greedy text never ends by itself.
struct FixtureModel {
  std::int64_t hidden = 32, layers = 2, heads = 4, kv_heads = 2, ffn = 64, context = 512;
  static constexpr std::int64_t kVocabulary = 257;
  static constexpr std::uint32_t kEnd = 256;
  std::uint64_t seed = 1;

  Status WriteTo(const std::filesystem::path& folder) const {
    ALTLAS_TRY_VOID(MakeFolder(folder));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "config.json", Config()));
    ALTLAS_TRY_VOID(WriteFileAtomically(folder / "tokenizer.json", Tokenizer()));
    return WriteFileAtomically(folder / "model.safetensors", Weights());
  }

 private:
  std::string Config() const {
    JsonWriter json;
    json.BeginObject().Key("architectures").BeginArray().String("LlamaForCausalLM").EndArray();
    json.Key("model_type")
        .String("llama")
        .Key("hidden_act")
        .String("silu")
        .Key("torch_dtype")
        .String("float32");
    json.Key("vocab_size").Int(kVocabulary).Key("hidden_size").Int(hidden).Key("intermediate_size").Int(ffn);
    json.Key("num_hidden_layers")
        .Int(layers)
        .Key("num_attention_heads")
        .Int(heads)
        .Key("num_key_value_heads")
        .Int(kv_heads);
    json.Key("max_position_embeddings")
        .Int(context)
        .Key("rms_norm_eps")
        .Double(1e-5)
        .Key("rope_theta")
        .Double(10000.0);
    json.Key("tie_word_embeddings").Bool(false).Key("eos_token_id").Int(kEnd).EndObject();
    return json.Take();
  }

  static std::string Tokenizer() {
    JsonWriter json;
    json.BeginObject().Key("version").String("1.0").Key("truncation").Null().Key("padding").Null();
    json.Key("added_tokens").BeginArray().BeginObject().Key("id").Int(kEnd).Key("content").String("<end>");
    for (const char* key : {"single_word", "lstrip", "rstrip", "normalized"}) json.Key(key).Bool(false);
    json.Key("special").Bool(true).EndObject().EndArray().Key("normalizer").Null();
    for (const char* part : {"pre_tokenizer", "decoder"}) {
      json.Key(part).BeginObject().Key("type").String("ByteLevel").Key("add_prefix_space").Bool(false);
      json.Key("trim_offsets").Bool(true).Key("use_regex").Bool(true).EndObject();
    }
    json.Key("post_processor")
        .Null()
        .Key("model")
        .BeginObject()
        .Key("type")
        .String("BPE")
        .Key("dropout")
        .Null();
    json.Key("unk_token")
        .Null()
        .Key("fuse_unk")
        .Bool(false)
        .Key("byte_fallback")
        .Bool(false)
        .Key("vocab")
        .BeginObject();
    char32_t next = 256;
    for (int byte = 0; byte < 256; ++byte) {
      const bool shows = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
      std::string token;
      AppendCodePoint(token, shows ? static_cast<char32_t>(byte) : next++);
      json.Key(token).Int(byte);
    }
    json.Key("<end>").Int(kEnd).EndObject().Key("merges").BeginArray().EndArray().EndObject().EndObject();
    return json.Take();
  }

  std::string Weights() const {
    using Shape = std::vector<std::int64_t>;
    std::vector<std::pair<std::string, Shape>> tensors = {
        {"model.embed_tokens.weight", {kVocabulary, hidden}},
        {"model.norm.weight", {hidden}},
        {"lm_head.weight", {kVocabulary, hidden}}};
    const std::int64_t kv = hidden / heads * kv_heads;
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      const auto add = [&](const char* name, Shape shape) {
        tensors.emplace_back("model.layers." + std::to_string(layer) + "." + name + ".weight",
                             std::move(shape));
      };
      add("self_attn.q_proj", {hidden, hidden});
      add("self_attn.k_proj", {kv, hidden});
      add("self_attn.v_proj", {kv, hidden});
      add("self_attn.o_proj", {hidden, hidden});
      add("mlp.gate_proj", {ffn, hidden});
      add("mlp.up_proj", {ffn, hidden});
      add("mlp.down_proj", {hidden, ffn});
      add("input_layernorm", {hidden});
      add("post_attention_layernorm", {hidden});
    }
    JsonWriter header;
    ByteWriter data;
    Random random(seed);
    header.BeginObject();
    for (const auto& [name, shape] : tensors) {
      const auto begin = data.out().size();
      const auto count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
      for (std::int64_t i = 0; i < count; ++i) {
        const auto noise = static_cast<float>(random.Unit() * 2 - 1);
        const bool end_row = name == "lm_head.weight" && i / hidden == kEnd;
        data.Put(shape.size() == 1 ? 1.0f + 0.1f * noise : end_row ? 0.0f : 0.5f * noise);
      }
      header.Key(name).BeginObject().Key("dtype").String("F32").Key("shape").BeginArray();
      for (const auto size : shape) header.Int(size);
      header.EndArray().Key("data_offsets").BeginArray();
      header.Unsigned(begin).Unsigned(data.out().size()).EndArray().EndObject();
    }
    header.EndObject();
    std::string text = header.Take();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    ByteWriter file;
    file.Put<std::uint64_t>(text.size());
    file.PutRaw(text);
    file.PutRaw(data.out());
    return file.Take();
  }
};

}  // namespace altlas::serve
