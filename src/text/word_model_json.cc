// SPDX-License-Identifier: Apache-2.0
#include "text/word_model_json.h"

#include <limits>

namespace altlas::text {
namespace {

using Json = nlohmann::json;

// A merge is "a b" or ["a", "b"], the same for all of them.
Status ReadMerges(const Json& list, BpeSpec& out) {
  out.merges.reserve(list.size());
  const bool spelled = !list.empty() && list.front().is_string();
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& merge = list[i];
    const auto wrong = [&] {
      return Fail(
          ErrorCode::kCorrupt, "model.merges[{}] must be {}", i,
          spelled ? "two tokens with one space between them" : "a list of two tokens, as the first merge is");
    };
    if (merge.is_string() != spelled) return wrong();
    if (!spelled) {
      if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string())
        return wrong();
      out.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const auto& text = merge.get_ref<const std::string&>();
    if (text.starts_with("#version")) continue;
    const auto space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) return wrong();
    out.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return {};
}

Result<std::vector<std::pair<std::string, TokenId>>> ReadVocabulary(const Fields& fields) {
  ALTLAS_TRY_VOID(fields.Object("vocab"));
  const Json& vocabulary = *fields.Find("vocab");
  std::vector<std::pair<std::string, TokenId>> out;
  out.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    const auto number = SmallNumber(id, kMaxId);
    if (!number)
      return Fail(ErrorCode::kCorrupt, "model.vocab: the id of \"{}\" must be a whole number from 0 to {}",
                  token, kMaxId);
    out.emplace_back(token, *number);
  }
  return out;
}

Result<BpeSpec> ReadBpe(const Fields& fields) {
  if (const auto* dropout = fields.Find("dropout");
      dropout != nullptr && !(dropout->is_number() && *dropout == 0))
    return Fail(ErrorCode::kUnsupported, "model.dropout is for training; here it must be null or 0");
  BpeSpec out;
  if (fields.Find("unk_token") != nullptr) {
    ALTLAS_TRY(out.unknown_token, fields.String("unk_token"));
  }
  ALTLAS_TRY(out.continuing_prefix, fields.String("continuing_subword_prefix", ""));
  ALTLAS_TRY(out.end_suffix, fields.String("end_of_word_suffix", ""));
  ALTLAS_TRY(out.fuse_unknown, fields.Bool("fuse_unk", false));
  ALTLAS_TRY(out.byte_fallback, fields.Bool("byte_fallback", false));
  ALTLAS_TRY(out.ignore_merges, fields.Bool("ignore_merges", false));
  ALTLAS_TRY(out.vocabulary, ReadVocabulary(fields));
  ALTLAS_TRY(const Json* merges, fields.Array("merges"));
  ALTLAS_TRY_VOID(ReadMerges(*merges, out));
  return out;
}

Result<WordPieceSpec> ReadWordPiece(const Fields& fields) {
  WordPieceSpec out;
  ALTLAS_TRY(out.unknown_token, fields.String("unk_token"));
  ALTLAS_TRY(out.continuing_prefix, fields.String("continuing_subword_prefix", "##"));
  if (fields.Find("max_input_chars_per_word") != nullptr) {
    ALTLAS_TRY(out.max_characters,
               fields.Number("max_input_chars_per_word", std::numeric_limits<std::uint32_t>::max()));
  }
  ALTLAS_TRY(out.vocabulary, ReadVocabulary(fields));
  return out;
}

}  // namespace

Result<WordModelSpec> ReadWordModel(const Fields& root) {
  ALTLAS_TRY(const Fields fields, root.Object("model"));
  ALTLAS_TRY(const std::string type, fields.String("type", "BPE"));
  if (type == "WordLevel" || type == "Unigram")
    return Fail(ErrorCode::kUnsupported,
                "model.type \"{}\" is not supported yet; supported are BPE and WordPiece", type);
  if (type == "WordPiece") {
    ALTLAS_TRY(auto spec, ReadWordPiece(fields));
    return WordModelSpec(std::move(spec));
  }
  if (type != "BPE") return fields.Wrong("type", "\"BPE\" or \"WordPiece\"");
  ALTLAS_TRY(auto spec, ReadBpe(fields));
  return WordModelSpec(std::move(spec));
}

}  // namespace altlas::text
