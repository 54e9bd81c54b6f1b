// SPDX-License-Identifier: Apache-2.0
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace altlas::text {
namespace {

constexpr std::uint32_t kStepsAtLeast = 10'000'000;
constexpr std::size_t kMaxHeapKib = 256 << 10;

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string Message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct Regex::Compiled {
  pcre2_code* code = nullptr;
  std::string pattern;
  ~Compiled() { pcre2_code_free(code); }
};

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::CompilePcre(const std::string& pattern, std::string_view original) {
  int error = 0;
  std::size_t offset = 0;
  auto compiled = std::make_unique<Compiled>();
  std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error,
                                 &offset, context.get());
  if (compiled->code == nullptr)
    return Fail(ErrorCode::kUnsupported, "the expression \"{}\" is not understood: {}", original,
                Message(error));
  pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);  // where it cannot, matching goes on without
  compiled->pattern = original;
  return Regex(std::move(compiled));
}

Result<Regex> Regex::Compile(std::string_view pattern) {
  if (!IsValidUtf8(pattern)) return Fail(ErrorCode::kCorrupt, "a regular expression is not valid UTF-8");
  ALTLAS_TRY(const std::string rewritten, RewritePattern(pattern));
  return CompilePcre(rewritten, pattern);
}

Result<Regex> Regex::Literal(std::string_view text) {
  if (text.empty()) return Fail(ErrorCode::kUnsupported, "an empty pattern is not supported");
  std::string pattern;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) pattern += '\\';
    pattern += c;
  }
  return CompilePcre(pattern, text);
}

Result<Regex> Regex::Words() {
  ALTLAS_TRY(const std::string rewritten,
             RewritePattern(R"([\w\x{200c}\x{200d}]+|[^\w\x{200c}\x{200d}\s]+)"));
  return CompilePcre(rewritten, "Whitespace");
}

Result<Regex> Regex::WordCharacter() {
  ALTLAS_TRY(const std::string rewritten, RewritePattern(R"([\w\x{200c}\x{200d}])"));
  return CompilePcre(rewritten, "single_word");
}

Result<Segments> Regex::FindAll(std::string_view text) const {
  Segments out;
  if (text.empty()) return out;
  const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  const std::unique_ptr<pcre2_match_context, FreeContext> context(pcre2_match_context_create(nullptr));
  const std::size_t steps = kStepsAtLeast + 8 * text.size();
  pcre2_set_match_limit(context.get(), static_cast<std::uint32_t>(std::min<std::size_t>(steps, UINT32_MAX)));
  pcre2_set_heap_limit(context.get(), kMaxHeapKib);
  const auto find = [&](std::size_t from) {
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    int rc = pcre2_match(compiled_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, match.get(),
                         context.get());
    if (rc != PCRE2_ERROR_JIT_STACKLIMIT) return rc;
    return pcre2_match(compiled_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                       match.get(), context.get());
  };
  const std::size_t* span = pcre2_get_ovector_pointer(match.get());
  std::size_t gap = 0, from = 0;
  std::size_t last_end = text.size() + 1;
  while (from <= text.size()) {
    const int rc = find(from);
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0)
      return Fail(ErrorCode::kInvalidArgument, "the tokenizer's expression \"{}\" gave up on this text: {}",
                  compiled_->pattern, Message(rc));
    const std::size_t begin = span[0], end = span[1];
    if (begin == end && begin == last_end) {
      from += from < text.size() ? CharSize(text[from]) : 1;
      continue;
    }
    from = last_end = end;
    if (gap != begin) out.push_back({gap, begin, false});
    out.push_back({begin, end, true});
    gap = end;
  }
  if (gap != text.size()) out.push_back({gap, text.size(), false});
  return out;
}

std::size_t GrowthOf(std::string_view pattern, bool is_regex, std::string_view content) {
  // An expression can match nothing at all, before every byte.
  if (is_regex || pattern.empty()) return content.size() + 1;
  return std::max<std::size_t>(1, (content.size() + pattern.size() - 1) / pattern.size());
}

bool Regex::Matches(std::string_view text) const {
  const auto found = FindAll(text);
  return found.has_value() &&
         std::any_of(found->begin(), found->end(), [](const Segment& s) { return s.match; });
}

}  // namespace altlas::text
