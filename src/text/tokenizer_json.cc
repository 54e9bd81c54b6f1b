// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_json.h"

#include "text/json_fields.h"
#include "text/word_model_json.h"

namespace altlas::text {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxJsonBytes = 64 << 20;
constexpr std::size_t kMaxValues = 4'000'000;  // the largest published vocabularies have about two million
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxSteps = 64;
constexpr std::uint32_t kMaxStrip = 1 << 20;

// What a parser would allocate, counted before it runs: a value follows each of these outside of strings.
Status CheckShape(std::string_view json) {
  if (json.size() > kMaxJsonBytes)
    return Fail(ErrorCode::kTooLarge, "tokenizer.json has {} bytes, at most {} are read", json.size(),
                kMaxJsonBytes);
  std::size_t values = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == ']' || c == '}') --depth;
    if (c == '[' || c == '{') ++depth;
    if (c == '[' || c == '{' || c == ',') ++values;
    if (depth > kMaxDepth)
      return Fail(ErrorCode::kCorrupt, "tokenizer.json is nested deeper than {} at byte {}", kMaxDepth, i);
    if (values > kMaxValues)
      return Fail(ErrorCode::kTooLarge, "tokenizer.json holds more than {} values", kMaxValues);
  }
  return {};
}

struct Pattern {
  std::string text;
  bool is_regex = false;
};

Result<Pattern> ReadPattern(const Fields& fields) {
  ALTLAS_TRY(const Fields pattern, fields.Object("pattern"));
  const bool is_regex = pattern.Find("Regex") != nullptr;
  ALTLAS_TRY(auto text, pattern.String(is_regex ? "Regex" : "String"));
  return Pattern{std::move(text), is_regex};
}

// Calls `read` for a part of the file, or for each step of it where it is a Sequence; null means there is
// none.
template <typename Read>
Status EachStep(const Json* value, const std::string& path, const char* list, Read read) {
  if (value == nullptr) return {};
  ALTLAS_TRY(const Fields fields, Fields::Of(*value, path));
  ALTLAS_TRY(const std::string type, fields.String("type"));
  if (type != "Sequence") return read(type, fields);
  ALTLAS_TRY(const Json* steps, fields.Array(list));
  std::size_t index = 0;
  for (const auto& step : *steps) {
    ALTLAS_TRY_VOID(EachStep(&step, fmt::format("{}.{}[{}]", path, list, index++), list, read));
  }
  return {};
}

Error UnknownType(const Fields& fields, std::string_view type, std::string_view offered) {
  return Fail(ErrorCode::kUnsupported, "{} \"{}\" is not supported; supported are {}", fields.PathOf("type"),
              type, offered);
}

Status ReadNormalizer(std::string_view type, const Fields& fields, std::vector<NormalizerSpec>& out) {
  using Kind = NormalizerSpec::Kind;
  NormalizerSpec spec;
  if (type == "NFC")
    spec.kind = Kind::kNfc;
  else if (type == "NFD")
    spec.kind = Kind::kNfd;
  else if (type == "NFKC")
    spec.kind = Kind::kNfkc;
  else if (type == "NFKD")
    spec.kind = Kind::kNfkd;
  else if (type == "Lowercase")
    spec.kind = Kind::kLowercase;
  else if (type == "StripAccents")
    spec.kind = Kind::kStripAccents;
  else if (type == "ByteLevel")
    spec.kind = Kind::kByteLevel;
  else if (type == "BertNormalizer") {
    spec.kind = Kind::kBert;
    ALTLAS_TRY(spec.clean_text, fields.Bool("clean_text"));
    ALTLAS_TRY(spec.space_han, fields.Bool("handle_chinese_chars"));
    ALTLAS_TRY(spec.lowercase, fields.Bool("lowercase"));
    ALTLAS_TRY(spec.strip_accents, fields.Bool("strip_accents", spec.lowercase));
  } else if (type == "Strip") {
    spec.kind = Kind::kStrip;
    ALTLAS_TRY(spec.left, fields.Bool("strip_left"));
    ALTLAS_TRY(spec.right, fields.Bool("strip_right"));
  } else if (type == "Prepend") {
    spec.kind = Kind::kPrepend;
    ALTLAS_TRY(spec.prepend, fields.String("prepend"));
  } else if (type == "Replace") {
    spec.kind = Kind::kReplace;
    ALTLAS_TRY(auto pattern, ReadPattern(fields));
    spec.pattern = std::move(pattern.text);
    spec.pattern_is_regex = pattern.is_regex;
    ALTLAS_TRY(spec.content, fields.String("content"));
  } else {
    return UnknownType(
        fields, type,
        "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, ByteLevel, BertNormalizer, "
        "Sequence");
  }
  out.push_back(std::move(spec));
  return {};
}

Result<SplitBehavior> ReadBehavior(const Fields& fields, std::optional<std::string> absent) {
  ALTLAS_TRY(const std::string name, fields.String("behavior", std::move(absent)));
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  return fields.Wrong("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

Result<PrependScheme> ReadPrependScheme(const Fields& fields) {
  ALTLAS_TRY(const std::string name, fields.String("prepend_scheme", "always"));
  const bool never = name == "never";
  if (!never && name != "always" && name != "first")
    return fields.Wrong("prepend_scheme", "always, first or never");
  ALTLAS_TRY(const bool prefix, fields.Bool("add_prefix_space", true));
  if (!prefix && !never)
    return Fail(ErrorCode::kCorrupt, "{} is false, so {} must be \"never\", not \"{}\"",
                fields.PathOf("add_prefix_space"), fields.PathOf("prepend_scheme"), name);
  return never ? PrependScheme::kNever : name == "first" ? PrependScheme::kFirst : PrependScheme::kAlways;
}

Status ReadPreTokenizer(std::string_view type, const Fields& fields, std::vector<PreTokenizerSpec>& out) {
  using Kind = PreTokenizerSpec::Kind;
  PreTokenizerSpec spec;
  if (type == "Whitespace") {
    spec.kind = Kind::kWhitespace;
  } else if (type == "WhitespaceSplit") {
    spec.kind = Kind::kWhitespaceSplit;
  } else if (type == "BertPreTokenizer") {
    spec.kind = Kind::kBert;
  } else if (type == "ByteLevel") {
    ALTLAS_TRY(spec.add_prefix_space, fields.Bool("add_prefix_space"));
    ALTLAS_TRY(spec.use_regex, fields.Bool("use_regex", true));
  } else if (type == "Split") {
    spec.kind = Kind::kSplit;
    ALTLAS_TRY(auto pattern, ReadPattern(fields));
    spec.pattern = std::move(pattern.text);
    spec.pattern_is_regex = pattern.is_regex;
    ALTLAS_TRY(spec.behavior, ReadBehavior(fields, {}));
    ALTLAS_TRY(spec.invert, fields.Bool("invert"));
  } else if (type == "Metaspace") {
    spec.kind = Kind::kMetaspace;
    ALTLAS_TRY(spec.character, fields.Character("replacement"));
    ALTLAS_TRY(spec.prepend, ReadPrependScheme(fields));
    ALTLAS_TRY(spec.split, fields.Bool("split", true));
  } else if (type == "Digits") {
    spec.kind = Kind::kDigits;
    ALTLAS_TRY(spec.individual_digits, fields.Bool("individual_digits"));
  } else if (type == "Punctuation") {
    spec.kind = Kind::kPunctuation;
    ALTLAS_TRY(spec.behavior, ReadBehavior(fields, "Isolated"));
  } else if (type == "CharDelimiterSplit") {
    spec.kind = Kind::kDelimiter;
    ALTLAS_TRY(spec.character, fields.Character("delimiter"));
  } else {
    return UnknownType(fields, type,
                       "ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, Digits, Punctuation, "
                       "CharDelimiterSplit, BertPreTokenizer, Sequence");
  }
  out.push_back(std::move(spec));
  return {};
}

// A template's piece is {"Sequence": {"id": "A"}} or {"SpecialToken": {"id": "<s>"}}.
Result<PostProcessorSpec::Part> ReadPart(const Json& value, const std::string& path, const Fields& specials) {
  ALTLAS_TRY(const Fields piece, Fields::Of(value, path));
  PostProcessorSpec::Part part;
  part.is_text = piece.Find("Sequence") != nullptr;
  ALTLAS_TRY(const Fields body, piece.Object(part.is_text ? "Sequence" : "SpecialToken"));
  ALTLAS_TRY(const std::string id, body.String("id"));
  if (part.is_text) {
    if (id != "A") return body.Wrong("id", "\"A\" (the template of a single text holds no other)");
    return part;
  }
  ALTLAS_TRY(const Fields special, specials.Object(id.c_str()));
  ALTLAS_TRY(const Json* ids, special.Array("ids"));
  for (const auto& value_of_id : *ids) {
    const auto number = SmallNumber(value_of_id, kMaxId);
    if (!number || part.ids.size() >= kMaxParts) return special.Wrong("ids", "a short list of token ids");
    part.ids.push_back(*number);
  }
  return part;
}

Result<PostProcessorSpec> ReadTemplate(const Fields& fields) {
  PostProcessorSpec spec;
  ALTLAS_TRY(const Fields specials, fields.Object("special_tokens"));
  ALTLAS_TRY(const Json* single, fields.Array("single"));
  if (single->size() > kMaxParts)
    return fields.Wrong("single", fmt::format("a list of at most {} pieces", kMaxParts));
  std::size_t texts = 0;
  for (const auto& piece : *single) {
    ALTLAS_TRY(auto part,
               ReadPart(piece, fields.PathOf(fmt::format("single[{}]", spec.parts.size())), specials));
    texts += part.is_text ? 1 : 0;
    spec.parts.push_back(std::move(part));
  }
  if (texts > 1) return fields.Wrong("single", "a template that holds the text once");
  return spec;
}

// ["</s>", 2]
Result<PostProcessorSpec::Part> ReadTokenPair(const Fields& fields, const char* name) {
  ALTLAS_TRY(const Json* pair, fields.Array(name));
  const auto id =
      pair->size() == 2 && pair->at(0).is_string() ? SmallNumber(pair->at(1), kMaxId) : std::nullopt;
  if (!id) return fields.Wrong(name, "a token and its id");
  return PostProcessorSpec::Part{false, {*id}};
}

Status ReadPostProcessor(std::string_view type, const Fields& fields, std::vector<PostProcessorSpec>& out) {
  if (type == "ByteLevel" || type == "RobertaProcessing") {
    PostProcessorSpec trim{PostProcessorSpec::Kind::kTrimOffsets, true, {}};
    ALTLAS_TRY(trim.add_prefix_space, fields.Bool("add_prefix_space"));
    ALTLAS_TRY(const bool trims, fields.Bool("trim_offsets"));
    if (trims) out.push_back(std::move(trim));
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    PostProcessorSpec around;
    ALTLAS_TRY(auto begin, ReadTokenPair(fields, "cls"));
    ALTLAS_TRY(auto end, ReadTokenPair(fields, "sep"));
    around.parts = {std::move(begin), {true, {}}, std::move(end)};
    out.push_back(std::move(around));
    return {};
  }
  if (type == "TemplateProcessing") {
    ALTLAS_TRY(auto spec, ReadTemplate(fields));
    out.push_back(std::move(spec));
    return {};
  }
  if (type == "ByteLevel") return {};
  return UnknownType(fields, type,
                     "TemplateProcessing, ByteLevel, RobertaProcessing, BertProcessing, Sequence");
}

Status ReadDecoder(std::string_view type, const Fields& fields, std::vector<DecoderSpec>& out) {
  using Kind = DecoderSpec::Kind;
  DecoderSpec spec;
  if (type == "ByteLevel") {
    spec.kind = Kind::kByteLevel;
  } else if (type == "ByteFallback") {
    spec.kind = Kind::kByteFallback;
  } else if (type == "Fuse") {
    spec.kind = Kind::kFuse;
  } else if (type == "Metaspace") {
    spec.kind = Kind::kMetaspace;
    ALTLAS_TRY(spec.character, fields.Character("replacement"));
    ALTLAS_TRY(const auto scheme, ReadPrependScheme(fields));
    spec.drop_first = scheme != PrependScheme::kNever;
  } else if (type == "Strip") {
    spec.kind = Kind::kStrip;
    ALTLAS_TRY(spec.character, fields.Character("content"));
    ALTLAS_TRY(spec.start, fields.Number("start", kMaxStrip));
    ALTLAS_TRY(spec.stop, fields.Number("stop", kMaxStrip));
  } else if (type == "Replace") {
    spec.kind = Kind::kReplace;
    ALTLAS_TRY(auto pattern, ReadPattern(fields));
    spec.pattern = std::move(pattern.text);
    spec.pattern_is_regex = pattern.is_regex;
    ALTLAS_TRY(spec.content, fields.String("content"));
  } else if (type == "WordPiece") {
    spec.kind = Kind::kWordPiece;
    ALTLAS_TRY(spec.pattern, fields.String("prefix"));
    ALTLAS_TRY(spec.cleanup, fields.Bool("cleanup"));
  } else if (type == "BPEDecoder") {
    spec.kind = Kind::kBpe;
    ALTLAS_TRY(spec.pattern, fields.String("suffix"));
  } else {
    return UnknownType(
        fields, type,
        "ByteLevel, Metaspace, ByteFallback, Fuse, Strip, Replace, BPEDecoder, WordPiece, Sequence");
  }
  out.push_back(std::move(spec));
  return {};
}

Result<std::vector<AddedToken>> ReadAddedTokens(const Fields& root) {
  std::vector<AddedToken> out;
  if (root.Find("added_tokens") == nullptr) return out;
  ALTLAS_TRY(const Json* list, root.Array("added_tokens"));
  for (const auto& value : *list) {
    ALTLAS_TRY(const Fields fields, Fields::Of(value, fmt::format("added_tokens[{}]", out.size())));
    AddedToken token;
    ALTLAS_TRY(token.id, fields.Number("id", kMaxId));
    ALTLAS_TRY(token.content, fields.String("content"));
    ALTLAS_TRY(token.single_word, fields.Bool("single_word"));
    ALTLAS_TRY(token.left_strip, fields.Bool("lstrip"));
    ALTLAS_TRY(token.right_strip, fields.Bool("rstrip"));
    ALTLAS_TRY(token.normalized, fields.Bool("normalized"));
    ALTLAS_TRY(token.special, fields.Bool("special"));
    out.push_back(std::move(token));
  }
  return out;
}

Result<TokenizerSpec> ReadRoot(const Json& json) {
  ALTLAS_TRY(const Fields root, Fields::Of(json, ""));
  ALTLAS_TRY(const std::string version, root.String("version", "1.0"));
  if (version != "1.0")
    return Fail(ErrorCode::kUnsupported, "version \"{}\" is not supported; supported is \"1.0\"", version);
  TokenizerSpec out;
  ALTLAS_TRY(out.model, ReadWordModel(root));
  ALTLAS_TRY(out.added_tokens, ReadAddedTokens(root));
  out.has_decoder = root.Find("decoder") != nullptr;
  const auto into = [](auto reader, auto& list) {
    return
        [reader, &list](std::string_view type, const Fields& fields) { return reader(type, fields, list); };
  };
  ALTLAS_TRY_VOID(
      EachStep(root.Find("normalizer"), "normalizer", "normalizers", into(ReadNormalizer, out.normalizer)));
  ALTLAS_TRY_VOID(EachStep(root.Find("pre_tokenizer"), "pre_tokenizer", "pretokenizers",
                           into(ReadPreTokenizer, out.pre_tokenizer)));
  ALTLAS_TRY_VOID(EachStep(root.Find("post_processor"), "post_processor", "processors",
                           into(ReadPostProcessor, out.post_processor)));
  ALTLAS_TRY_VOID(EachStep(root.Find("decoder"), "decoder", "decoders", into(ReadDecoder, out.decoder)));
  for (const auto steps :
       {out.normalizer.size(), out.pre_tokenizer.size(), out.post_processor.size(), out.decoder.size()}) {
    if (steps > kMaxSteps)
      return Fail(ErrorCode::kTooLarge, "a sequence of {} steps, at most {} are supported", steps, kMaxSteps);
  }
  return out;
}

}  // namespace

Result<TokenizerSpec> ReadTokenizerJson(std::string_view json) {
  ALTLAS_TRY_VOID(CheckShape(json));
  try {
    return ReadRoot(Json::parse(json));
  } catch (const Json::parse_error& error) {
    return Fail(ErrorCode::kCorrupt, "tokenizer.json is not JSON at byte {}", error.byte);
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "tokenizer.json: {}", error.what());
  }
}

}  // namespace altlas::text
