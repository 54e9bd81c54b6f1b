// SPDX-License-Identifier: Apache-2.0
#include "profile/secret_shapes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>

#include "profile/redact.h"

namespace altlas::profile {
namespace {

// No run is looked at further than this from one place; longer ones are taken whole where they match.
constexpr std::size_t kMaxShapeRun = 4096;
constexpr std::size_t kMostJwtHeader = 1024;

bool IsShapeAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsTokenChar(char c) { return IsShapeAlnum(c) || c == '_' || c == '-'; }
bool IsShapeSpace(char c) { return static_cast<unsigned char>(c) <= ' '; }

template <typename Predicate>
std::size_t RunEnd(std::string_view text, std::size_t at, Predicate in) {
  while (at < text.size() && in(text[at])) ++at;
  return at;
}

bool StartsAt(std::string_view text, std::size_t at, std::string_view what) {
  return text.substr(at, what.size()) == what;
}

struct VendorPrefix {
  std::string_view prefix;
  std::size_t body;  // at least so many characters follow
};
constexpr std::array<VendorPrefix, 38> kVendorPrefixes = {{
    {"AKIA", 16},      {"ASIA", 16},
    {"ABIA", 16},      {"ACCA", 16},
    {"ghp_", 20},      {"gho_", 20},
    {"ghu_", 20},      {"ghs_", 20},
    {"ghr_", 20},      {"github_pat_", 20},
    {"glpat-", 16},    {"hf_", 20},
    {"sk-", 20},       {"sk_live_", 16},
    {"sk_test_", 16},  {"rk_live_", 16},
    {"pk_live_", 16},  {"xoxb-", 10},
    {"xoxp-", 10},     {"xoxa-", 10},
    {"xoxr-", 10},     {"xoxs-", 10},
    {"AIza", 30},      {"ya29.", 20},
    {"npm_", 30},      {"pypi-", 30},
    {"nvapi-", 20},    {"dop_v1_", 30},
    {"SG.", 20},       {"r8_", 30},
    {"dckr_pat_", 20}, {"hvs.", 20},
    {"shpat_", 20},    {"shpss_", 20},
    {"dapi", 32},      {"xapp-", 10},
    {"xoxe-", 10},     {"AGE-SECRET-KEY-1", 40},
}};

struct RunStatistics {
  std::size_t upper = 0, lower = 0, digits = 0, changes = 0, hex = 0, length = 0;
};

RunStatistics MeasureRun(std::string_view run) {
  RunStatistics s;
  int before = -1;
  for (const char c : run) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) == 0) continue;
    ++s.length;
    const int kind = std::isdigit(u) != 0 ? 0 : std::isupper(u) != 0 ? 1 : 2;
    if (before >= 0 && kind != before) ++s.changes;
    before = kind;
    if (kind == 0) ++s.digits;
    if (kind == 1) ++s.upper;
    if (kind == 2) ++s.lower;
    if (std::isxdigit(u) != 0) ++s.hex;
  }
  return s;
}

// Of letters and digits drawn by chance 62 % of the neighbours are of another class; of CamelCase names with
// numbers in them about a third.
bool LooksDrawn(const RunStatistics& s) {
  return s.upper >= 2 && s.lower >= 2 && s.digits >= 2 && s.changes * 100 >= (s.length - 1) * 42;
}

// How much of a run is words of four letters and more, numbers of two digits and more, and what names of
// kernels abbreviate: drawn by chance a third at the very most, in names more than half.
bool LooksNamed(std::string_view run) {
  static constexpr std::array<std::string_view, 30> kShort = {
      "fp", "bf", "sm",  "nn",  "tn",  "nt",  "tt",  "int", "avx", "bit", "row", "col", "or",   "to",  "of",
      "in", "by", "add", "mul", "mma", "max", "min", "sum", "out", "op",  "kv",  "ref", "simd", "for", "and"};
  const auto lower_at = [&](std::size_t i) {
    return i < run.size() && std::islower(static_cast<unsigned char>(run[i])) != 0;
  };
  const auto digit_at = [&](std::size_t i) {
    return i < run.size() && std::isdigit(static_cast<unsigned char>(run[i])) != 0;
  };
  std::size_t covered = 0;
  for (std::size_t i = 0; i < run.size();) {
    std::size_t end = i + 1;
    if (digit_at(i)) {
      while (digit_at(end)) ++end;
      if (end - i >= 2) covered += end - i;
    } else {
      while (lower_at(end)) ++end;
      std::string word;
      for (const char c : run.substr(i, end - i))
        word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      const bool known = std::find(kShort.begin(), kShort.end(), word) != kShort.end();
      const bool spoken = word.size() >= 4 && word.find_first_of("aeiouy") != std::string::npos;
      if (known || spoken) covered += end - i;
    }
    i = end;
  }
  return covered * 100 >= run.size() * 50;
}

bool LooksHex(const RunStatistics& s) {
  return s.length >= 32 && s.hex == s.length && s.digits >= 6 && s.upper + s.lower >= 6 &&
         (s.upper == 0 || s.lower == 0);
}

}  // namespace

SecretSpan FindVendorKey(std::string_view text, std::size_t at) {
  if (StartsAt(text, at, "eyJ")) {
    const auto in = [](char c) { return IsTokenChar(c) || c == '.'; };
    // A dot stands behind its header: without one there, no more of the run is looked at.
    const auto window = text.substr(at, kMostJwtHeader);
    const auto head = window.substr(0, RunEnd(window, 0, in));
    if (head.size() >= 20 && head.find('.') != std::string_view::npos) return {at, RunEnd(text, at, in)};
  }
  for (const auto& vendor : kVendorPrefixes) {
    if (!StartsAt(text, at, vendor.prefix)) continue;
    const std::size_t body = at + vendor.prefix.size();
    const bool dotted = vendor.prefix.back() == '.';
    const std::size_t end =
        RunEnd(text, body, [dotted](char c) { return IsTokenChar(c) || (dotted && c == '.'); });
    if (end - body >= vendor.body) return {at, end};
  }
  return {};
}

SecretSpan FindBearer(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 4> kSchemes = {"Bearer ", "bearer ", "Basic ", "BEARER "};
  for (const auto scheme : kSchemes) {
    if (!StartsAt(text, at, scheme)) continue;
    const std::size_t begin = RunEnd(text, at + scheme.size(), [](char c) { return c == ' '; });
    const std::size_t end = RunEnd(text, begin, [](char c) {
      return IsTokenChar(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
    });
    if (end - begin >= 8) return {begin, end};
  }
  return {};
}

SecretSpan FindPrivateKey(std::string_view text, std::size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  if (!StartsAt(text, at, kBegin)) return {};
  const auto label = text.substr(at + kBegin.size(), 64);
  if (label.find("PRIVATE KEY") == std::string_view::npos) return {};
  const std::size_t close = text.find("-----END ", at + kBegin.size());
  if (close == std::string_view::npos) return {at, text.size()};
  const std::size_t last = text.find("-----", close + 9);
  return {at, last == std::string_view::npos ? text.size() : last + 5};
}

SecretSpan FindUrlUser(std::string_view text, std::size_t at) {
  if (!StartsAt(text, at, "://")) return {};
  const std::size_t begin = at + 3;
  const auto rest = text.substr(begin, kMaxShapeRun);
  const auto ends_word = [](char c) {
    return IsShapeSpace(c) || c == '"' || c == '\'' || c == '<' || c == '>';
  };
  const std::size_t word = RunEnd(rest, 0, [&](char c) { return !ends_word(c); });
  std::size_t authority = std::min(rest.find_first_of("/?#"), word);
  const auto host = rest.substr(0, authority);
  const std::size_t colon = host.find(':');
  // A password may hold a slash that nobody escaped; a port is all digits.
  if (host.find('@') == std::string_view::npos && colon != std::string_view::npos &&
      host.find_first_not_of("0123456789", colon + 1) != std::string_view::npos && !host.starts_with('[')) {
    authority = word;
  }
  const std::size_t sign = rest.substr(0, authority).rfind('@');
  if (sign == std::string_view::npos || sign == 0) return {};
  const auto user = rest.substr(0, sign);
  if (user == "git" || user == kRedacted) return {};
  return {begin, begin + sign};
}

SecretSpan FindRandomRun(std::string_view text, std::size_t at) {
  if (!IsShapeAlnum(text[at])) return {};
  const auto window = text.substr(at, kMaxShapeRun);
  const std::size_t end =
      RunEnd(window, 0, [](char c) { return IsTokenChar(c) || c == '+' || c == '/' || c == '='; });
  if (end < 24) return {};
  if (at > 0 && text[at - 1] == '_') return {};  // the middle of a symbol's name
  const auto run = window.substr(0, end);
  // Base64 may hold slashes where a path holds them too: a path begins with one or has underscores or dashes.
  const bool base64 =
      run.find_first_of("_-") == std::string_view::npos && (at == 0 || IsShapeSpace(text[at - 1]));
  if (base64 && LooksDrawn(MeasureRun(run)) && !LooksNamed(run)) return {at, at + end};
  std::size_t i = 0;
  while (i < run.size()) {
    const std::size_t stop = RunEnd(run, i, IsShapeAlnum);
    if (stop - i >= 16) {
      const auto s = MeasureRun(run.substr(i, stop - i));
      if (LooksDrawn(s) && !LooksNamed(run.substr(i, stop - i))) return {at, at + end};
      const bool in_symbol = (i > 0 && run[i - 1] == '_') || (stop < run.size() && run[stop] == '_');
      if (LooksHex(s) && !in_symbol) return {at + i, at + stop};
    }
    i = stop + 1;
  }
  return {};
}

SecretSpan FindHomeUser(std::string_view text, std::size_t at) {
  const auto slash = [](char c) { return c == '/' || c == '\\'; };
  const auto in_name = [](char c) {
    return !IsShapeSpace(c) && std::string_view("/\\\"':;,)(<>|*?").find(c) == std::string_view::npos;
  };
  // No more than an escaped escape: a run of slashes would be walked from each of them.
  const auto past_slashes = [&](std::size_t i) {
    return i + RunEnd(text.substr(std::min(i, text.size()), 4), 0, slash);
  };
  const std::size_t folder = past_slashes(at);
  const std::size_t close = folder + RunEnd(text.substr(folder, 8), 0, IsShapeAlnum);
  std::string name;
  for (const char c : text.substr(folder, close - folder))
    name.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  if (name.size() == 5 && name.starts_with("home") && name[4] >= '0' && name[4] <= '9') name.pop_back();
  if (name != "home" && name != "homes" && name != "users") return {};
  const std::size_t begin = past_slashes(close);
  if (begin == close) return {};
  std::size_t end = RunEnd(text, begin, in_name);
  // /homes/a/ada: sorted by the first letter.
  if (end == begin + 1 && name != "users") {
    const std::size_t next = past_slashes(end);
    if (next > end && next < text.size() && text[next] == text[begin]) end = RunEnd(text, next, in_name);
  }
  if (text.substr(begin).starts_with(kRedacted)) return {};
  return {begin, end};
}

SecretSpan FindTildeUser(std::string_view text, std::size_t at) {
  const char before = at == 0 ? ' ' : text[at - 1];
  if (!IsShapeSpace(before) && before != '"' && before != '\'' && before != '=') return {};
  const std::size_t end =
      at + 1 + RunEnd(text.substr(at + 1, 64), 0, [](char c) { return IsTokenChar(c) || c == '.'; });
  if (end < at + 3 || end >= text.size() || text[end] != '/') return {};
  return {at + 1, end};
}

SecretSpan FindEmail(std::string_view text, std::size_t at) {
  const auto local = [](char c) { return IsTokenChar(c) || c == '.' || c == '+' || c == '%'; };
  const auto window = text.substr(at, 320);
  const std::size_t sign = RunEnd(window, 0, local);
  if (sign == 0 || sign + 3 >= window.size() || window[sign] != '@') return {};
  const std::size_t end =
      RunEnd(window, sign + 1, [](char c) { return IsShapeAlnum(c) || c == '.' || c == '-'; });
  const auto domain = window.substr(sign + 1, end - sign - 1);
  const std::size_t dot = domain.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || domain.size() - dot < 3) return {};
  const auto top = domain.substr(dot + 1);
  if (!std::all_of(top.begin(), top.end(),
                   [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; })) {
    return {};
  }
  return {at, at + end};
}

}  // namespace altlas::profile
