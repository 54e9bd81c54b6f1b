// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer_json.h"

namespace altlas::text {

// BERT's older form of a tokenizer: `vocab.txt`, one token a line, whose number from 0 is its id, and
// `tokenizer_config.json` (may be empty: not there) with do_lower_case, tokenize_chinese_chars, strip_accents
// and the special tokens cls_token, sep_token, unk_token, pad_token, mask_token, each a string or an object
// with "content". What transformers makes of it: BertNormalizer, BertPreTokenizer, WordPiece, [CLS] text
// [SEP]. kTooLarge, kCorrupt, each naming file and line or field.
Result<TokenizerSpec> ReadVocabTxt(std::string_view vocabulary, std::string_view config_json);

// The same from a folder. Blocks on the disk.
Result<TokenizerSpec> LoadVocabTxt(const std::filesystem::path& folder);

}  // namespace altlas::text
