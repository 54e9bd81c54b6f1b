// SPDX-License-Identifier: Apache-2.0
#include "worker/model/trainer/batches.h"

#include "base/file.h"
#include "base/random.h"

namespace altlas::model {
namespace {

constexpr std::size_t kMaxCorpusBytes = std::size_t{4} << 30;

Batches::Batch Empty(std::int64_t rows, std::int64_t length) {
  return {at::empty({rows, length}, at::kLong), at::empty({rows, length}, at::kLong)};
}

}  // namespace

Result<Batches> Batches::Open(const std::filesystem::path& path, std::int64_t vocab_size) {
  ALTLAS_TRY(const std::string bytes, ReadFile(path, kMaxCorpusBytes));
  Batches batches;
  batches.ids_.reserve(bytes.size() / 2);
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto low = static_cast<unsigned char>(bytes[i]);
    const auto high = static_cast<unsigned char>(bytes[i + 1]);
    batches.ids_.push_back(static_cast<std::uint16_t>(low | high << 8));
    if (batches.ids_.back() >= vocab_size) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: token {} is past the vocabulary of {}: give the vocabulary of its tokenizer",
                  path.string(), batches.ids_.back(), vocab_size);
    }
  }
  batches.train_ = batches.ids_.size() / 100 * 99;
  if (batches.train_ < 10000) {
    return Fail(ErrorCode::kInvalidArgument, "{} holds {} tokens, at least 10102 are needed", path.string(),
                batches.ids_.size());
  }
  return batches;
}

void Batches::Fill(Batch& batch, std::int64_t row, std::size_t start) const {
  const std::int64_t length = batch.inputs.size(1);
  std::int64_t* input = batch.inputs.data_ptr<std::int64_t>() + row * length;
  std::int64_t* target = batch.targets.data_ptr<std::int64_t>() + row * length;
  for (std::int64_t i = 0; i < length; ++i) {
    input[i] = ids_[start + static_cast<std::size_t>(i)];
    target[i] = ids_[start + static_cast<std::size_t>(i) + 1];
  }
}

Batches::Batch Batches::Train(std::uint64_t seed, std::int64_t step, std::int64_t rows,
                              std::int64_t length) const {
  Random random(seed * 0x9e3779b97f4a7c15ULL + static_cast<std::uint64_t>(step));
  Batch batch = Empty(rows, length);
  const std::size_t room = train_ - static_cast<std::size_t>(length) - 1;
  for (std::int64_t row = 0; row < rows; ++row) Fill(batch, row, random.Below(room));
  return batch;
}

Batches::Batch Batches::Validation(std::int64_t index, std::int64_t rows, std::int64_t length) const {
  Batch batch = Empty(rows, length);
  const std::size_t room = ids_.size() - train_ - static_cast<std::size_t>(length) - 1;
  for (std::int64_t row = 0; row < rows; ++row) {
    Fill(batch, row, train_ + static_cast<std::size_t>((index * rows + row) * length) % room);
  }
  return batch;
}

}  // namespace altlas::model
