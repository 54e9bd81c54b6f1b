// SPDX-License-Identifier: Apache-2.0
// What a folder of the BERT family says, and folders that are wrong or hostile: one clear error each.
#include <gtest/gtest.h>

#include <functional>

#include "base/file.h"
#include "worker/model/folder.h"
#include "worker/model/safetensors_write.h"
#include "worker/model/test_embedding_models.h"

namespace altlas::model {
namespace {

namespace stdfs = std::filesystem;
using BertJson = nlohmann::json;

// A copy of a fixture folder to break.
class BertCopy {
 public:
  explicit BertCopy(const std::string& name) {
    stdfs::copy(EmbeddingFixture(name), folder_.path(), stdfs::copy_options::recursive);
  }
  stdfs::path operator/(const char* name) const { return folder_.path() / name; }
  const stdfs::path& path() const { return folder_.path(); }
  void Write(const char* name, const std::string& text) const {
    std::ofstream(folder_.path() / name, std::ios::binary) << text;
  }
  void Edit(const char* name, const std::function<void(BertJson&)>& edit) const {
    BertJson json = BertJson::parse(*ReadFile(folder_.path() / name, 1 << 24));
    edit(json);
    Write(name, json.dump());
  }

 private:
  TemporaryFolder folder_;
};

TEST(BertLoad, TellsWhatTheModelIs) {
  const auto plain = LoadEmbeddingFixture("bert_plain");
  EXPECT_EQ(plain->info().name, "bert_plain");
  EXPECT_EQ(plain->info().architecture, "BertModel");
  EXPECT_EQ(plain->info().context_length, 40);
  EXPECT_EQ(plain->info().dimensions, 32);
  EXPECT_FALSE(plain->info().normalizes);
  EXPECT_EQ(plain->info().weight_bytes, plain->info().parameter_count * 4);
  EXPECT_EQ(LoadEmbeddingFixture("bert_all")->info().dimensions, 4 * 32);
  EXPECT_EQ(LoadEmbeddingFixture("bert_cls")->info().context_length, 12);  // max_seq_length
  EXPECT_TRUE(LoadEmbeddingFixture("bert_mean")->info().normalizes);
}

TEST(BertLoad, FamiliesAreToldByTheirConfig) {
  EXPECT_EQ(*FamilyOf(EmbeddingFixture("bert_plain")), Family::kBert);
  EXPECT_EQ(*FamilyOf(stdfs::path(ALTLAS_SOURCE_DIR) / "models/alt-las-tiny"), Family::kLlama);
  const BertCopy folder("bert_plain");
  folder.Edit("config.json", [](BertJson& json) { json.erase("model_type"); });
  EXPECT_EQ(*FamilyOf(folder.path()), Family::kBert);
  EXPECT_EQ(FamilyOf("/nowhere/at/all").error().code, ErrorCode::kNotFound);
  folder.Write("config.json", "{");
  EXPECT_EQ(FamilyOf(folder.path()).error().code, ErrorCode::kCorrupt);
}

struct BadBert {
  const char* name;
  const char* fixture;
  std::function<void(const BertCopy&)> edit;
  ErrorCode code;
  const char* says;
};

std::function<void(const BertCopy&)> Set(const char* key, BertJson value) {
  return
      [=](const BertCopy& folder) { folder.Edit("config.json", [&](BertJson& json) { json[key] = value; }); };
}
std::function<void(const BertCopy&)> SetIn(const char* file, const char* key, BertJson value) {
  return [=](const BertCopy& folder) { folder.Edit(file, [&](BertJson& json) { json[key] = value; }); };
}
std::function<void(const BertCopy&)> Modules(BertJson modules) {
  return [=](const BertCopy& folder) { folder.Write("modules.json", modules.dump()); };
}
BertJson Module(const char* type, const char* path) {
  return {{"type", std::string("sentence_transformers.models.") + type}, {"path", path}};
}

TEST(BertLoad, WrongFoldersGetOneClearError) {
  constexpr const char* kPoolingFile = "1_Pooling/config.json";
  const auto transformer = Module("Transformer", ""), pooling = Module("Pooling", "1_Pooling");
  const std::vector<BadBert> table = {
      {"another type", "bert_plain", Set("model_type", "roberta"), ErrorCode::kUnsupported, "roberta"},
      {"a classifier", "bert_plain", Set("architectures", {"BertForSequenceClassification"}),
       ErrorCode::kUnsupported, "BertForSequenceClassification"},
      {"architectures of wrong type", "bert_plain", Set("architectures", "BertModel"), ErrorCode::kCorrupt,
       "architectures"},
      {"a decoder", "bert_plain", Set("is_decoder", true), ErrorCode::kUnsupported, "is_decoder"},
      {"relative positions", "bert_plain", Set("position_embedding_type", "relative_key"),
       ErrorCode::kUnsupported, "relative_key"},
      {"activation", "bert_plain", Set("hidden_act", "mish"), ErrorCode::kUnsupported, "mish"},
      {"quantized", "bert_plain", Set("quantization_config", {{"bits", 4}}), ErrorCode::kUnsupported,
       "quantized"},
      {"no vocabulary", "bert_plain", Set("vocab_size", nullptr), ErrorCode::kCorrupt, "lacks vocab_size"},
      {"negative", "bert_plain", Set("hidden_size", -32), ErrorCode::kCorrupt, "hidden_size is -32"},
      {"huge", "bert_plain", Set("num_hidden_layers", 1e15), ErrorCode::kCorrupt, "num_hidden_layers"},
      {"heads", "bert_plain", Set("num_attention_heads", 5), ErrorCode::kCorrupt, "num_attention_heads"},
      {"epsilon", "bert_plain", Set("layer_norm_eps", 0), ErrorCode::kCorrupt, "layer_norm_eps"},
      {"padding", "bert_plain", Set("pad_token_id", 64), ErrorCode::kCorrupt, "pad_token_id"},
      {"shape", "bert_plain", Set("vocab_size", 65), ErrorCode::kCorrupt,
       "embeddings.word_embeddings.weight has shape [64, 32]"},
      {"positions", "bert_plain", Set("max_position_embeddings", 512), ErrorCode::kCorrupt, "[512, 32]"},
      {"more layers", "bert_plain", Set("num_hidden_layers", 3), ErrorCode::kCorrupt,
       "lack the tensor encoder.layer.2."},
      {"fewer layers", "bert_masked_lm", Set("num_hidden_layers", 1), ErrorCode::kCorrupt,
       "hold the tensor bert.encoder.layer.1."},
      {"no weights", "bert_plain", [](const BertCopy& f) { stdfs::remove(f / "model.safetensors"); },
       ErrorCode::kNotFound, "model.safetensors"},
      {"weights cut", "bert_plain",
       [](const BertCopy& f) { stdfs::resize_file(f / "model.safetensors", 9000); }, ErrorCode::kCorrupt,
       "incomplete"},
      {"modules no json", "bert_mean", [](const BertCopy& f) { f.Write("modules.json", "["); },
       ErrorCode::kCorrupt, "modules.json is not JSON"},
      {"modules nested", "bert_mean",
       [](const BertCopy& f) { f.Write("modules.json", std::string(99, '[')); }, ErrorCode::kCorrupt,
       "nested too deeply"},
      {"modules an object", "bert_mean", Modules(BertJson::object()), ErrorCode::kCorrupt, "must be a list"},
      {"a module without type", "bert_mean", Modules({{{"path", ""}}}), ErrorCode::kCorrupt, "needs a type"},
      {"escape up", "bert_mean", Modules({transformer, Module("Pooling", "..")}), ErrorCode::kCorrupt,
       "right below"},
      {"escape to the root", "bert_mean", Modules({transformer, Module("Pooling", "/etc")}),
       ErrorCode::kCorrupt, "right below"},
      {"dense", "bert_mean", Modules({transformer, pooling, Module("Dense", "2_Dense")}),
       ErrorCode::kUnsupported, "module 2 is a Dense in 2_Dense"},
      {"normalised first", "bert_mean", Modules({transformer, Module("Normalize", "")}),
       ErrorCode::kUnsupported, "module 1 is a Normalize"},
      {"no pooling", "bert_mean", Modules({transformer}), ErrorCode::kCorrupt, "no Pooling"},
      {"no modules", "bert_mean", Modules(BertJson::array()), ErrorCode::kCorrupt, "no Pooling"},
      {"pooling missing", "bert_mean", [](const BertCopy& f) { stdfs::remove(f / kPoolingFile); },
       ErrorCode::kNotFound, "1_Pooling"},
      {"pooling by weights", "bert_mean", SetIn(kPoolingFile, "pooling_mode_weightedmean_tokens", true),
       ErrorCode::kUnsupported, "weightedmean"},
      {"pooling of wrong type", "bert_mean", SetIn(kPoolingFile, "pooling_mode_mean_tokens", 1),
       ErrorCode::kCorrupt, "pooling_mode_mean_tokens"},
      {"no pooling mode", "bert_mean", SetIn(kPoolingFile, "pooling_mode_mean_tokens", false),
       ErrorCode::kCorrupt, "switches no way of pooling on"},
      {"another dimension", "bert_mean", SetIn(kPoolingFile, "word_embedding_dimension", 384),
       ErrorCode::kCorrupt, "word_embedding_dimension is 384"},
      {"max_seq_length", "bert_mean", SetIn("sentence_bert_config.json", "max_seq_length", 0),
       ErrorCode::kCorrupt, "max_seq_length"},
  };
  for (const BadBert& one : table) {
    SCOPED_TRACE(one.name);
    const BertCopy folder(one.fixture);
    one.edit(folder);
    const auto model = LoadEmbeddingModel(folder.path());
    ASSERT_FALSE(model.has_value());
    EXPECT_EQ(model.error().code, one.code) << model.error().message;
    EXPECT_NE(model.error().message.find(one.says), std::string::npos) << model.error().message;
    EXPECT_LT(model.error().message.size(), 500U);
  }
}

TEST(BertLoad, TensorsThatNobodyKnowsAreRefusedAndThoseOfTheTrainingPassedOver) {
  const BertCopy folder("bert_plain");
  const auto file = SafetensorsFile::Open(folder / "model.safetensors");
  std::vector<NamedTensor> tensors;
  for (const auto& [name, entry] : file->entries()) {
    tensors.push_back({name, at::empty(entry.shape)});
    ASSERT_TRUE(file->CopyTo(entry, tensors.back().tensor).has_value());
  }
  tensors.push_back({"cls.predictions.bias", at::ones({64})});
  ASSERT_TRUE(WriteSafetensors(folder / "model.safetensors", tensors).has_value());
  EXPECT_TRUE(LoadEmbeddingModel(folder.path()).has_value());
  tensors.push_back({"encoder.layer.0.attention.self.distance_embedding.weight", at::ones({79, 8})});
  ASSERT_TRUE(WriteSafetensors(folder / "model.safetensors", tensors).has_value());
  EXPECT_NE(LoadEmbeddingModel(folder.path()).error().message.find("distance_embedding"), std::string::npos);
}

// The spelling of newer sentence-transformers.
TEST(BertLoad, APoolingModeMayBeOneWord) {
  const BertCopy folder("bert_mean");
  folder.Write("1_Pooling/config.json", R"({"embedding_dimension": 32, "pooling_mode": "cls"})");
  const auto pooling = ReadPooling(folder.path(), 32);
  ASSERT_TRUE(pooling.has_value()) << pooling.error().message;
  EXPECT_EQ(pooling->modes, std::vector<Pooling::Mode>{Pooling::Mode::kCls});
}

TEST(BertLoad, WhatItCannotEmbedIsRefused) {
  const auto model = LoadEmbeddingFixture("bert_plain");
  const std::vector<std::uint32_t> none, outside = {64}, much(41, 1), sound = {1};
  EXPECT_FALSE(model->Embed({}).has_value());
  for (const auto* ids : {&none, &outside, &much}) {
    const std::span<const std::uint32_t> texts[] = {sound, *ids};
    const auto vectors = model->Embed(texts);
    ASSERT_FALSE(vectors.has_value());
    EXPECT_EQ(vectors.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace altlas::model
