// SPDX-License-Identifier: Apache-2.0
#include "profile/private_words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "profile/redact.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxWordBytes = 4096;

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::uint16_t StartOf(std::string_view text) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) << 8 |
                                    static_cast<unsigned char>(text[1]));
}

// Words that stand in every capture and name nobody.
bool IsCommonWord(std::string_view word) {
  static constexpr std::array<std::string_view, 46> kCommon = {
      "int",    "void",     "float",  "double",    "char",   "bool",   "half",   "const", "auto",  "long",
      "short",  "unsigned", "kernel", "memcpy",    "memset", "stream", "device", "train", "step",  "main",
      "python", "torch",    "data",   "name",      "text",   "value",  "root",   "user",  "users", "home",
      "host",   "test",     "admin",  "localhost", "ubuntu", "nobody", "none",   "true",  "false", "default",
      "basic",  "runner",   "local",  "unknown",   "nvidia", "cuda"};
  std::string lower;
  for (const char c : word) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return std::find(kCommon.begin(), kCommon.end(), lower) != kCommon.end();
}

}  // namespace

void PrivateWords::Add(std::string_view word) {
  if (word.size() < 3 || word.size() > kMaxWordBytes || count_ >= kMaxPrivateWords || IsCommonWord(word))
    return;
  if (word.find(kRedacted) != std::string_view::npos) return;
  // Paths and small numbers stand in captures for good reasons.
  const bool number = word.find_first_not_of("0123456789.:-") == std::string_view::npos;
  if (word.front() == '/' || (number && word.size() < 7)) return;
  const bool digits = std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  auto& words = by_start_[StartOf(word)];
  const auto same = [&](const Word& w) { return w.text == word; };
  if (std::any_of(words.begin(), words.end(), same)) return;
  const auto place =
      std::upper_bound(words.begin(), words.end(), word.size(),
                       [](std::size_t size, const Word& known) { return size > known.text.size(); });
  words.insert(place, {std::string(word), word.size() < 12 || !digits});
  starts_[StartOf(word)] = true;
  longest_ = std::max(longest_, word.size());
  ++count_;
}

void PrivateWords::LearnText(std::string_view text) {
  std::vector<std::string> removed;
  (void)RedactText(text, removed);
  for (const auto& word : removed) Add(word);
}

void PrivateWords::LearnValue(std::string_view name, std::string_view value) {
  if (RedactValue(name, value) == kRedacted) {
    Add(value);
  } else {
    LearnText(value);
  }
}

const PrivateWords::Word* PrivateWords::At(std::string_view text, std::size_t at, bool names) const {
  if (at + 2 > text.size()) return nullptr;
  const auto rest = text.substr(at);
  if (!starts_[StartOf(rest)]) return nullptr;
  for (const auto& word : by_start_.find(StartOf(rest))->second) {
    if ((word.alone && !names) || !rest.starts_with(word.text)) continue;
    const std::size_t end = at + word.text.size();
    const bool alone =
        (at == 0 || !IsWordByte(text[at - 1])) && (end == text.size() || !IsWordByte(text[end]));
    if (alone || !word.alone) return &word;
  }
  return nullptr;
}

std::string PrivateWords::Replace(std::string text, bool names) const {
  if (count_ == 0) return text;
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Word* word = At(text, i, names);
    if (word == nullptr) {
      ++i;
      continue;
    }
    out.append(text, copied, i - copied).append(kRedacted);
    i = copied = i + word->text.size();
  }
  if (copied == 0) return text;
  return out.append(text, copied);
}

std::string PrivateWords::Redact(std::string_view text) const { return Replace(RedactText(text), true); }

std::string PrivateWords::Redact(std::string_view name, std::string_view value) const {
  return Replace(RedactValue(name, value), true);
}

std::string PrivateWords::RedactKey(std::string_view text) const { return Replace(RedactText(text), false); }

bool PrivateWords::FindSecret(std::string_view bytes, std::size_t until) const {
  for (std::size_t i = 0; i < std::min(until, bytes.size()); ++i) {
    if (At(bytes, i, false) != nullptr) return true;
  }
  return false;
}

}  // namespace altlas::profile
