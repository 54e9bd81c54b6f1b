// SPDX-License-Identifier: Apache-2.0
#include "text/post_processor.h"

#include <algorithm>

#include "text/unicode.h"

namespace altlas::text {
namespace {

constexpr char32_t kByteLevelSpace = 0x120;  // the byte 0x20 in the byte-level alphabet

bool IsSpace(char32_t c) { return c == kByteLevelSpace || IsWhitespace(c); }

std::size_t LeadingSpaces(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size() && IsSpace(NextChar(text, at));) ++count;
  return count;
}

std::size_t TrailingSpaces(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t end = text.size(); end > 0; ++count) {
    const std::size_t begin = PreviousChar(text, end);
    std::size_t at = begin;
    if (!IsSpace(NextChar(text, at))) break;
    end = begin;
  }
  return count;
}

void Trim(std::string_view text, TokenPart& token, bool first, bool add_prefix_space) {
  std::size_t leading = LeadingSpaces(token.spelling);
  const std::size_t trailing = TrailingSpaces(token.spelling);
  std::size_t begin = token.span.begin, end = token.span.end;
  if ((first || begin == 0) && add_prefix_space && leading == 1) leading = 0;
  while (leading-- > 0 && begin < end) begin += CharSize(text[begin]);
  // All or nothing: where the text does not have that many characters before the end, the end stays.
  std::size_t cut = end, left = trailing;
  for (; left > 0 && cut > 0; --left) cut = PreviousChar(text, cut);
  if (left == 0) end = std::max(cut, begin);
  token.span = {static_cast<std::uint32_t>(std::min(begin, end)), static_cast<std::uint32_t>(end)};
}

std::size_t TemplateIds(const PostProcessorSpec* around) {
  std::size_t count = 0;
  if (around == nullptr) return count;
  for (const auto& part : around->parts) count += part.ids.size();
  return count;
}

}  // namespace

Result<PostProcessor> PostProcessor::Create(std::vector<PostProcessorSpec> steps) {
  const auto templates = std::count_if(steps.begin(), steps.end(), [](const PostProcessorSpec& step) {
    return step.kind == PostProcessorSpec::Kind::kTemplate;
  });
  if (templates > 1)
    return Fail(ErrorCode::kUnsupported,
                "post_processor: {} templates in a sequence, at most one is supported", templates);
  PostProcessor out;
  out.steps_ = std::move(steps);
  return out;
}

Encoding PostProcessor::Apply(std::string_view text, std::vector<TokenPart> tokens, bool add_special_tokens,
                              std::size_t limit) const {
  const PostProcessorSpec* around = nullptr;
  for (const auto& step : steps_) {
    if (step.kind == PostProcessorSpec::Kind::kTemplate) around = &step;
  }
  Encoding out;
  const std::size_t room = limit - std::min(limit, add_special_tokens ? TemplateIds(around) : 0);
  if (tokens.size() > room) {
    out.dropped = tokens.size() - room;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(room), tokens.end());
  }
  for (const auto& step : steps_) {
    if (step.kind != PostProcessorSpec::Kind::kTrimOffsets) continue;
    for (std::size_t i = 0; i < tokens.size(); ++i) Trim(text, tokens[i], i == 0, step.add_prefix_space);
  }
  out.ids.reserve(tokens.size() + 2);
  out.spans.reserve(tokens.size() + 2);
  const auto put_text = [&] {
    for (const auto& token : tokens) {
      out.ids.push_back(token.id);
      out.spans.push_back(token.span);
    }
  };
  if (around == nullptr) {
    put_text();
    return out;
  }
  for (const auto& part : around->parts) {
    if (part.is_text) put_text();
    if (!part.is_text && add_special_tokens) {
      out.ids.insert(out.ids.end(), part.ids.begin(), part.ids.end());
      out.spans.resize(out.ids.size());
    }
  }
  return out;
}

}  // namespace altlas::text
