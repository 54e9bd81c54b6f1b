// SPDX-License-Identifier: Apache-2.0
#include "worker/serve/tokenizer_codec.h"

namespace altlas::serve {
namespace {

class DecoderStream final : public TextStream {
 public:
  explicit DecoderStream(const text::Tokenizer& tokenizer) : decoder_(tokenizer, true) {}
  void Push(std::uint32_t id, std::string& out) override { out += decoder_.Push(id); }
  void Finish(std::string& out) override { out += decoder_.Finish(); }

 private:
  text::StreamDecoder decoder_;
};

}  // namespace

Result<std::vector<std::uint32_t>> TokenizerCodec::Encode(std::string_view text) const {
  ALTLAS_TRY(auto encoding, tokenizer_->Encode(text, true));
  return std::move(encoding.ids);
}

std::unique_ptr<TextStream> TokenizerCodec::NewStream() const {
  return std::make_unique<DecoderStream>(*tokenizer_);
}

}  // namespace altlas::serve
