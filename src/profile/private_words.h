// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace altlas::profile {

// Secrets and names that one place of a capture gave away (a variable named TOKEN, the user in a path) and
// that may stand elsewhere without a sign. Three kinds:
// - secrets: taken out wherever they stand, also within other words, in names and in keys;
// - weak ones (shorter than kMinSecretBytes, numbers, values of what is only called "key"): where they stand
//   alone in text, not in names;
// - personal names: likewise.
// Words of the formats themselves and everyday ones are not learnt. Not thread-safe while it grows.
class PrivateWords {
 public:
  static constexpr std::size_t kMaxPrivateWords = 500'000;
  static constexpr std::size_t kMaxPrivateBytes = 64 << 20;
  static constexpr std::size_t kMinSecretBytes = 6;
  // Learns from a text what RedactText would take out of it.
  void LearnText(std::string_view text);
  // Learns a variable's value where its name says secret or personal, else from its text.
  void LearnValue(std::string_view name, std::string_view value);

  // RedactText, then every known word.
  std::string Redact(std::string_view text) const;
  // RedactValue, and the known words.
  std::string Redact(std::string_view name, std::string_view value) const;
  // RedactText, and the known secrets alone: for keys, columns, and the names of kernels, operators and
  // calls, where a user called "max" must not change what is counted.
  std::string RedactKey(std::string_view text) const;
  // True where a known secret begins before `until`.
  bool FindSecret(std::string_view bytes, std::size_t until) const;
  // True for exactly a known word: how a number is asked for.
  bool Knows(std::string_view word) const { return words_.find(word) != words_.end(); }
  // The longest known word: what a scan in pieces must keep of the piece before.
  std::size_t longest() const { return longest_; }
  std::size_t size() const { return words_.size(); }
  // True where a word found no room: what was learnt is not all.
  bool is_full() const { return is_full_; }

 private:
  void Add(std::string_view word, bool is_secret);
  // How long the known word is that begins here; 0 for none.
  std::size_t At(std::string_view text, std::size_t at, bool names) const;
  std::string Replace(std::string text, bool names) const;

  std::map<std::string, bool, std::less<>> words_;  // true: a secret
  std::vector<bool> starts_ = std::vector<bool>(65536);
  std::size_t longest_ = 0;
  std::size_t bytes_ = 0;
  bool is_full_ = false;
};

}  // namespace altlas::profile
