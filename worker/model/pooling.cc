// SPDX-License-Identifier: Apache-2.0
#include "worker/model/pooling.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "worker/model/config_fields.h"

namespace altlas::model {
namespace {

constexpr std::size_t kMaxModuleBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxModules = 64;
constexpr int kMaxModuleDepth = 8;

// modules.json is a list, so ParseJsonStrict does not fit.
Result<nlohmann::json> ReadJson(const std::filesystem::path& path, const std::string& shown) {
  ALTLAS_TRY(const std::string text, ReadFile(path, kMaxModuleBytes));
  const auto depth_guard = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxModuleDepth) throw std::length_error("nested too deeply");
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), depth_guard);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{} is not JSON: {}", shown, error.what());
  }
}

// A folder right below the model's, or the model's own.
bool IsPlainFolder(const std::string& name) {
  return name.size() < 256 && name.find('/') == std::string::npos && name.find('\0') == std::string::npos &&
         name != "." && name != "..";
}

struct ModuleOf {
  std::string type;  // the last part of its Python name
  std::string path;
};

Result<std::vector<ModuleOf>> ReadModules(const std::filesystem::path& folder) {
  ALTLAS_TRY(const auto json, ReadJson(folder / "modules.json", "modules.json"));
  if (!json.is_array() || json.size() > kMaxModules)
    return Fail(ErrorCode::kCorrupt, "modules.json must be a list of at most {} modules", kMaxModules);
  std::vector<ModuleOf> modules;
  for (const auto& one : json) {
    const nlohmann::json* type = one.is_object() ? FindField(one, "type") : nullptr;
    if (type == nullptr || !type->is_string())
      return Fail(ErrorCode::kCorrupt, "modules.json: module {} needs a type", modules.size());
    const auto full = type->get<std::string>();
    ALTLAS_TRY(const std::string path, TextField(one, "path", "").Context("modules.json, not"));
    if (!IsPlainFolder(path))
      return Fail(
          ErrorCode::kCorrupt,
          "modules.json: module {} is said to be in \"{}\": it must be a folder right below the model's",
          modules.size(), path.substr(0, 80));
    modules.push_back({full.substr(full.rfind('.') + 1), path});
  }
  return modules;
}

struct ModeName {
  const char* flag;
  const char* word;
  std::optional<Pooling::Mode> mode;  // none: known and not offered
};
// In the order in which their parts stand in a vector.
const ModeName kModeNames[] = {
    {"pooling_mode_cls_token", "cls", Pooling::Mode::kCls},
    {"pooling_mode_max_tokens", "max", Pooling::Mode::kMax},
    {"pooling_mode_mean_tokens", "mean", Pooling::Mode::kMean},
    {"pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens", Pooling::Mode::kMeanSqrtLen},
    {"pooling_mode_weightedmean_tokens", "weightedmean", std::nullopt},
    {"pooling_mode_lasttoken", "lasttoken", std::nullopt}};

Status AddMode(const ModeName& name, Pooling& pooling, const std::string& file) {
  if (!name.mode)
    return Fail(ErrorCode::kUnsupported,
                "{}: pooling by {} is not offered: cls, max, mean and mean_sqrt_len_tokens are", file,
                name.word);
  pooling.modes.push_back(*name.mode);
  return {};
}

Status ReadModes(const nlohmann::json& json, const std::string& file, Pooling& pooling) {
  pooling.modes.clear();
  ALTLAS_TRY(const std::string word, TextField(json, "pooling_mode", ""));
  for (const auto& name : kModeNames) {
    ALTLAS_TRY(const bool on, FlagField(json, name.flag, word == name.word).Context(file));
    if (on) ALTLAS_TRY_VOID(AddMode(name, pooling, file));
  }
  if (pooling.modes.empty())
    return Fail(ErrorCode::kCorrupt, "{} switches no way of pooling on: set one of pooling_mode_*", file);
  return {};
}

Status ReadPoolingModule(const std::filesystem::path& folder, const std::string& path,
                         std::int64_t hidden_size, Pooling& pooling) {
  const std::string file = path.empty() ? "config.json" : path + "/config.json";
  ALTLAS_TRY(const auto json, ReadJson(folder / path / "config.json", file));
  if (!json.is_object()) return Fail(ErrorCode::kCorrupt, "{} is not a JSON object", file);
  for (const char* name : {"word_embedding_dimension", "embedding_dimension"}) {
    ALTLAS_TRY(const auto dimension, SizeField(json, name, kMaxHidden, hidden_size).Context(file));
    if (dimension != hidden_size)
      return Fail(ErrorCode::kCorrupt, "{}: {} is {}, the model's vectors have {} values", file, name,
                  dimension, hidden_size);
  }
  return ReadModes(json, file, pooling);
}

Status ReadMaxTokens(const std::filesystem::path& folder, Pooling& pooling) {
  const auto path = folder / "sentence_bert_config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  constexpr const char* kFile = "sentence_bert_config.json";
  ALTLAS_TRY(const auto json, ReadJson(path, kFile));
  if (!json.is_object()) return Fail(ErrorCode::kCorrupt, "{} is not a JSON object", kFile);
  if (FindField(json, "max_seq_length") == nullptr) return {};
  ALTLAS_TRY(pooling.max_tokens,
             SizeField(json, "max_seq_length", kMaxPositions, std::nullopt).Context(kFile));
  return {};
}

}  // namespace

Result<Pooling> ReadPooling(const std::filesystem::path& folder, std::int64_t hidden_size) {
  Pooling pooling;
  std::error_code ignored;
  ALTLAS_TRY_VOID(ReadMaxTokens(folder, pooling));
  if (!std::filesystem::exists(folder / "modules.json", ignored)) return pooling;
  ALTLAS_TRY(const auto modules, ReadModules(folder));
  bool pools = false;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    const auto& [type, path] = modules[i];
    const bool transformer = i == 0 && type == "Transformer" && path.empty();
    const bool pooling_step = i == 1 && type == "Pooling";
    const bool normalizing = i > 1 && type == "Normalize";
    if (pooling_step) ALTLAS_TRY_VOID(ReadPoolingModule(folder, path, hidden_size, pooling));
    pools = pools || pooling_step;
    pooling.normalize = pooling.normalize || normalizing;
    if (!transformer && !pooling_step && !normalizing)
      return Fail(
          ErrorCode::kUnsupported,
          "modules.json: module {} is a {}{}, which is not offered there: Transformer (in the model's own "
          "folder), then Pooling, then Normalize are",
          i, type.substr(0, 80), path.empty() ? "" : " in " + path);
  }
  if (!pools) return Fail(ErrorCode::kCorrupt, "modules.json names no Pooling module after the Transformer");
  return pooling;
}

at::Tensor Pool(const Pooling& pooling, const at::Tensor& states, const at::Tensor& lengths) {
  const at::Tensor wide = states.to(at::kFloat);
  const at::Tensor positions = at::arange(states.size(1), lengths.options()).unsqueeze(0);
  const at::Tensor beyond = positions.ge(lengths.unsqueeze(1)).unsqueeze(2);  // [texts, tokens, 1]
  const at::Tensor count = lengths.to(at::kFloat).unsqueeze(1);
  std::vector<at::Tensor> parts;
  for (const auto mode : pooling.modes) {
    if (mode == Pooling::Mode::kCls) parts.push_back(wide.select(1, 0));
    if (mode == Pooling::Mode::kMax) parts.push_back(wide.masked_fill(beyond, -INFINITY).amax(1));
    if (mode == Pooling::Mode::kMean) parts.push_back(wide.masked_fill(beyond, 0).sum(1) / count);
    if (mode == Pooling::Mode::kMeanSqrtLen)
      parts.push_back(wide.masked_fill(beyond, 0).sum(1) / count.sqrt());
  }
  return parts.size() == 1 ? parts[0] : at::cat(parts, 1);
}

}  // namespace altlas::model
