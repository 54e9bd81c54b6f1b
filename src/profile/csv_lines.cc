// SPDX-License-Identifier: Apache-2.0
#include "profile/csv_lines.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace altlas::profile {

ReadBytes ReadFrom(std::string_view text) {
  const auto at = std::make_shared<std::size_t>(0);  // copies of the function go on together
  return [text, at](std::span<char> into) -> Result<std::size_t> {
    const std::size_t n = std::min(into.size(), text.size() - *at);
    if (n > 0) std::memcpy(into.data(), text.data() + *at, n);
    *at += n;
    return n;
  };
}

Result<bool> LineReader::Next(std::string& line) {
  line.clear();
  return Take(line);
}

Result<bool> LineReader::Continue(std::string& line) {
  line.push_back('\n');
  return Take(line);
}

Result<bool> LineReader::Take(std::string& line) {
  constexpr std::size_t kChunk = 64 << 10;
  bool some = false;
  for (;;) {
    const std::size_t end = buffer_.find('\n', at_);
    const std::size_t stop = std::min(end, buffer_.size());
    some = some || stop > at_ || end != std::string::npos;
    line.append(buffer_, at_, stop - at_);
    at_ = stop;
    if (line.size() > max_line_) {
      return Fail(ErrorCode::kTooLarge, "line {} has more than {} bytes, or a quote in it never closes",
                  lines_ + 1, max_line_);
    }
    if (end != std::string::npos) {
      ++at_;
      break;
    }
    if (ended_) break;
    buffer_.resize(kChunk);
    at_ = 0;
    auto got = read_(std::span<char>(buffer_));
    if (!got.has_value()) return std::move(got).error();
    buffer_.resize(*got);
    ended_ = *got == 0;
  }
  if (!some) return false;
  ++lines_;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

bool SplitCsv(std::string_view line, std::vector<std::string>& fields) {
  return CsvSplitter(fields).Add(line);
}

bool CsvSplitter::Add(std::string_view piece) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const char c = piece[i];
    if (quoted_) {
      if (c != '"') {
        fields_.back().push_back(c);
      } else if (i + 1 < piece.size() && piece[i + 1] == '"') {
        fields_.back().push_back(c);
        ++i;
      } else {
        quoted_ = false;
      }
    } else if (c == '"') {
      quoted_ = true;
    } else if (c == ',') {
      fields_.emplace_back();
    } else {
      fields_.back().push_back(c);
    }
  }
  return !quoted_;
}

std::string JoinCsv(const std::vector<std::string>& fields) {
  std::string out;
  for (const auto& field : fields) {
    if (!out.empty()) out.push_back(',');
    out.push_back('"');
    for (const char c : field) {
      if (c == '"') out.push_back(c);
      out.push_back(c);
    }
    out.push_back('"');
  }
  return out;
}

}  // namespace altlas::profile
