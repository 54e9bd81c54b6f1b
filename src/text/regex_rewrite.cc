// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "text/regex.h"
#include "text/unicode_tables.h"

namespace altlas::text {
namespace {

constexpr std::size_t kMaxPatternBytes = 16 << 10;
constexpr int kMaxNesting = 100;
// White_Space; PCRE2's own \s also holds U+180E.
constexpr std::string_view kSpaceItems =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// Superscripts and fractions of Latin-1: Oniguruma takes them for word characters at \b and for a \w that
// stands alone, but not for a \w in brackets.
constexpr std::string_view kLatinNumbers = R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";

constexpr std::array<std::pair<std::string_view, std::string_view>, 44> kCategories{{
    {"l", "L"},         {"letter", "L"},
    {"lu", "Lu"},       {"uppercaseletter", "Lu"},
    {"ll", "Ll"},       {"lowercaseletter", "Ll"},
    {"lt", "Lt"},       {"titlecaseletter", "Lt"},
    {"lm", "Lm"},       {"modifierletter", "Lm"},
    {"lo", "Lo"},       {"otherletter", "Lo"},
    {"m", "M"},         {"mark", "M"},
    {"mn", "Mn"},       {"nonspacingmark", "Mn"},
    {"mc", "Mc"},       {"me", "Me"},
    {"n", "N"},         {"number", "N"},
    {"nd", "Nd"},       {"decimalnumber", "Nd"},
    {"nl", "Nl"},       {"no", "No"},
    {"p", "P"},         {"punctuation", "P"},
    {"pc", "Pc"},       {"pd", "Pd"},
    {"ps", "Ps"},       {"pe", "Pe"},
    {"pi", "Pi"},       {"pf", "Pf"},
    {"po", "Po"},       {"s", "S"},
    {"symbol", "S"},    {"sm", "Sm"},
    {"sc", "Sc"},       {"sk", "Sk"},
    {"so", "So"},       {"z", "Z"},
    {"separator", "Z"}, {"zs", "Zs"},
    {"zl", "Zl"},       {"zp", "Zp"},
}};

// What one item of a class becomes: text that goes between brackets, or an expression that matches one
// character.
struct Item {
  std::string items;
  std::string alternative;
  std::optional<char32_t> literal;  // for the ends of ranges

  static Item Of(std::string items) { return {std::move(items), {}, {}}; }
  static Item Either(std::string expression) { return {{}, std::move(expression), {}}; }
};

std::string Bracket(std::string_view items, bool negated = false) {
  return fmt::format("[{}{}]", negated ? "^" : "", items);
}
std::string Grouped(std::string_view expression) { return fmt::format("(?:{})", expression); }

std::string Hex(char32_t c) { return fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c)); }
std::string HexRange(std::uint32_t first, std::uint32_t last) { return Hex(first) + "-" + Hex(last); }

// The code points of a category ("L", "Nd", or "" for every one) that old engines do not know to be in it.
std::string Late(std::string_view category) {
  std::string out;
  for (const auto& range : kLateCategories) {
    if (std::string_view(range.category).starts_with(category)) out += HexRange(range.first, range.last);
  }
  return out;
}

std::string WordItems() { return R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})" + Late("L") + Late("M") + Late("Nd"); }

class Rewriter {
 public:
  explicit Rewriter(std::string_view pattern) : in_(pattern) {}

  Result<std::string> Run() {
    if (in_.size() > kMaxPatternBytes)
      return Fail(ErrorCode::kUnsupported, "an expression of {} bytes: at most {} are read", in_.size(),
                  kMaxPatternBytes);
    while (at_ < in_.size()) ALTLAS_TRY_VOID(Element());
    return std::move(out_);
  }

 private:
  bool Looking(std::string_view text) const { return in_.substr(at_).starts_with(text); }
  bool Take(std::string_view text) {
    if (!Looking(text)) return false;
    at_ += text.size();
    return true;
  }
  Error Unsupported(std::string_view what) const {
    return Fail(ErrorCode::kUnsupported, "the expression \"{}\" uses {} at byte {}, which is not supported",
                in_, what, at_);
  }
  Error Broken(std::string_view what) const {
    return Fail(ErrorCode::kCorrupt, "the expression \"{}\" {} at byte {}", in_, what, at_);
  }

  Status Element() {
    const char c = in_[at_];
    if (c == '\\') return Escape();
    if (c == '[') {
      ALTLAS_TRY(auto expression, Class(0));
      out_ += expression;
      return {};
    }
    if (c == '(') return Group();
    if (c == '{') return Interval();
    const std::size_t start = at_;
    at_ += CharSize(c);
    // Letters and digits as they are, so that case folding and quantifiers read as written.
    out_ += in_.substr(start, at_ - start);
    return {};
  }

  Status Group() {
    for (const std::string_view opening : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:"}) {
      if (!Take(opening)) continue;
      out_ += opening;
      return {};
    }
    if (at_ == 0 && Take("(?i)")) {
      out_ += "(?i)";
      return {};
    }
    if (Looking("(?") || Looking("(*")) return Unsupported("a group of a kind");
    at_ += 1;
    out_ += "(?:";
    return {};
  }

  // `{2,3}`: the engines differ on what may follow, so those forms are refused.
  Status Interval() {
    std::size_t end = at_ + 1;
    while (end < in_.size() && ((in_[end] >= '0' && in_[end] <= '9') || in_[end] == ',')) ++end;
    const std::string_view body = in_.substr(at_ + 1, end - at_ - 1);
    const auto commas = std::count(body.begin(), body.end(), ',');
    if (end >= in_.size() || in_[end] != '}' || body.empty() || body == "," || commas > 1) {
      out_ += "\\{";
      ++at_;
      return {};
    }
    const char next = end + 1 < in_.size() ? in_[end + 1] : '\0';
    if (next == '+' || (next == '?' && commas == 0)) return Unsupported("an interval with a suffix");
    out_ += body.front() == ',' ? "{0" : "{";
    out_ += body;
    out_ += '}';
    at_ = end + 1;
    return {};
  }

  Status Escape() {
    if (at_ + 1 >= in_.size()) return Broken("ends in the middle of an escape");
    const char c = in_[at_ + 1];
    if (c == 'A' || c == 'z' || c == 'Z') {
      out_ += in_.substr(at_, 2);
      at_ += 2;
      return {};
    }
    if (c == 'b' || c == 'B') {
      const std::string word = Bracket(WordItems() + std::string(kLatinNumbers));
      const std::string border = fmt::format("(?<={0})(?!{0})|(?<!{0})(?={0})", word);
      const std::string inside = fmt::format("(?<={0})(?={0})|(?<!{0})(?!{0})", word);
      out_ += Grouped(c == 'b' ? border : inside);
      at_ += 2;
      return {};
    }
    if (c == 'w' || c == 'W') {
      out_ += Bracket(WordItems() + std::string(kLatinNumbers), c == 'W');
      at_ += 2;
      return {};
    }
    ALTLAS_TRY(auto item, ClassEscape());
    if (!item.alternative.empty()) {
      out_ += item.alternative;
    } else if (item.literal) {
      out_ += item.items;
    } else {
      out_ += Bracket(item.items);
    }
    return {};
  }

  static Item Literal(char32_t c) { return {Hex(c), {}, c}; }

  // An escape that stands for one character or a set of them; moves past it.
  Result<Item> ClassEscape() {
    if (at_ + 1 >= in_.size()) return Broken("ends in the middle of an escape");
    const char c = in_[at_ + 1];
    if (c == 'p' || c == 'P') return Property();
    if (c == 'x' || c == 'u') return Coded(c);
    const std::string_view controls = "n\nr\rt\tf\fv\va\ae\x1b";
    for (std::size_t i = 0; i < controls.size(); i += 2) {
      if (controls[i] != c) continue;
      at_ += 2;
      return Literal(static_cast<unsigned char>(controls[i + 1]));
    }
    if (auto item = SetEscape(c)) {
      at_ += 2;
      return std::move(*item);
    }
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
      return Unsupported(fmt::format("\\{}", c));
    at_ += 1;
    return Literal(NextChar(in_, at_));
  }

  static std::optional<Item> SetEscape(char c) {
    const auto set = [](std::string items, bool negated) {
      return negated ? Item::Either(Bracket(items, true)) : Item::Of(std::move(items));
    };
    switch (c) {
      case 's':
      case 'S':
        return set(std::string(kSpaceItems), c == 'S');
      case 'd':
      case 'D':
        return set("\\p{Nd}" + Late("Nd"), c == 'D');
      case 'w':
      case 'W':
        return set(WordItems(), c == 'W');
      case 'h':
      case 'H':
        return set("0-9A-Fa-f", c == 'H');
      default:
        return {};
    }
  }

  Result<Item> Property() {
    bool negated = in_[at_ + 1] == 'P';
    const auto end = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == std::string_view::npos)
      return Broken("has a property without its name in braces");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    std::string plain;
    for (const char c : name) {
      if (c == ' ' || c == '_' || c == '-') continue;
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        return Unsupported("a property name");
      plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    at_ = end + 1;
    return Named(plain, name, negated);
  }

  static Item Named(std::string_view plain, std::string_view name, bool negated) {
    if (plain == "c" || plain == "cn") {  // what is unassigned shrinks where the other categories grow
      const std::string property = plain == "c" ? "{C}" : "{Cn}";
      if (negated) return Item::Of(fmt::format("\\P{}{}", property, Late("")));
      return Item::Either(fmt::format("(?:(?![{}])\\p{})", Late(""), property));
    }
    std::string items = fmt::format("\\p{{sc:{}}}", name);
    if (plain == "han") items = "\\p{sc:Han}";
    if (plain == "han") {
      for (const auto& range : kLateHan) items += HexRange(range.first, range.last);
    }
    if (plain == "cc" || plain == "cf" || plain == "co") {
      items = fmt::format("\\p{{C{}}}", plain[1]);
    } else if (const auto category = std::find_if(kCategories.begin(), kCategories.end(),
                                                  [&](const auto& entry) { return entry.first == plain; });
               category != kCategories.end()) {
      items = fmt::format("\\p{{{}}}", category->second) + Late(category->second);
    }
    return negated ? Item::Either(Bracket(items, true)) : Item::Of(std::move(items));
  }

  // \x41, \x{41}, \u0041.
  Result<Item> Coded(char kind) {
    std::size_t begin = at_ + 2, digits = kind == 'u' ? 4 : 2;
    std::size_t next = begin + digits;
    if (kind == 'x' && begin < in_.size() && in_[begin] == '{') {
      const auto end = in_.find('}', begin);
      if (end == std::string_view::npos) return Broken("has an unclosed code point");
      digits = end - ++begin;
      next = end + 1;
    }
    char32_t value = 0;
    if (digits == 0 || digits > 6 || begin + digits > in_.size())
      return Broken("has a code point that is none");
    for (const char c : in_.substr(begin, digits)) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Broken("has a code point that is none");
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
      return Broken("has a code point that is none");
    if (kind == 'x' && next == begin + 2 && value >= 0x80) return Unsupported("a raw byte");
    at_ = next;
    return Literal(value);
  }

  // A set in brackets as an expression that matches one character: unions, ranges, nested sets,
  // intersections.
  Result<std::string> Class(int depth) {
    if (depth > kMaxNesting) return Unsupported("sets nested too deep");
    ++at_;
    const bool negated = Take("^");
    std::vector<std::string> operands;
    std::string items;
    std::vector<std::string> alternatives;
    const auto close_operand = [&] {
      std::string joined = items.empty() ? std::string() : Bracket(items);
      for (const auto& alternative : alternatives) joined += (joined.empty() ? "" : "|") + alternative;
      operands.push_back(alternatives.empty() ? joined : Grouped(joined));
    };
    for (bool first = true;; first = false) {
      if (at_ >= in_.size()) return Broken("has an unclosed set");
      if (in_[at_] == ']' && !first) break;
      if (Looking("[:")) return Unsupported("a POSIX bracket");
      if (Take("&&")) {
        close_operand();
        items.clear();
        alternatives.clear();
        continue;
      }
      if (in_[at_] == '[') {
        ALTLAS_TRY(auto nested, Class(depth + 1));
        alternatives.push_back(std::move(nested));
        continue;
      }
      ALTLAS_TRY(auto item, ClassItem());
      items += item.items;
      if (!item.alternative.empty()) alternatives.push_back(std::move(item.alternative));
    }
    ++at_;
    if (operands.empty() && alternatives.empty()) return Bracket(items, negated);
    close_operand();
    std::string core;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i].empty()) return Broken("intersects with nothing");
      core += i + 1 < operands.size() ? fmt::format("(?={})", operands[i]) : operands[i];
    }
    return negated ? fmt::format("(?:(?!{})(?s:.))", core) : Grouped(core);
  }

  Result<Item> SetMember() {
    if (in_[at_] == '\\') return ClassEscape();
    return Literal(NextChar(in_, at_));
  }

  Result<Item> ClassItem() {
    ALTLAS_TRY(auto item, SetMember());
    const bool range = Looking("-") && at_ + 1 < in_.size() && in_[at_ + 1] != ']' && in_[at_ + 1] != '[' &&
                       !in_.substr(at_ + 1).starts_with("&&");
    if (!range || !item.literal) return item;
    ++at_;
    ALTLAS_TRY(auto end, SetMember());
    if (!end.literal) return Unsupported("a range that ends in a set");
    if (*end.literal < *item.literal) return Broken("has a range that runs backwards");
    return Item::Of(item.items + "-" + end.items);
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

Result<std::string> RewritePattern(std::string_view pattern) { return Rewriter(pattern).Run(); }

}  // namespace altlas::text
