// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tokenizer.json: read or refused with a sentence, never a crash; what is read encodes and
// decodes, and a stream says what decoding says.
#include <cstdint>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using altlas::text::StreamDecoder;
  using altlas::text::Tokenizer;
  const auto parsed = Tokenizer::Parse({reinterpret_cast<const char*>(data), size});
  if (!parsed.has_value()) {
    ALTLAS_CHECK(!parsed.error().message.empty());
    return 0;
  }
  const Tokenizer& tokenizer = **parsed;
  for (const std::string_view text : {"", "ab a1, <s> \n\te\xcc\x81 \xe6\x97\xa5 ab", "  AB\xc2\xa0<x>  "}) {
    const auto encoding = tokenizer.Encode(text, true);
    if (!encoding.has_value()) continue;
    ALTLAS_CHECK(encoding->ids.size() == encoding->spans.size());
    StreamDecoder stream(tokenizer, false);
    std::string streamed;
    for (const auto id : encoding->ids) streamed += stream.Push(id);
    streamed += stream.Finish();
    ALTLAS_CHECK(streamed == tokenizer.Decode(encoding->ids, false));
  }
  return 0;
}
