// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/piece.h"

namespace altlas::text {

// A regular expression of a tokenizer.json. Those are written for Oniguruma; Compile rewrites what both
// engines know to PCRE2 with the same meaning (white space, categories of late Unicode versions,
// intersections of classes), and refuses by name what it cannot. Immutable and thread-safe after Compile.
class Regex {
 public:
  // kUnsupported for a construct that is not offered, kCorrupt for a pattern that is none. Patterns past 16
  // KiB are refused.
  static Result<Regex> Compile(std::string_view pattern);
  // An expression that matches `text` and nothing else. kUnsupported where it is empty.
  static Result<Regex> Literal(std::string_view text);
  // The Whitespace pre-tokenizer's words: runs of word characters, or of neither those nor white space.
  static Result<Regex> Words();
  // One word character, as added tokens with "single_word" look for it beside them.
  static Result<Regex> WordCharacter();

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // All matches of valid UTF-8 and the gaps between them, as the library walks them: an empty match right
  // after a match does not count. kInvalidArgument where a hostile pattern needs too many steps.
  Result<Segments> FindAll(std::string_view text) const;
  // Whether there is a match anywhere in valid UTF-8.
  bool Matches(std::string_view text) const;

 private:
  struct Compiled;
  explicit Regex(std::unique_ptr<Compiled> compiled);
  static Result<Regex> CompilePcre(const std::string& pattern, std::string_view original);
  std::unique_ptr<Compiled> compiled_;
};

// How many times longer than what it replaces `content` can be: steps of a file may not multiply a text
// without bound.
std::size_t GrowthOf(std::string_view pattern, bool is_regex, std::string_view content);
inline constexpr std::size_t kMaxGrowth = 256;

// Rewrites an Oniguruma pattern for PCRE2 with UTF and UCP on. Exposed for its tests.
Result<std::string> RewritePattern(std::string_view pattern);

}  // namespace altlas::text
