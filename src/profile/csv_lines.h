// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::profile {

// Fills a part of the span; 0 at the end.
using ReadBytes = std::function<Result<std::size_t>(std::span<char>)>;
ReadBytes ReadFrom(std::string_view text);

// A text a line at a time, without its \n or \r\n. Holds one line of at most `max_line` bytes (kTooLarge).
class LineReader {
 public:
  LineReader(ReadBytes read, std::size_t max_line) : read_(std::move(read)), max_line_(max_line) {}
  // False at the end.
  Result<bool> Next(std::string& line);
  // Appends the next line to `line`, after a \n: for a quoted field that goes on. False at the end.
  Result<bool> Continue(std::string& line);
  std::uint64_t lines() const { return lines_; }

 private:
  Result<bool> Take(std::string& line);
  ReadBytes read_;
  std::size_t max_line_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::uint64_t lines_ = 0;
  bool ended_ = false;
};

// The fields of one record (RFC 4180, spaces kept). False where a quote is still open at its end.
bool SplitCsv(std::string_view line, std::vector<std::string>& fields);
// The same for a record that comes in pieces, each with the \n it begins with: looks at every byte once.
class CsvSplitter {
 public:
  // Fills `fields`, which must outlive it.
  explicit CsvSplitter(std::vector<std::string>& fields) : fields_(fields) { fields_.assign(1, {}); }
  // False where a quote is still open at the end of the piece.
  bool Add(std::string_view piece);

 private:
  std::vector<std::string>& fields_;
  bool quoted_ = false;
};
// One record, each field in quotes.
std::string JoinCsv(const std::vector<std::string>& fields);

}  // namespace altlas::profile
