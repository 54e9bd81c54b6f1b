// SPDX-License-Identifier: Apache-2.0
#include "worker/model/load.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/file.h"
#include "worker/model/safetensors.h"
#include "worker/model/safetensors_write.h"
#include "worker/model/test_models.h"

namespace altlas::model {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string ReadText(const fs::path& path) { return *ReadFile(path, 1 << 24); }
void WriteText(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void EditJson(const fs::path& path, const std::function<void(Json&)>& edit) {
  Json json = Json::parse(ReadText(path));
  edit(json);
  WriteText(path, json.dump());
}

// A copy of a fixture folder to break.
class Copy {
 public:
  explicit Copy(const std::string& name) {
    fs::copy(FixtureFolder(name), folder_.path(), fs::copy_options::recursive);
  }
  fs::path operator/(const char* name) const { return folder_.path() / name; }
  const fs::path& path() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

TEST(Load, TellsWhatTheModelIs) {
  const auto model = LoadFixture("llama_llama3");
  const LanguageModelInfo& info = model->info();
  EXPECT_EQ(info.name, "llama_llama3");
  EXPECT_EQ(info.architecture, "LlamaForCausalLM");
  EXPECT_EQ(info.vocab_size, 64);
  EXPECT_EQ(info.context_length, 128);
  EXPECT_EQ(info.kv_bytes_per_token, 2 * 2 * 2 * 8 * 4);
  EXPECT_EQ(info.bos_ids, std::vector<std::int64_t>{1});
  EXPECT_EQ(info.eos_ids, (std::vector<std::int64_t>{2, 5}));  // generation_config.json's, not config.json's
  EXPECT_EQ(info.weight_bytes, info.parameter_count * 4);
  EXPECT_EQ(info.sliding_window, 0);
}

TEST(Load, WindowsAndStretchedContextsAreTold) {
  EXPECT_EQ(LoadFixture("mistral_window")->info().sliding_window, 8);
  EXPECT_EQ(LoadFixture("mistral_no_window")->info().sliding_window, 0);
  EXPECT_EQ(LoadFixture("qwen2")->info().sliding_window, 0);
  EXPECT_EQ(LoadFixture("qwen2_window")->info().sliding_window, 0);  // its first layer sees everything
  EXPECT_EQ(LoadFixture("llama_dynamic")->info().context_length, 128);
  EXPECT_EQ(LoadFixture("llama_linear")->info().context_length, 320);
  EXPECT_EQ(LoadFixture("llama_yarn")->info().context_length, 128);
}

TEST(Load, TiedEmbeddingsCountOnce) {
  EXPECT_EQ(
      LoadFixture("llama_fp16")->info().parameter_count - LoadFixture("llama_tied")->info().parameter_count,
      64 * 32);
}

TEST(Load, TheNameIsTheFoldersUnlessGiven) {
  const auto model = LoadLanguageModel(FixtureFolder("qwen2") / "", {.name = "mine", .dtype = {}});
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ((*model)->info().name, "mine");
}

TEST(Load, DtypesHaveTheirUsualNames) {
  for (const char* name : {"float32", "fp32", "bfloat16", "bf16", "float16", "fp16"})
    EXPECT_TRUE(ParseDtype(name).has_value());
  EXPECT_EQ(ParseDtype("int8").error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(DtypeName(*ParseDtype("bf16")), "bfloat16");
}

struct BadConfig {
  const char* name;
  std::function<void(Json&)> edit;
  ErrorCode code;
  const char* says;
};

TEST(Load, BadConfigsGetOneClearError) {
  const auto set = [](const char* key, Json value) { return [=](Json& json) { json[key] = value; }; };
  const auto drop = [](const char* key) { return [=](Json& json) { json.erase(key); }; };
  const std::vector<BadConfig> table = {
      {"another architecture", set("architectures", {"GPT2LMHeadModel"}), ErrorCode::kUnsupported,
       "GPT2LMHeadModel"},
      {"an encoder", set("architectures", {"BertModel"}), ErrorCode::kUnsupported, "BertModel"},
      {"no vocabulary", drop("vocab_size"), ErrorCode::kCorrupt, "vocab_size"},
      {"another vocabulary", set("vocab_size", 65), ErrorCode::kCorrupt,
       "model.embed_tokens.weight has shape [64, 32]"},
      {"negative vocabulary", set("vocab_size", -1), ErrorCode::kCorrupt, "vocab_size is -1"},
      {"fraction", set("hidden_size", 32.5), ErrorCode::kCorrupt, "hidden_size"},
      {"text", set("hidden_size", "32"), ErrorCode::kCorrupt, "hidden_size"},
      {"huge", set("hidden_size", 1e18), ErrorCode::kCorrupt, "hidden_size"},
      {"past 64 bits", set("hidden_size", 18446744073709551615ULL), ErrorCode::kCorrupt, "hidden_size"},
      {"huge but believed", set("vocab_size", 2000000), ErrorCode::kCorrupt, "config.json asks for"},
      {"many layers", set("num_hidden_layers", 1025), ErrorCode::kCorrupt, "num_hidden_layers"},
      {"more layers than the file", set("num_hidden_layers", 3), ErrorCode::kCorrupt, "model.layers.2."},
      {"fewer layers than the file", set("num_hidden_layers", 1), ErrorCode::kCorrupt, "model.layers.1."},
      {"heads", set("num_attention_heads", 3), ErrorCode::kCorrupt, "num_attention_heads"},
      {"no heads", set("num_attention_heads", 0), ErrorCode::kCorrupt, "num_attention_heads"},
      {"odd head_dim", set("head_dim", 7), ErrorCode::kCorrupt, "head_dim"},
      {"other head_dim", set("head_dim", 16), ErrorCode::kCorrupt, "shape"},
      {"activation", set("hidden_act", "gelu"), ErrorCode::kUnsupported, "gelu"},
      {"quantized", set("quantization_config", {{"bits", 4}}), ErrorCode::kUnsupported, "quantized"},
      {"epsilon", set("rms_norm_eps", 0), ErrorCode::kCorrupt, "rms_norm_eps"},
      {"dtype", set("dtype", "int4"), ErrorCode::kUnsupported, "int4"},
      {"ids", set("bos_token_id", "one"), ErrorCode::kCorrupt, "bos_token_id"},
      {"tie", set("tie_word_embeddings", 1), ErrorCode::kCorrupt, "tie_word_embeddings"},
      {"biases the file lacks", set("attention_bias", true), ErrorCode::kCorrupt, "q_proj.bias"},
      {"rope kind", set("rope_parameters", {{"rope_type", "longrope"}}), ErrorCode::kUnsupported, "longrope"},
      {"rope without factor", set("rope_parameters", {{"rope_type", "linear"}}), ErrorCode::kCorrupt,
       "factor"},
      {"rope shape", set("rope_parameters", Json::array({1})), ErrorCode::kCorrupt, "rope"},
      {"partial rotary", set("rope_parameters", {{"partial_rotary_factor", 0.5}}), ErrorCode::kUnsupported,
       "partial_rotary_factor"},
      {"theta", set("rope_parameters", {{"rope_theta", -5}}), ErrorCode::kCorrupt, "rope_theta"},
  };
  for (const BadConfig& one : table) {
    SCOPED_TRACE(one.name);
    const Copy folder("llama_fp16");
    EditJson(folder / "config.json",
             [](Json& json) { json.erase("rope_scaling"), json.erase("torch_dtype"); });
    EditJson(folder / "config.json", one.edit);
    const auto model = LoadLanguageModel(folder.path());
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, one.code) << model.error().message;
    EXPECT_NE(model.error().message.find(one.says), std::string::npos) << model.error().message;
    EXPECT_LT(model.error().message.size(), 500U);
  }
}

struct BadFolder {
  const char* name;
  const char* fixture;
  std::function<void(const Copy&)> edit;
  ErrorCode code;
  const char* says;
};

TEST(Load, BrokenFoldersGetOneClearError) {
  const auto index = [](const std::function<void(Json&)>& edit) {
    return [=](const Copy& folder) { EditJson(folder / "model.safetensors.index.json", edit); };
  };
  const auto shard_is = [&](const char* value) {
    return index([=](Json& json) { json["weight_map"].begin().value() = value; });
  };
  const std::vector<BadFolder> table = {
      {"no config", "qwen2", [](const Copy& f) { fs::remove(f / "config.json"); }, ErrorCode::kNotFound,
       "config.json is missing"},
      {"config no json", "qwen2", [](const Copy& f) { WriteText(f / "config.json", "{"); },
       ErrorCode::kCorrupt, "config.json is not JSON"},
      {"config twice", "qwen2",
       [](const Copy& f) { WriteText(f / "config.json", R"({"vocab_size":1,"vocab_size":2})"); },
       ErrorCode::kCorrupt, "twice"},
      {"config a list", "qwen2", [](const Copy& f) { WriteText(f / "config.json", "[]"); },
       ErrorCode::kCorrupt, "not a JSON object"},
      {"config huge", "qwen2", [](const Copy& f) { WriteText(f / "config.json", std::string(2 << 20, ' ')); },
       ErrorCode::kTooLarge, "config.json"},
      {"generation no json", "qwen2", [](const Copy& f) { WriteText(f / "generation_config.json", "no"); },
       ErrorCode::kCorrupt, "generation_config.json"},
      {"no weights", "qwen2", [](const Copy& f) { fs::remove(f / "model.safetensors"); },
       ErrorCode::kNotFound, "neither model.safetensors"},
      {"pickled weights", "qwen2",
       [](const Copy& f) { fs::rename(f / "model.safetensors", f / "pytorch_model.bin"); },
       ErrorCode::kUnsupported, "pytorch_model.bin"},
      {"weights cut", "qwen2", [](const Copy& f) { fs::resize_file(f / "model.safetensors", 20000); },
       ErrorCode::kCorrupt, "incomplete"},
      {"a shard missing", "llama_sharded",
       [](const Copy& f) { fs::remove(f / "model-00002-of-00002.safetensors"); }, ErrorCode::kNotFound,
       "model-00002"},
      {"escape up", "llama_sharded", shard_is("../model.safetensors"), ErrorCode::kCorrupt,
       "plain file name"},
      {"escape to the root", "llama_sharded", shard_is("/etc/passwd"), ErrorCode::kCorrupt,
       "plain file name"},
      {"escape by dots", "llama_sharded", shard_is(".."), ErrorCode::kCorrupt, "plain file name"},
      {"empty shard name", "llama_sharded", shard_is(""), ErrorCode::kCorrupt, "plain file name"},
      {"a subfolder", "llama_sharded", shard_is("a/b.safetensors"), ErrorCode::kCorrupt, "plain file name"},
      {"the index itself", "llama_sharded", shard_is("model.safetensors.index.json"), ErrorCode::kCorrupt,
       "model.safetensors.index.json"},
      {"shard no text", "llama_sharded", index([](Json& json) { json["weight_map"].begin().value() = 7; }),
       ErrorCode::kCorrupt, "plain file name"},
      {"no map", "llama_sharded", index([](Json& json) { json.erase("weight_map"); }), ErrorCode::kCorrupt,
       "weight_map"},
      {"tensor elsewhere", "llama_sharded",
       index([](Json& json) { json["weight_map"]["ghost"] = "model-00001-of-00002.safetensors"; }),
       ErrorCode::kCorrupt, "ghost"},
      {"tensor left out", "llama_sharded",
       index([](Json& json) { json["weight_map"].erase("model.norm.weight"); }), ErrorCode::kCorrupt,
       "model.norm.weight"},
      {"wrong integers", "llama_tied",
       [](const Copy& f) {
         std::string bytes = ReadText(f / "model.safetensors");
         for (std::size_t at = bytes.find("BF16"); at != std::string::npos; at = bytes.find("BF16", at))
           bytes.replace(at, 4, "U16\"").replace(at + 4, 1, " ");
         WriteText(f / "model.safetensors", bytes);
       },
       ErrorCode::kUnsupported, "U16"},
  };
  for (const BadFolder& one : table) {
    SCOPED_TRACE(one.name);
    const Copy folder(one.fixture);
    one.edit(folder);
    const auto model = LoadLanguageModel(folder.path());
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, one.code) << model.error().message;
    EXPECT_NE(model.error().message.find(one.says), std::string::npos) << model.error().message;
  }
  EXPECT_EQ(LoadLanguageModel("/nowhere/at/all").error().code, ErrorCode::kNotFound);
}

TEST(Load, ExtraTensorsOfAnotherArchitectureAreRefused) {
  const Copy folder("llama_tied");
  const auto file = SafetensorsFile::Open(folder / "model.safetensors");
  std::vector<NamedTensor> tensors;
  for (const auto& [name, entry] : file->entries()) {
    tensors.push_back({name, at::empty(entry.shape)});
    ASSERT_TRUE(file->CopyTo(entry, tensors.back().tensor).has_value());
  }
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", at::ones({4})});
  tensors.push_back({"lm_head.weight", at::ones({64, 32})});
  ASSERT_TRUE(WriteSafetensors(folder / "model.safetensors", tensors).has_value());
  EXPECT_TRUE(LoadLanguageModel(folder.path()).has_value());
  tensors.push_back({"model.layers.0.self_attn.q_norm.weight", at::ones({8})});
  ASSERT_TRUE(WriteSafetensors(folder / "model.safetensors", tensors).has_value());
  EXPECT_NE(LoadLanguageModel(folder.path()).error().message.find("q_norm"), std::string::npos);
}

TEST(KvCaches, KeepTheirBudget) {
  const auto model = LoadFixture("llama_tied");
  const LanguageModelInfo& info = model->info();
  const std::int64_t one = KvCache::BytesFor(info, 1, 64);
  EXPECT_EQ(KvCache::SlotsWithin(info, 8, 64, one * 3 + 1), 3);
  EXPECT_EQ(KvCache::SlotsWithin(info, 2, 64, one * 3 + 1), 2);
  EXPECT_EQ(KvCache::SlotsWithin(info, 8, 64, one - 1), 0);
  const auto cache = KvCache::Create(info, 3, 64, one * 3);
  ASSERT_TRUE(cache.has_value());
  EXPECT_EQ(cache->bytes(), one * 3);
  std::int64_t held = 0;
  for (std::size_t i = 0; i < cache->layers(); ++i)
    held += static_cast<std::int64_t>(2 * const_cast<KvCache&>(*cache).keys(i).nbytes());
  EXPECT_EQ(held, one * 3);
  EXPECT_EQ(KvCache::Create(info, 4, 64, one * 3).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(KvCache::Create(info, 0, 64, one).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace altlas::model
