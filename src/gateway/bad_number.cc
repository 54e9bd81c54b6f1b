// SPDX-License-Identifier: Apache-2.0
#include "gateway/bad_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/result.h"

namespace altlas::gateway {
namespace {

constexpr std::size_t kShownWordBytes = 64;  // of a key or a word of the client's

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view TakeDigits(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && IsDigit(text[size])) ++size;
  const auto digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

enum class Word { kFine, kNoNumber, kTooLargeInteger, kTooLargeNumber };

Word JudgeNumber(std::string_view word) {
  auto rest = word;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const auto whole = TakeDigits(rest);
  if (whole.empty() || (whole.size() > 1 && whole.front() == '0')) return Word::kNoNumber;
  const bool integer = rest.empty();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    if (TakeDigits(rest).empty()) return Word::kNoNumber;
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (TakeDigits(rest).empty()) return Word::kNoNumber;
  }
  if (!rest.empty()) return Word::kNoNumber;
  if (!integer)
    return std::isinf(std::strtod(std::string(word).c_str(), nullptr)) ? Word::kTooLargeNumber : Word::kFine;
  const char* end = word.data() + word.size();
  std::uint64_t positive = 0;
  std::int64_t negative = 0;
  const auto error = word.front() == '-' ? std::from_chars(word.data(), end, negative).ec
                                         : std::from_chars(word.data(), end, positive).ec;
  return error == std::errc() ? Word::kFine : Word::kTooLargeInteger;
}

Word Judge(std::string_view word) {
  return word == "true" || word == "false" || word == "null" ? Word::kFine : JudgeNumber(word);
}

// Walks over the text as over JSON and gives up at the first thing that is none.
class Walk {
 public:
  Walk(std::string_view text, std::size_t nesting) : rest_(text), nesting_(nesting) {}

  std::optional<Error> Find() {
    bool value_next = true;
    while (true) {
      SkipBlanks();
      if (rest_.empty()) return std::nullopt;
      if (!value_next) {
        if (!EndValue(value_next)) return std::nullopt;
        continue;
      }
      const char c = rest_.front();
      if (c == '{' || c == '[') {
        if (!Open(c == '{', value_next)) return std::nullopt;
      } else if (c == '"') {
        if (!TakeString()) return std::nullopt;
        value_next = false;
      } else {
        const auto word = rest_.substr(0, rest_.find_first_of(" \t\r\n,:[]{}\""));
        if (word.empty()) return std::nullopt;
        if (const auto verdict = Judge(word); verdict != Word::kFine) return Complaint(word, verdict);
        rest_.remove_prefix(word.size());
        value_next = false;
      }
    }
  }

 private:
  struct Level {
    bool object = false;
    std::string_view key;
    std::size_t index = 0;
  };

  void SkipBlanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  // Without its quotes, as it stands there.
  std::optional<std::string_view> TakeString() {
    if (!rest_.starts_with('"')) return std::nullopt;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '\\')
        ++at;
      else if (rest_[at] == '"') {
        const auto text = rest_.substr(1, at - 1);
        rest_.remove_prefix(at + 1);
        return text;
      }
    }
    return std::nullopt;
  }

  bool TakeKey() {
    SkipBlanks();
    const auto key = TakeString();
    SkipBlanks();
    if (!key || !rest_.starts_with(':')) return false;
    rest_.remove_prefix(1);
    levels_.back().key = *key;
    return true;
  }

  bool Open(bool object, bool& value_next) {
    if (levels_.size() >= nesting_) return false;
    levels_.push_back({object, {}, 0});
    rest_.remove_prefix(1);
    SkipBlanks();
    value_next = !rest_.starts_with(object ? '}' : ']');
    return !value_next || !object || TakeKey();
  }

  // What may stand behind a value: a comma, or the end of what it stands in.
  bool EndValue(bool& value_next) {
    if (levels_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    auto& level = levels_.back();
    if (c == (level.object ? '}' : ']')) {
      levels_.pop_back();
      return true;
    }
    value_next = true;
    ++level.index;
    return c == ',' && (!level.object || TakeKey());
  }

  std::string Path() const {
    std::string path;
    for (const auto& level : levels_) {
      if (level.object) {
        path += path.empty() ? "" : ".";
        path += level.key.substr(0, kShownWordBytes);
      } else {
        path += fmt::format("[{}]", level.index);
      }
    }
    return path;
  }

  Error Complaint(std::string_view word, Word verdict) const {
    const auto path = Path();
    const auto shown = word.substr(0, kShownWordBytes);
    const auto name = path.empty() ? std::string("the body") : path;
    switch (verdict) {
      case Word::kTooLargeInteger:
        return FailField(path, "{} is {}; an integer from {} to {} is needed", name, shown, INT64_MIN,
                         UINT64_MAX);
      case Word::kTooLargeNumber:
        return FailField(path, "{} is {}; a number between -1.8e308 and 1.8e308 is needed", name, shown);
      case Word::kNoNumber:
      case Word::kFine:
        break;
    }
    return FailField(
        path, "{} is {}, which is neither a number of JSON nor true, false or null; mend it or leave it out",
        name, shown);
  }

  std::string_view rest_;
  const std::size_t nesting_;
  std::vector<Level> levels_;
};

}  // namespace

std::optional<Error> FindBadNumber(std::string_view text, std::size_t nesting) {
  return Walk(text, nesting).Find();
}

}  // namespace altlas::gateway
