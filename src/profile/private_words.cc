// SPDX-License-Identifier: Apache-2.0
#include "profile/private_words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "profile/redact.h"
#include "profile/secret_pairs.h"
#include "profile/secret_shapes.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxWordBytes = 64 << 10;

bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsNumber(std::string_view word) {
  return word.find_first_not_of("0123456789.:-") == std::string_view::npos;
}

std::uint16_t StartOf(std::string_view text) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(text[0]) << 8 |
                                    static_cast<unsigned char>(text[1]));
}

// What captures are written in, and words that name nobody. A secret within it is none to look for
// (names are not looked for within words).
constexpr std::string_view kCommonText =
    " int void float double char bool half const auto long short unsigned kernel memcpy memset stream device "
    "train step main python python3 torch data name text value values root user users home host test admin "
    "localhost ubuntu nobody none true false default basic runner local unknown nvidia cuda shared global "
    "string number integer object secret password token sqlite create table primary numeric "
    "traceevents schemaversion displaytimeunit deviceproperties distributedinfo cpu_op operator "
    "user_annotation gpu_user_annotation gpu_memcpy gpu_memset cuda_runtime cuda_driver cuda_sync "
    "xpu_runtime "
    "privateuse1_runtime privateuse1_driver mtia_runtime overhead ac2g async_cpu_to_gpu fwdbwd "
    "python_function cpu_instant_event process_name process_labels process_sort_index thread_name "
    "thread_sort_index correlation external registers blocks memory warps occupancy bandwidth ";

bool IsCommonWord(std::string_view word, bool within) {
  std::string lower;
  for (const char c : word) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  return lower.size() <= 32 && lower.find(' ') == std::string::npos &&
         (lower.size() < PrivateWords::kMinSecretBytes || !within
              ? kCommonText.find(" " + lower + " ")
              : kCommonText.find(lower)) != std::string_view::npos;
}

// A folder of every system, as SSL_CERT and XAUTHORITY name them.
bool IsSystemPath(std::string_view word) {
  static constexpr std::array<std::string_view, 12> kRoots = {
      "/usr", "/etc", "/bin", "/opt", "/var", "/lib", "/tmp", "/dev", "/proc", "/sys", "/run", "/home"};
  return std::any_of(kRoots.begin(), kRoots.end(), [&](std::string_view root) {
    return word == root || (word.starts_with(root) && word[root.size()] == '/');
  });
}

bool NameSays(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '"' || text[end - 1] == '\'')) --end;
  if (end == 0 || (text[end - 1] != '=' && text[end - 1] != ':')) return false;
  --end;
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '"' || text[end - 1] == '\'')) --end;
  std::size_t begin = end;
  while (begin > 0 && end - begin < 256 && (IsWordByte(text[begin - 1]) || text[begin - 1] == '_')) --begin;
  const auto name = text.substr(begin, end - begin);
  return IsPersonalName(name) && !IsSecretName(name);
}

// True where what RedactText took out of a text is somebody's name, not a secret.
bool IsPersonal(std::string_view text, std::string_view word) {
  if (FindEmail(word, 0).end == word.size()) return true;
  constexpr std::size_t kHomeBytes = 16;
  for (std::size_t at = text.find(word), tries = 0; at != std::string_view::npos && tries < 8;
       at = text.find(word, at + 1), ++tries) {
    if (NameSays(text, at)) return true;
    for (std::size_t i = at > kHomeBytes ? at - kHomeBytes : 0; i < at; ++i) {
      if ((text[i] == '/' || text[i] == '\\') && FindHomeUser(text, i).begin == at) return true;
    }
  }
  return false;
}

}  // namespace

void PrivateWords::Add(std::string_view word, bool is_secret) {
  if (word.size() < 3 || word.size() > kMaxWordBytes || IsCommonWord(word, is_secret)) return;
  if (word.find(kRedacted) != std::string_view::npos || kRedacted.find(word) != std::string_view::npos)
    return;
  const bool number = IsNumber(word);
  if (IsSystemPath(word) || (number && word.size() < 4)) return;
  is_secret = is_secret && !number && word.size() >= kMinSecretBytes;
  if (const auto known = words_.find(word); known != words_.end()) {
    known->second = known->second || is_secret;
    return;
  }
  if (words_.size() >= kMaxPrivateWords || bytes_ + word.size() > kMaxPrivateBytes) {
    is_full_ = true;
    return;
  }
  words_.emplace(word, is_secret);
  starts_[StartOf(word)] = true;
  longest_ = std::max(longest_, word.size());
  bytes_ += word.size();
}

void PrivateWords::LearnText(std::string_view text) {
  std::vector<std::string> removed;
  (void)RedactText(text, removed);
  for (const auto& word : removed) {
    Add(word, !IsPersonal(text, word));
    // "name:password" of a URL or of curl's -u.
    const auto colon = word.find(':');
    if (colon != std::string::npos && colon > 0) Add(std::string_view(word).substr(colon + 1), true);
  }
}

void PrivateWords::LearnValue(std::string_view name, std::string_view value) {
  name = MeantName(name);
  if (!GoesWhole(name, value)) {
    LearnText(value);
    return;
  }
  if (IsWeakName(name)) {
    LearnText(value);
    Add(value, false);
    return;
  }
  Add(value, IsSecretName(name));
}

std::size_t PrivateWords::At(std::string_view text, std::size_t at, bool names) const {
  if (at + 2 > text.size()) return 0;
  auto rest = text.substr(at, longest_);
  if (!starts_[StartOf(rest)]) return 0;
  // The longest word that `rest` begins with: of the words up to it, the last, or one that shares less.
  while (rest.size() >= 3) {
    auto next = words_.upper_bound(rest);
    if (next == words_.begin()) return 0;
    const auto& [word, is_secret] = *--next;
    const auto same = std::mismatch(word.begin(), word.end(), rest.begin(), rest.end());
    const auto shared = static_cast<std::size_t>(same.first - word.begin());
    if (shared < word.size()) {
      rest = rest.substr(0, shared);
      continue;
    }
    const std::size_t end = at + word.size();
    const bool alone =
        (at == 0 || !IsWordByte(text[at - 1])) && (end >= text.size() || !IsWordByte(text[end]));
    if (is_secret || (names && alone)) return word.size();
    rest = rest.substr(0, word.size() - 1);
  }
  return 0;
}

std::string PrivateWords::Replace(std::string text, bool names) const {
  if (words_.empty()) return text;
  std::string out;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = At(text, i, names);
    if (length == 0) {
      ++i;
      continue;
    }
    out.append(text, copied, i - copied).append(kRedacted);
    i = copied = i + length;
  }
  if (copied == 0) return text;
  return out.append(text, copied);
}

std::string PrivateWords::Redact(std::string_view text) const { return Replace(RedactText(text), true); }

std::string PrivateWords::Redact(std::string_view name, std::string_view value) const {
  return Replace(RedactValue(MeantName(name), value), true);
}

std::string PrivateWords::RedactKey(std::string_view text) const { return Replace(RedactText(text), false); }

bool PrivateWords::FindSecret(std::string_view bytes, std::size_t until) const {
  for (std::size_t i = 0; i < std::min(until, bytes.size()); ++i) {
    if (At(bytes, i, false) > 0) return true;
  }
  return false;
}

}  // namespace altlas::profile
