// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace altlas::model {

// One safetensors file, mapped into memory and checked:
//   file   := u64le header_length, header, data
//   header := JSON object { name: {"dtype", "shape", "data_offsets": [begin, end)}, ..., "__metadata__":
//   {strings} }
// Offsets count from the start of data, lie in order without holes or overlaps and cover data exactly; sizes
// agree with shapes. Owns the mapping. Immutable; thread-safe. The file must not shrink while it is open.
class SafetensorsFile {
 public:
  struct Entry {
    std::string dtype;  // "F32", "BF16", ...
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;
  };

  // Blocks. Errors: kNotFound; kCorrupt with the offence; kUnsupported for an unknown dtype.
  static Result<SafetensorsFile> Open(const std::filesystem::path& path);
  SafetensorsFile(SafetensorsFile&& other) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;
  ~SafetensorsFile();

  const std::map<std::string, Entry>& entries() const { return entries_; }
  const std::string& name() const { return name_; }

  // Copies tensor `entry` into the contiguous `target`, of the same number of elements, cast once to its
  // dtype. Errors: kUnsupported where the file's dtype is not F32, BF16 or F16.
  Status CopyTo(const Entry& entry, at::Tensor target) const;

 private:
  SafetensorsFile() = default;
  Status ReadHeader();

  std::string name_;
  const unsigned char* data_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t start_ = 0;  // of the data
  std::map<std::string, Entry> entries_;
};

// The safetensors files of a model folder: model.safetensors, or the shards that model.safetensors.index.json
// names.
class ShardedTensors {
 public:
  static Result<ShardedTensors> Open(const std::filesystem::path& folder);

  struct Found {
    const SafetensorsFile* file = nullptr;  // null: no such tensor
    const SafetensorsFile::Entry* entry = nullptr;
  };
  Found Find(const std::string& tensor) const;
  // Name of every tensor.
  std::vector<std::string> Names() const;

 private:
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::size_t> where_;
};

}  // namespace altlas::model
