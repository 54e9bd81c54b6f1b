// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "worker/model/json_strict.h"
#include "worker/model/safetensors.h"

namespace altlas::model {
namespace {

constexpr std::size_t kMaxIndexBytes = std::size_t{32} << 20;
constexpr std::size_t kMaxShards = 4096;

// A plain file name of this folder: an index may not lead elsewhere.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() < 256 && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos && name != "." && name != "..";
}

Result<std::map<std::string, std::string>> ReadIndex(const std::filesystem::path& path) {
  const std::string file = path.filename().string();
  ALTLAS_TRY(const std::string text, ReadFile(path, kMaxIndexBytes));
  ALTLAS_TRY(const nlohmann::json json, ParseJsonStrict(text, file));
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object() || map->empty())
    return Fail(ErrorCode::kCorrupt, "{} lacks its weight_map", file);
  std::map<std::string, std::string> where;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !IsPlainName(shard.get<std::string>())) {
      return Fail(ErrorCode::kCorrupt,
                  "{}: tensor {} is said to be in {}: a shard must be a plain file name of the same folder",
                  file, tensor.substr(0, 80),
                  shard.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 80));
    }
    where.emplace(tensor, shard.get<std::string>());
  }
  return where;
}

}  // namespace

Result<ShardedTensors> ShardedTensors::Open(const std::filesystem::path& folder) {
  ShardedTensors all;
  std::error_code ignored;
  if (std::filesystem::exists(folder / "model.safetensors", ignored)) {
    ALTLAS_TRY(SafetensorsFile file, SafetensorsFile::Open(folder / "model.safetensors"));
    for (const auto& [name, entry] : file.entries()) all.where_.emplace(name, 0);
    all.files_.push_back(std::move(file));
    return all;
  }
  const std::filesystem::path index = folder / "model.safetensors.index.json";
  if (!std::filesystem::exists(index, ignored)) {
    const bool pickled = std::filesystem::exists(folder / "pytorch_model.bin", ignored) ||
                         std::filesystem::exists(folder / "pytorch_model.bin.index.json", ignored);
    return Fail(
        pickled ? ErrorCode::kUnsupported : ErrorCode::kNotFound,
        "{} holds neither model.safetensors nor model.safetensors.index.json{}", folder.string(),
        pickled ? ": pickled weights (pytorch_model.bin) are not read, save the model with safetensors" : "");
  }
  ALTLAS_TRY(const auto where, ReadIndex(index));
  std::map<std::string, std::size_t> shards;
  for (const auto& [tensor, shard] : where) {
    if (!shards.contains(shard)) {
      if (shards.size() == kMaxShards)
        return Fail(ErrorCode::kCorrupt, "{} names more than {} shards", index.filename().string(),
                    kMaxShards);
      ALTLAS_TRY(SafetensorsFile file, SafetensorsFile::Open(folder / shard));
      shards.emplace(shard, all.files_.size());
      all.files_.push_back(std::move(file));
    }
    const std::size_t number = shards.at(shard);
    if (!all.files_[number].entries().contains(tensor)) {
      return Fail(ErrorCode::kCorrupt, "{} lacks the tensor {} that the index says it holds", shard,
                  tensor.substr(0, 80));
    }
    all.where_.emplace(tensor, number);
  }
  return all;
}

ShardedTensors::Found ShardedTensors::Find(const std::string& tensor) const {
  const auto found = where_.find(tensor);
  if (found == where_.end()) return {};
  const SafetensorsFile& file = files_[found->second];
  return {&file, &file.entries().at(tensor)};
}

std::vector<std::string> ShardedTensors::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, number] : where_) names.push_back(name);
  return names;
}

}  // namespace altlas::model
