// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace altlas::text {

using TokenId = std::uint32_t;

// A byte range [begin, end) of the text that was given to Encode.
struct TextSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const TextSpan&) const = default;
};

// One id and one span per token. A token added by the post-processor (a begin token) has the empty span {0,
// 0}; several tokens may share a span (the bytes of one character in a byte-level vocabulary).
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TextSpan> spans;
  std::size_t dropped = 0;  // tokens of the text past Encode's limit
};

// Turns text into token ids and back exactly as the `tokenizers` library does when it reads the same
// `tokenizer.json`; docs/formats/tokenizer.md says which parts of that format are read and which are refused.
//
// Not read on purpose: "truncation" and "padding"; the caller decides about lengths.
// Immutable after Load: every method is const, thread-safe, and does not block.
// Text is UTF-8. Other bytes are taken as Python's `bytes.decode("utf-8", "replace")` takes them (each
// maximal invalid sequence is U+FFFD), and then spans count bytes of that replaced text. The caller caps the
// length (at most 1 GiB). Time is n log n in the length of the text, whatever the text.
class Tokenizer {
 public:
  // Reads `<path>/tokenizer.json` where `path` is a folder, or, where that lacks it, BERT's older `vocab.txt`
  // with `tokenizer_config.json` (vocab_txt.h); else the file `path` itself. Blocks on the disk.
  // kNotFound; kTooLarge past 64 MiB; kUnsupported for a part of the format that is not offered (it is
  // named); kCorrupt for a file that contradicts itself or the format.
  static Result<std::unique_ptr<const Tokenizer>> Load(const std::filesystem::path& path);
  // The same from the bytes of a tokenizer.json.
  static Result<std::unique_ptr<const Tokenizer>> Parse(std::string_view json);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // The ids of `text`. `add_special_tokens` applies the post-processor's template (begin and end tokens).
  // Added tokens that stand in the text are always recognised, special ones too. kTooLarge past 1 GiB;
  // kInvalidArgument where the model has no token for a character and names no unknown token, or the file's
  // own regular expression gives up.
  Result<Encoding> Encode(std::string_view text, bool add_special_tokens) const;
  // The same, with at most `limit` ids: the text's last tokens are left out, never the template's (whose ids
  // alone may be more than the limit).
  Result<Encoding> EncodeUpTo(std::string_view text, bool add_special_tokens, std::size_t limit) const;

  // The text of `ids`: valid UTF-8 always; incomplete sequences show as U+FFFD. Ids without a token are
  // skipped.
  std::string Decode(std::span<const TokenId> ids, bool skip_special) const;

  // How many distinct tokens there are, added ones included.
  std::size_t vocab_size() const;
  // One past the largest id: what an embedding needs at least.
  std::size_t id_limit() const;
  std::optional<TokenId> IdOf(std::string_view token) const;
  // The token as the vocabulary spells it (byte-level spelling included). Empty optional for an id nobody
  // has.
  std::optional<std::string> TokenOf(TokenId id) const;
  // Whether Decode(..., true) leaves it out.
  bool IsSpecial(TokenId id) const;
  // Sentences about parts of the file that were read differently from what they say (an added token whose id
  // is not the one the library gives it). For the log; empty for a sound file.
  const std::vector<std::string>& warnings() const;

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Decodes ids as they come. Push returns the text that became final with this id, possibly none: an
// incomplete UTF-8 sequence, and whatever else a later id could still change, is held back. The concatenation
// of all Push results and Finish is exactly Decode of all ids. Each returned piece is valid UTF-8. To
// continue a text whose first ids were emitted earlier, push them first and drop what comes out. The
// tokenizer must outlive it. Not thread-safe; one for each stream. Never blocks, never fails.
class StreamDecoder {
 public:
  StreamDecoder(const Tokenizer& tokenizer, bool skip_special);
  ~StreamDecoder();
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;

  std::string Push(TokenId id);
  // What was held back. Call once, last.
  std::string Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace altlas::text
