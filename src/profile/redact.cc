// SPDX-License-Identifier: Apache-2.0
#include "profile/redact.h"

#include <algorithm>
#include <cctype>

#include "profile/secret_shapes.h"

namespace altlas::profile {
namespace {

bool IsNameChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}
bool EndsLine(char c) { return c == '\n' || c == '\r' || c == '\0'; }
bool IsBlank(char c) { return static_cast<unsigned char>(c) <= ' '; }
bool IsVariableChar(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// The end of "NAME=" at `at`, as environments are printed; `at` where there is none.
std::size_t VariableEnd(std::string_view text, std::size_t at) {
  std::size_t i = at;
  while (i < text.size() && IsVariableChar(text[i])) ++i;
  const bool named = i > at && (text[at] < '0' || text[at] > '9');
  return named && i < text.size() && text[i] == '=' ? i + 1 : at;
}

// One text on its way through; `at_` only grows.
class TextScan {
 public:
  TextScan(std::string_view text, std::vector<std::string>& removed) : text_(text), removed_(removed) {}

  std::string Run() {
    while (at_ < text_.size()) {
      const SecretSpan span = Here();
      if (!span) {
        ++at_;
        continue;
      }
      removed_.emplace_back(text_.substr(span.begin, span.end - span.begin));
      out_.append(text_.substr(copied_, span.begin - copied_)).append(kRedacted);
      at_ = copied_ = span.end;
    }
    out_.append(text_.substr(copied_));
    return std::move(out_);
  }

 private:
  SecretSpan Here() {
    const char c = text_[at_];
    if (c == ':') return FindUrlUser(text_, at_);
    if (c == '/' || c == '\\') return FindHomeUser(text_, at_);
    if (c == '-') {
      if (const auto key = FindPrivateKey(text_, at_)) return key;
    }
    const bool word =
        IsNameChar(c) && (at_ == 0 || !IsNameChar(text_[at_ - 1]) || (at_ == copied_ && at_ > 0));
    if (word) {
      if (const auto value = NamedValue()) return value;
    }
    const bool starts = std::isalnum(static_cast<unsigned char>(c)) != 0 &&
                        (at_ == 0 || std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) == 0);
    if (!starts) return {};
    if (const auto key = FindVendorKey(text_, at_)) return key;
    if (const auto bearer = FindBearer(text_, at_)) return bearer;
    if (word) {
      if (const auto mail = FindEmail(text_, at_)) return mail;
    }
    return FindRandomRun(text_, at_);
  }

  // NAME=value, name: value, "name": "value", --name value, with a name that says secret.
  SecretSpan NamedValue() {
    std::size_t end = at_;
    while (end < text_.size() && end - at_ < 256 && IsNameChar(text_[end])) ++end;
    const auto name = text_.substr(at_, end - at_);
    if (name == "-u") return CurlUser(end);
    std::size_t i = end;
    while (i < text_.size() && i - end < 4 && (text_[i] == '\\' || text_[i] == '"' || text_[i] == '\'')) ++i;
    const std::size_t quotes = i;
    while (i < text_.size() && i - quotes < 8 && text_[i] == ' ') ++i;
    if (i >= text_.size()) return {};
    const bool equals = text_[i] == '=' && !(i + 1 < text_.size() && text_[i + 1] == '=');
    const bool colon =
        text_[i] == ':' && !(i + 1 < text_.size() && (text_[i + 1] == ':' || text_[i + 1] == '/'));
    const bool flag = name.starts_with("--") && i > end && quotes == end && !equals && !colon;
    if (!equals && !colon && !flag) return {};
    const bool secret = IsSecretName(name);
    if (!secret && !(equals && IsPersonalName(name))) return {};
    if (colon && IsBareWord(name, quotes > end)) return {};
    if (flag) return text_[i] == '-' ? SecretSpan{} : ValueAt(name, i, false);
    const bool spaced = i > quotes || colon;
    std::size_t value = i + 1;
    while (spaced && value < text_.size() && value - i < 9 && text_[value] == ' ') ++value;
    const bool variable = equals && VariableEnd(text_, at_) == i + 1;
    return WholeLine(name) ? RestOfLine(value) : ValueAt(name, value, variable);
  }

  // Words that also mean other things where they stand alone before a colon.
  static bool IsBareWord(std::string_view name, bool quoted) {
    if (name == "key" || name == "Key" || name == "keys") return true;
    return !quoted &&
           (name == "pass" || name == "auth" || name == "tokens" || name == "sig" || name == "pin" ||
            name == "private" || name == "token" || name == "salt" || name == "cert");
  }
  static bool WholeLine(std::string_view name) {
    return name == "Cookie" || name == "Set-Cookie" || name == "cookie" || name == "set-cookie" ||
           name == "Authorization" || name == "authorization" || name == "Proxy-Authorization";
  }

  SecretSpan RestOfLine(std::size_t value) const {
    std::size_t end = value;
    while (end < text_.size() && !EndsLine(text_[end]) && text_[end] != '"' && text_[end] != '\'') ++end;
    return Kept("cookie", value, end);
  }

  SecretSpan CurlUser(std::size_t end) const {
    std::size_t value = end;
    while (value < text_.size() && text_[value] == ' ' && value - end < 8) ++value;
    std::size_t stop = value;
    while (stop < text_.size() && !IsBlank(text_[stop])) ++stop;
    const bool pair =
        value > end &&
        text_.substr(value, std::min<std::size_t>(stop - value, 4096)).find(':') != std::string_view::npos;
    return pair ? Kept("password", value, stop) : SecretSpan{};
  }

  SecretSpan ValueAt(std::string_view name, std::size_t value, bool variable) {
    std::size_t slashes = value;
    while (slashes < text_.size() && text_[slashes] == '\\' && slashes - value < 4) ++slashes;
    if (slashes < text_.size() && (text_[slashes] == '"' || text_[slashes] == '\'')) {
      return Kept(name, slashes + 1, QuoteEnd(slashes, slashes - value));
    }
    std::size_t end = value;
    const std::string_view stops = variable ? "\"'" : "\"'&;,)]}>`";
    while (end < text_.size() && !IsBlank(text_[end]) && stops.find(text_[end]) == std::string_view::npos)
      ++end;
    if (variable && InBlock()) end = BlockValueEnd(end);
    return Kept(name, value, end);
  }

  // Where the quote that opens at `open`, behind so many backslashes, closes.
  std::size_t QuoteEnd(std::size_t open, std::size_t slashes) const {
    std::size_t before = 0;
    for (std::size_t i = open + 1; i < text_.size(); ++i) {
      if (text_[i] == text_[open] && before == slashes) return i - slashes;
      before = text_[i] == '\\' ? before + 1 : 0;
    }
    return text_.size();
  }

  // True on a line that is nothing but an environment printed with spaces between: there a value goes on to
  // the next NAME=.
  bool InBlock() {
    std::size_t begin = at_;
    while (begin > block_end_ && !EndsLine(text_[begin - 1])) --begin;
    if (begin < block_end_) return in_block_;
    std::size_t end = begin;
    std::size_t variables = 0;
    for (; end < text_.size() && !EndsLine(text_[end]); ++end) {
      if (end == begin || text_[end - 1] == ' ') variables += VariableEnd(text_, end) > end ? 1 : 0;
    }
    in_block_ = variables >= 3 && VariableEnd(text_, begin) > begin;
    block_end_ = end;
    return in_block_;
  }
  std::size_t BlockValueEnd(std::size_t end) const {
    while (end < text_.size() && !EndsLine(text_[end])) {
      if (text_[end] == ' ' && VariableEnd(text_, end + 1) > end + 1) break;
      ++end;
    }
    return end;
  }

  SecretSpan Kept(std::string_view name, std::size_t begin, std::size_t end) const {
    const auto value = text_.substr(begin, end - begin);
    if (value.empty() || text_.substr(begin).starts_with(kRedacted)) return {};
    // Short values that a name alone does not make a secret: switches, counts of tokens.
    if (value.size() <= 20 && RedactValue(name, value) != kRedacted) return {};
    return {begin, end};
  }

  std::string_view text_;
  std::vector<std::string>& removed_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;
  std::size_t block_end_ = 0;
  bool in_block_ = false;
};

}  // namespace

std::string RedactText(std::string_view text) {
  std::vector<std::string> removed;
  return RedactText(text, removed);
}

std::string RedactText(std::string_view text, std::vector<std::string>& removed) {
  // What stood beside a secret may look like one once that is gone, as in "/home/ada/a@b.org".
  constexpr int kMaxPasses = 8;
  std::string out(text);
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const auto before = removed.size();
    out = TextScan(out, removed).Run();
    if (removed.size() == before) break;
  }
  return out;
}

}  // namespace altlas::profile
