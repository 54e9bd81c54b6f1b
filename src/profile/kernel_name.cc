// SPDX-License-Identifier: Apache-2.0
#include "profile/kernel_name.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <vector>

namespace altlas::profile {
namespace {

constexpr std::size_t kLongestMangled = 2048;
// Each back reference can at most double what is printed.
constexpr std::ptrdiff_t kMostBackReferences = 40;
constexpr std::size_t kInnerArgumentsKept = 12;

bool Opens(char c) { return c == '<' || c == '(' || c == '{' || c == '['; }
bool Closes(char c) { return c == '>' || c == ')' || c == '}' || c == ']'; }
// "operator->" and the arrow of a trailing return type close nothing.
bool IsArrow(std::string_view text, std::size_t at) {
  return text[at] == '>' && at > 0 && text[at - 1] == '-';
}

// Where `text` says `what` outside all brackets, in order; nullopt where the brackets do not match.
std::optional<std::vector<std::size_t>> OutermostPlaces(std::string_view text, std::string_view what) {
  std::vector<std::size_t> places;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (depth == 0 && text.substr(i, what.size()) == what) {
      places.push_back(i);
      i += what.size() - 1;
    } else if (Opens(text[i])) {
      ++depth;
    } else if (Closes(text[i]) && !IsArrow(text, i)) {
      if (depth == 0) return std::nullopt;
      --depth;
    }
  }
  if (depth != 0) return std::nullopt;
  return places;
}

std::vector<std::string_view> Pieces(std::string_view text, const std::vector<std::size_t>& places,
                                     std::size_t width) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (const auto place : places) {
    pieces.push_back(text.substr(begin, place - begin));
    begin = place + width;
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

std::string_view TrimmedName(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::string> ShortenPart(std::string_view text, int depth);

std::optional<std::string> ShortenArguments(std::string_view inside, int depth) {
  if (depth > 1) return "...";
  const auto commas = OutermostPlaces(inside, ",");
  if (!commas) return std::nullopt;
  std::string out;
  for (const auto piece : Pieces(inside, *commas, 1)) {
    auto argument = ShortenPart(TrimmedName(piece), depth + 1);
    if (!argument) return std::nullopt;
    if (!out.empty()) out += ", ";
    out += *argument;
  }
  return depth > 0 && out.size() > kInnerArgumentsKept ? "..." : out;
}

// One component of a qualified name: its text with the arguments shortened and the parameters left out.
std::optional<std::string> ShortenComponent(std::string_view text, int depth) {
  if (text.starts_with("{lambda") || text.starts_with("{unnamed") || text.starts_with("'lambda"))
    return "lambda";
  const auto open = text.find('<');
  const auto paren = text.find('(');
  if (open == std::string_view::npos || paren < open) return std::string(text.substr(0, paren));
  std::size_t level = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (Opens(text[i])) ++level;
    if (Closes(text[i]) && !IsArrow(text, i)) --level;
    if (level > 0) continue;
    const auto inside = ShortenArguments(text.substr(open + 1, i - open - 1), depth);
    if (!inside) return std::nullopt;
    const auto rest = text.substr(i + 1);
    return fmt::format("{}<{}>{}", text.substr(0, open), *inside, rest.substr(0, rest.find('(')));
  }
  return std::nullopt;
}

std::optional<std::string> ShortenPart(std::string_view text, int depth) {
  const auto colons = OutermostPlaces(text, "::");
  if (!colons) return std::nullopt;
  const auto pieces = Pieces(text, *colons, 2);
  auto out = ShortenComponent(pieces.back(), depth);
  // Lambdas and call operators say nothing without the function that they stand in.
  const bool is_lambda = out && *out == "lambda";
  for (auto outer = pieces.size() - 1; out && outer > 0 && (*out == "lambda" || *out == "operator"); --outer)
    out = ShortenComponent(pieces[outer - 1], std::max(depth, 1));
  if (out && is_lambda && *out != "lambda") *out += "::lambda";
  return out;
}

std::string Without(std::string text, std::string_view what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.erase(at, what.size());
  return text;
}

std::string CutTo(std::string text, std::size_t longest) {
  if (text.size() <= longest) return text;
  auto end = longest - 3;
  // Never within a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "...";
}

}  // namespace

std::string DemangleKernelName(std::string_view name) {
  if (!name.starts_with("_Z") || name.size() > kLongestMangled ||
      std::count(name.begin(), name.end(), 'S') + std::count(name.begin(), name.end(), 'T') >
          kMostBackReferences)
    return std::string(name);
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &status), &std::free);
  return text == nullptr || status != 0 ? std::string(name) : std::string(text.get());
}

std::string ShortenKernelName(std::string_view name) {
  const bool is_plain = name.find("::") == std::string_view::npos &&
                        name.find('<') == std::string_view::npos && name.find('(') == std::string_view::npos;
  if (is_plain) return CutTo(std::string(name), kLongestShortName);
  auto text = Without(std::string(name), "(anonymous namespace)::");
  text = Without(std::move(text), "<unnamed>::");
  std::string_view rest = text;
  if (rest.starts_with("void ")) rest.remove_prefix(5);
  const auto shortened = ShortenPart(TrimmedName(rest), 0);
  return CutTo(shortened && !shortened->empty() ? *shortened : std::string(name), kLongestShortName);
}

}  // namespace altlas::profile
