// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace altlas::profile {

// Secrets and names that one place of a capture gave away (a variable named TOKEN, the user in a path) and
// that may stand elsewhere without a sign. At most kMaxPrivateWords; not thread-safe while it grows.
class PrivateWords {
 public:
  static constexpr std::size_t kMaxPrivateWords = 20'000;
  // Learns from a text what RedactText would take out of it.
  void LearnText(std::string_view text);
  // Learns a variable's value where its name says secret or personal, else from its text.
  void LearnValue(std::string_view name, std::string_view value);

  // RedactText, then every known word: names where they stand alone, secrets anywhere.
  std::string Redact(std::string_view text) const;
  // RedactValue, and the known words.
  std::string Redact(std::string_view name, std::string_view value) const;
  // RedactText, and the known secrets but no names: for keys, columns and other structure, where a user
  // called "name" must not break the file.
  std::string RedactKey(std::string_view text) const;
  // True where a known secret (not a name) begins before `until`.
  bool FindSecret(std::string_view bytes, std::size_t until) const;
  // The longest known word: what a scan in pieces must keep of the piece before.
  std::size_t longest() const { return longest_; }
  std::size_t size() const { return count_; }

 private:
  struct Word {
    std::string text;
    bool alone = false;  // counts only between characters that are no letters or digits
  };
  void Add(std::string_view word);
  const Word* At(std::string_view text, std::size_t at, bool names) const;
  std::string Replace(std::string text, bool names) const;

  std::map<std::uint16_t, std::vector<Word>> by_start_;  // by the first two bytes, longest first
  std::vector<bool> starts_ = std::vector<bool>(65536);
  std::size_t longest_ = 0;
  std::size_t count_ = 0;
};

}  // namespace altlas::profile
