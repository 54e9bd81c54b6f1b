// SPDX-License-Identifier: Apache-2.0
#include "profile/redact.h"

#include <algorithm>
#include <cctype>
#include <charconv>

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
    if (c == '~') return FindTildeUser(text_, at_);
    const bool escaped = BehindEscape();
    const bool word =
        IsNameChar(c) && (escaped || at_ == 0 || !IsNameChar(text_[at_ - 1]) || (at_ == copied_ && at_ > 0));
    if (word) {
      if (const auto value = NamedValue()) return value;
    }
    const bool starts =
        std::isalnum(static_cast<unsigned char>(c)) != 0 &&
        (escaped || at_ == 0 || std::isalnum(static_cast<unsigned char>(text_[at_ - 1])) == 0);
    if (!starts) return {};
    if (const auto key = FindVendorKey(text_, at_)) return key;
    if (const auto bearer = FindBearer(text_, at_)) return bearer;
    if (word) {
      if (const auto mail = FindEmail(text_, at_)) return mail;
    }
    return FindRandomRun(text_, at_);
  }

  // Behind \n, \t, \u0022, \x22 or %3D as they are written where a text stands in another.
  bool BehindEscape() const {
    const auto hex = [&](std::size_t digits) {
      for (std::size_t i = at_ - digits; i < at_; ++i) {
        if (std::isxdigit(static_cast<unsigned char>(text_[i])) == 0) return false;
      }
      return true;
    };
    if (at_ < 2) return false;
    const char before = text_[at_ - 1];
    if (text_[at_ - 2] == '\\' && (before == 'n' || before == 't' || before == 'r' || before == '0'))
      return true;
    if (at_ >= 3 && text_[at_ - 3] == '%' && hex(2)) return true;
    if (at_ >= 4 && text_[at_ - 4] == '\\' && text_[at_ - 3] == 'x' && hex(2)) return true;
    return at_ >= 6 && text_[at_ - 6] == '\\' && text_[at_ - 5] == 'u' && hex(4);
  }

  // NAME=value, name: value, "name": "value", --name value, <name>value<, with a name that says secret.
  SecretSpan NamedValue() {
    std::size_t end = at_;
    while (end < text_.size() && end - at_ < 256 && IsNameChar(text_[end])) ++end;
    const auto name = text_.substr(at_, end - at_);
    if (const auto user = CommandUser(name, end)) return user;
    const std::size_t quotes = PastAny(end, "\\\"'])", 5);
    std::size_t i = PastAny(quotes, " \t", 64);
    if (i >= text_.size()) return {};
    const bool secret = IsSecretName(name);
    const bool personal = !secret && IsPersonalName(name);
    if (!secret && !personal) return {};
    if (name.starts_with('-') && secret && quotes == end) {
      if (const auto value = FlagValue(name, end)) return value;
    }
    if (text_[end] == '>' && at_ > 0 && text_[at_ - 1] == '<') return Element(name, end + 1);
    if (text_[i] == ',' && quotes > end) return NextElement(name, i + 1);
    const std::size_t sign = SignEnd(i);
    if (sign == i) return {};
    const bool colon = sign == i + 1 && text_[i] == ':';
    if (colon && IsBareWord(name, quotes > end)) return {};
    if (colon && personal && !IsColonPerson(name)) return {};
    const bool variable = VariableEnd(text_, at_) == sign;
    std::size_t value = sign;
    if (i > quotes || !variable) value = PastAny(sign, " \t", 64);
    // "==" compares, unless a text or a word stands at it.
    if (text_.substr(i, sign - i) == "==" && value > sign && !AtQuote(value)) return {};
    if (WholeLine(name) && !AtQuote(value)) return RestOfLine(value);
    if (secret && colon && value > sign && !AtQuote(value)) return LineValue(name, value);
    if (secret && colon && (value >= text_.size() || EndsLine(text_[value]))) return NextLine(name, value);
    if (personal && value < text_.size() && std::isdigit(static_cast<unsigned char>(text_[value])) != 0 &&
        colon)
      return {};
    return ValueAt(name, value, variable);
  }

  std::size_t PastAny(std::size_t at, std::string_view set, std::size_t most) const {
    const std::size_t begin = at;
    while (at < text_.size() && at - begin < most && set.find(text_[at]) != std::string_view::npos) ++at;
    return at;
  }
  bool AtQuote(std::size_t at) const {
    at = PastAny(at, "\\", 4);
    return at < text_.size() && (text_[at] == '"' || text_[at] == '\'');
  }
  // Behind what gives a name its value; `i` where nothing does.
  std::size_t SignEnd(std::size_t i) const {
    const auto rest = text_.substr(i, 3);
    for (const std::string_view sign : {"%3D", "%3d", "%3A", "%3a", ":=", "=>", "==", "+=", "?=", "="}) {
      if (rest.starts_with(sign)) return i + sign.size();
    }
    const bool scope = rest.starts_with("::") || rest.starts_with(":/");
    return rest.starts_with(':') && !scope ? i + 1 : i;
  }

  // "--name value", also where each word of a command has its line, or ends with a zero.
  SecretSpan FlagValue(std::string_view name, std::size_t end) {
    std::size_t value = PastAny(end, " \t", 64);
    if (value < text_.size() && EndsLine(text_[value])) ++value;
    if (value == end || value >= text_.size() || IsBlank(text_[value])) return {};
    if (std::string_view("-=:").find(text_[value]) != std::string_view::npos) return {};
    return ValueAt(name, value, false);
  }
  // <name>value</name>
  SecretSpan Element(std::string_view name, std::size_t value) const {
    if (Redacted(value)) return {};
    std::size_t end = value;
    while (end < text_.size() && text_[end] != '<' && !EndsLine(text_[end])) ++end;
    return Kept(name, value, end);
  }
  // ('name', 'value')
  SecretSpan NextElement(std::string_view name, std::size_t at) {
    const std::size_t value = PastAny(at, " \t", 64);
    return AtQuote(value) ? ValueAt(name, value, false) : SecretSpan{};
  }
  // A value that may hold blanks: to the end of the line.
  SecretSpan LineValue(std::string_view name, std::size_t value) {
    if (Redacted(value)) return {};
    std::size_t end = LineEnd(value);
    if (end == value) return NextLine(name, value);
    while (end > value && IsBlank(text_[end - 1])) --end;
    while (end > value && Closes(text_[end - 1])) --end;
    return Kept(name, value, end);
  }
  // "name:" alone, and what is written further in below it.
  SecretSpan NextLine(std::string_view name, std::size_t at) {
    if (at < text_.size() && text_[at] == '\r') ++at;
    if (at >= text_.size() || text_[at] != '\n') return {};
    const std::size_t value = PastAny(at + 1, " \t", 64);
    if (value == at + 1 || value >= text_.size() || EndsLine(text_[value])) return {};
    return AtQuote(value) ? ValueAt(name, value, false) : LineValue(name, value);
  }
  std::size_t LineEnd(std::size_t at) const {
    while (at < text_.size() && !EndsLine(text_[at])) ++at;
    return at;
  }
  bool Redacted(std::size_t at) const { return text_.substr(at).starts_with(kRedacted); }
  static bool Closes(char c) { return std::string_view("\"',;)]}>`").find(c) != std::string_view::npos; }

  // Words that also mean other things where they stand alone before a colon.
  static bool IsBareWord(std::string_view name, bool quoted) {
    if (name == "key" || name == "Key" || name == "keys") return true;
    return !quoted &&
           (name == "pass" || name == "auth" || name == "tokens" || name == "sig" || name == "pin" ||
            name == "private" || name == "token" || name == "salt" || name == "cert");
  }
  static bool IsColonPerson(std::string_view name) {
    const auto lower = Lower(name);
    return lower == "hostname" || lower == "host_name" || lower == "user" || lower == "username" ||
           lower == "user_name" || lower == "nodename" || lower == "logname" || lower == "email";
  }
  static std::string Lower(std::string_view name) {
    std::string lower;
    for (const char c : name) lower.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    return lower;
  }
  static bool WholeLine(std::string_view name) {
    const auto lower = Lower(name);
    return lower == "cookie" || lower == "set-cookie" || lower == "authorization" ||
           lower == "proxy-authorization";
  }

  // To the end of the line, or of the quotes that the whole of it stands in.
  SecretSpan RestOfLine(std::size_t value) const {
    if (Redacted(value)) return {};
    const char before = at_ > 0 ? text_[at_ - 1] : ' ';
    const bool quoted = before == '"' || before == '\'';
    std::size_t end = value;
    while (end < text_.size() && !EndsLine(text_[end]) && !(quoted && text_[end] == before)) ++end;
    return Kept("cookie", value, end);
  }

  // Who logs in, where a command or a file says it without a name: curl -u a:b, sshpass -p x, mysql -px,
  // login a password x, Linux HOST 6.1, uid=1000(a), jdbc:oracle:thin:a/b@h.
  SecretSpan CommandUser(std::string_view name, std::size_t end) const {
    if (name == "-u" || name == "--user" || name == "--proxy-user") {
      const std::size_t value = PastAny(end, " \t=\"'", 8);
      return value > end ? UserPair(value) : SecretSpan{};
    }
    if (name.starts_with("-u") && end < text_.size() && text_[end] == ':') return UserPair(at_ + 2);
    if (name == "sshpass") return Option(end, "-p");
    if (name == "mysql" || name == "mysqldump" || name == "mysqladmin" || name == "mariadb")
      return Option(end, "-p", true);
    if (name == "redis-cli") return Option(end, "-a");
    if (name == "login") return NetrcUser(end);
    if (name == "Linux") {
      const std::size_t stop = WordEnd(end + 1);
      const bool version = stop + 1 < text_.size() && text_[stop] == ' ' &&
                           std::isdigit(static_cast<unsigned char>(text_[stop + 1])) != 0;
      return version && text_.substr(end, 1) == " " ? Kept("HOSTNAME", end + 1, stop) : SecretSpan{};
    }
    if (name == "uid" || name == "gid" || name == "euid" || name == "groups") {
      const std::size_t open = PastAny(end, "=0123456789", 24);
      const std::size_t stop = text_.substr(open, 256).find(')');
      if (open == end || open >= text_.size() || text_[open] != '(' || stop == std::string_view::npos)
        return {};
      return Kept("USER", open + 1, open + stop);
    }
    if (name == "jdbc" && text_.substr(end, 8) == ":oracle:") {
      const auto rest = text_.substr(end, 512);
      const std::size_t slash = rest.find('/');
      const std::size_t sign = rest.find('@');
      if (sign == std::string_view::npos || slash > sign) return {};
      const std::size_t colon = rest.rfind(':', slash);
      return Kept("password", end + colon + 1, end + sign);
    }
    return {};
  }
  std::size_t WordEnd(std::size_t at) const {
    const std::size_t begin = at;
    while (at < text_.size() && at - begin < 4096 && !IsBlank(text_[at])) ++at;
    return at;
  }
  // "user:password"; numbers are a user's and a group's.
  SecretSpan UserPair(std::size_t value) const {
    if (Redacted(value)) return {};
    std::size_t stop = WordEnd(value);
    while (stop > value && (text_[stop - 1] == '"' || text_[stop - 1] == '\'')) --stop;
    const auto pair = text_.substr(value, stop - value);
    const bool both = pair.find(':') != std::string_view::npos &&
                      pair.find_first_not_of("0123456789:") != std::string_view::npos;
    return both ? Kept("password", value, stop) : SecretSpan{};
  }
  // The option's value further on in the command, behind a blank or, `joined`, at the option itself.
  SecretSpan Option(std::size_t end, std::string_view option, bool joined = false) const {
    constexpr std::size_t kFurthest = 512;
    for (std::size_t i = end; i < text_.size() && i - end < kFurthest && !EndsLine(text_[i]); ++i) {
      if (!IsBlank(text_[i]) || !text_.substr(i + 1).starts_with(option)) continue;
      std::size_t value = i + 1 + option.size();
      const std::size_t spaced = PastAny(value, " \t", 8);
      if (joined ? spaced > value : spaced == value && option == "-a") continue;
      value = PastAny(spaced, "\"'", 1);
      if (Redacted(value)) return {};
      return Kept("password", value, WordEnd(value));
    }
    return {};
  }
  SecretSpan NetrcUser(std::size_t end) const {
    const std::size_t user = PastAny(end, " \t", 8);
    if (user == end || Redacted(user)) return {};
    const std::size_t word = PastAny(WordEnd(user), " \t\r\n", 8);
    constexpr std::string_view kPassword = "password ";
    if (!text_.substr(word).starts_with(kPassword)) return {};
    const std::size_t value = PastAny(word + kPassword.size(), " \t", 8);
    return Kept("password", user, WordEnd(value));
  }

  SecretSpan ValueAt(std::string_view name, std::size_t value, bool variable) {
    const std::size_t open = PastAny(value, "\\", 4);
    if (open < text_.size() && (text_[open] == '"' || text_[open] == '\'')) {
      if (Redacted(open + 1)) return {};
      std::size_t end = QuoteEnd(open, open - value);
      // As a shell joins them: 'ab'REST.
      const std::size_t behind = std::min(end + (open - value) + 1, text_.size());
      const std::size_t more = BareEnd(behind, variable);
      if (more > behind && text_[behind] != ':' && text_[behind] != '\\') end = more;
      return Kept(name, open + 1, end);
    }
    if (Redacted(value)) return {};
    std::size_t end = BareEnd(value, variable);
    if (variable && InBlock()) end = BlockValueEnd(end);
    return Kept(name, value, end);
  }

  // Where a value without quotes ends: at a blank, where the next NAME= follows, at a quote that closes
  // around all of it, before the brackets at its end.
  std::size_t BareEnd(std::size_t value, bool variable) const {
    std::size_t end = value;
    for (; end < text_.size() && !IsBlank(text_[end]); ++end) {
      const char c = text_[end];
      const bool between = !variable && (c == '&' || c == ';' || c == ',');
      if (between && NameFollows(end + 1)) break;
      if (c == '\\' && end + 1 < text_.size() && (text_[end + 1] == 'n' || text_[end + 1] == '"') &&
          (text_[end + 1] == '"' || NameFollows(end + 2))) {
        break;
      }
      if ((c == '"' || c == '\'') && ClosesQuote(end)) break;
    }
    while (end > value && Closes(text_[end - 1])) --end;
    return end;
  }
  bool NameFollows(std::size_t at) const {
    const std::size_t begin = at = PastAny(at, "\"'", 1);
    while (at < text_.size() && at - begin < 64 && IsNameChar(text_[at])) ++at;
    at = PastAny(at, "\"'", 1);
    return at > begin && at < text_.size() && (text_[at] == '=' || text_[at] == ':');
  }
  bool ClosesQuote(std::size_t at) const {
    return at + 1 >= text_.size() || IsBlank(text_[at + 1]) || Closes(text_[at + 1]) ||
           text_[at + 1] == ':' || text_[at + 1] == '&' || text_[at + 1] == '|' || text_[at + 1] == '\\';
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
    if (value.empty() || Redacted(begin)) return {};
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

namespace {

// \u0050ASSWORD as PASSWORD: letters and signs that JSON need not escape, and did.
std::string WithoutEscapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const auto escape = text.substr(i, 6);
    const bool whole =
        escape.size() == 6 && escape.starts_with("\\u00") &&
        std::from_chars(escape.data() + 4, escape.data() + 6, code, 16).ptr == escape.data() + 6;
    if (whole && code > ' ' && code < 0x7f && code != '"' && code != '\\') {
      out.push_back(static_cast<char>(code));
      i += 5;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string RedactAgain(std::string out, std::vector<std::string>& removed) {
  // What stood beside a secret may look like one once that is gone, as in "/home/ada/a@b.org".
  constexpr int kMaxPasses = 8;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const auto before = removed.size();
    out = TextScan(out, removed).Run();
    if (removed.size() == before) break;
  }
  return out;
}

}  // namespace

std::string RedactText(std::string_view text, std::vector<std::string>& removed) {
  if (text.find("\\u00") != std::string_view::npos) {
    const auto before = removed.size();
    std::string out = RedactAgain(WithoutEscapes(text), removed);
    return removed.size() == before ? std::string(text) : out;
  }
  return RedactAgain(std::string(text), removed);
}

}  // namespace altlas::profile
