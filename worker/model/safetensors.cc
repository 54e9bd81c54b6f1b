// SPDX-License-Identifier: Apache-2.0
#include "worker/model/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/unique_fd.h"
#include "worker/model/json_strict.h"

namespace altlas::model {
namespace {

using Json = nlohmann::json;

// Headers of large published models are below a megabyte.
constexpr std::uint64_t kMaxHeaderBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 50;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::size_t kMaxNameBytes = 512;

std::optional<std::uint64_t> ElementBytes(const std::string& dtype) {
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "BF16" || dtype == "F16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "BOOL" || dtype == "U8" || dtype == "I8" || dtype == "F8_E4M3" || dtype == "F8_E5M2") return 1;
  return std::nullopt;
}

std::optional<at::ScalarType> FloatType(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  return std::nullopt;
}

bool IsCount(const Json& value) { return value.is_number_unsigned(); }

Result<SafetensorsFile::Entry> ReadEntry(const std::string& file, const std::string& name, const Json& json) {
  const std::string shown = name.substr(0, 80);
  const auto corrupt = [&](const char* what) {
    return Fail(ErrorCode::kCorrupt, "{}: tensor {}: {}", file, shown, what);
  };
  if (name.size() > kMaxNameBytes) return corrupt("its name is too long");
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    return corrupt("needs dtype, shape and data_offsets");
  }
  const Json& shape = json["shape"];
  const Json& offsets = json["data_offsets"];
  if (!json["dtype"].is_string() || !shape.is_array() || shape.size() > kMaxDimensions)
    return corrupt("dtype or shape is malformed");
  if (!offsets.is_array() || offsets.size() != 2 || !IsCount(offsets[0]) || !IsCount(offsets[1]))
    return corrupt("data_offsets is malformed");
  SafetensorsFile::Entry entry{
      json["dtype"].get<std::string>(), {}, offsets[0].get<std::uint64_t>(), offsets[1].get<std::uint64_t>()};
  const std::optional<std::uint64_t> bytes = ElementBytes(entry.dtype);
  if (!bytes)
    return Fail(ErrorCode::kUnsupported, "{}: tensor {}: unknown dtype \"{}\"", file, shown,
                entry.dtype.substr(0, 20));
  std::uint64_t elements = 1;
  for (const Json& one : shape) {
    if (!IsCount(one) || one.get<std::uint64_t>() > kMaxElements) return corrupt("shape is malformed");
    entry.shape.push_back(one.get<std::int64_t>());
    if (__builtin_mul_overflow(elements, one.get<std::uint64_t>(), &elements) || elements > kMaxElements)
      return corrupt("shape is too large");
  }
  if (entry.begin > entry.end || entry.end - entry.begin != elements * *bytes)
    return corrupt("data_offsets do not fit its shape and dtype");
  return entry;
}

}  // namespace

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : name_(std::move(other.name_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      start_(other.start_),
      entries_(std::move(other.entries_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (data_ != nullptr) munmap(const_cast<unsigned char*>(data_), size_);
}

Result<SafetensorsFile> SafetensorsFile::Open(const std::filesystem::path& path) {
  SafetensorsFile file;
  file.name_ = path.filename().string();
  // O_NONBLOCK: a pipe under this name must not hang the worker.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable, "cannot open {}: {}",
                path.string(), std::strerror(errno));
  }
  struct stat info = {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return Fail(ErrorCode::kCorrupt, "{} is not a regular file", path.string());
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  if (file.size_ < 10)
    return Fail(ErrorCode::kCorrupt,
                "{} has {} bytes: too short for safetensors, the download may be incomplete", file.name_,
                file.size_);
  void* mapped = mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (mapped == MAP_FAILED)
    return Fail(ErrorCode::kUnavailable, "cannot map {}: {}", path.string(), std::strerror(errno));
  file.data_ = static_cast<const unsigned char*>(mapped);
  ALTLAS_TRY_VOID(file.ReadHeader());
  return file;
}

Status SafetensorsFile::ReadHeader() {
  std::uint64_t length = 0;
  for (unsigned i = 0; i < 8; ++i) length |= static_cast<std::uint64_t>(data_[i]) << (8 * i);
  if (length > kMaxHeaderBytes || length > size_ - 8) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the header says it has {} bytes; the file has {} and the limit is {}: not safetensors, "
                "or cut short",
                name_, length, size_, kMaxHeaderBytes);
  }
  start_ = 8 + length;
  const std::string_view text(reinterpret_cast<const char*>(data_) + 8, length);
  ALTLAS_TRY(const Json json, ParseJsonStrict(text, "the header of " + name_));
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") continue;
    ALTLAS_TRY(Entry entry, ReadEntry(name_, name, value));
    entries_.emplace(name, std::move(entry));
  }
  std::vector<const Entry*> order;
  for (const auto& [name, entry] : entries_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t expected = 0;
  for (const Entry* entry : order) {
    if (entry->begin != expected) {
      return Fail(ErrorCode::kCorrupt, "{}: tensors {} at byte {} of the data", name_,
                  entry->begin < expected ? "overlap" : "leave a hole", expected);
    }
    expected = entry->end;
  }
  if (expected != size_ - start_) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the tensors take {} bytes, the file holds {}: the download may be incomplete", name_,
                expected, size_ - start_);
  }
  return {};
}

Status SafetensorsFile::CopyTo(const Entry& entry, at::Tensor target) const {
  const std::optional<at::ScalarType> dtype = FloatType(entry.dtype);
  if (!dtype)
    return Fail(ErrorCode::kUnsupported, "{}: dtype {} is not offered for weights, use F32, BF16 or F16",
                name_, entry.dtype);
  // Through an aligned buffer: the file promises no alignment. In pieces, so that a large embedding needs no
  // second copy of itself.
  constexpr std::int64_t kPiece = std::int64_t{1} << 24;
  const at::Tensor flat = target.view({-1});
  const std::size_t bytes = c10::elementSize(*dtype);
  const unsigned char* source = data_ + start_ + entry.begin;
  for (std::int64_t at_element = 0; at_element < flat.numel(); at_element += kPiece) {
    const std::int64_t count = std::min(kPiece, flat.numel() - at_element);
    const at::Tensor piece = at::empty({count}, *dtype);
    std::memcpy(piece.data_ptr(), source + static_cast<std::size_t>(at_element) * bytes,
                static_cast<std::size_t>(count) * bytes);
    flat.narrow(0, at_element, count).copy_(piece);
  }
  return {};
}

}  // namespace altlas::model
