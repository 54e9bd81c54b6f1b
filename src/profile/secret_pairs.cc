// SPDX-License-Identifier: Apache-2.0
#include "profile/secret_pairs.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "profile/redact.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxFieldBytes = 64;

// Letters and digits, in lower case.
std::string Squashed(std::string_view name) {
  std::string out;
  if (name.size() > kMaxFieldBytes) return out;
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0) out.push_back(static_cast<char>(std::tolower(u)));
  }
  return out;
}

template <std::size_t N>
bool IsAmong(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

bool IsPairName(std::string_view field) {
  static constexpr std::array<std::string_view, 15> kFields = {
      "name", "key", "variable", "variablename", "var",       "env",      "envvar",   "option",
      "flag", "k",   "param",    "parameter",    "attribute", "property", "fieldname"};
  return IsAmong(kFields, Squashed(field));
}

bool IsPairValue(std::string_view field) {
  static constexpr std::array<std::string_view, 14> kFields = {
      "value", "val",     "setting", "content",     "v",      "data",          "text",
      "raw",   "current", "default", "stringvalue", "string", "variablevalue", "plain"};
  return IsAmong(kFields, Squashed(field));
}

bool IsWeakName(std::string_view name) {
  const auto word = Squashed(name);
  return word == "key" || word == "keys";
}

std::string_view MeantName(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kHosts = {"hostname", "nodename", "machinename",
                                                             "computername", "host"};
  static constexpr std::array<std::string_view, 5> kUsers = {"username", "loginname", "user", "login",
                                                             "useremail"};
  const auto word = Squashed(name);
  if (IsAmong(kHosts, word)) return "HOSTNAME";
  return IsAmong(kUsers, word) ? "USERNAME" : name;
}

std::string_view FlagName(std::string_view word, std::string_view next) {
  if (!word.starts_with('-') || word.find('=') != std::string_view::npos) return {};
  // `python -u train.py` names nobody.
  if (word == "-u") return next.find(':') == std::string_view::npos ? std::string_view() : "password";
  const auto name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  if (IsSecretName(name)) return name;
  return IsPersonalName(name) && !next.starts_with('-') ? name : std::string_view();
}

bool GoesWhole(std::string_view name, std::string_view value) {
  if (name.empty() || value.empty()) return false;
  const auto meant = MeantName(name);
  return (IsSecretName(meant) || IsPersonalName(meant)) && RedactValue(meant, value) == kRedacted;
}

std::string DistinctNames::Apart(std::string_view original, std::string redacted) {
  if (original == redacted) return redacted;
  auto& same = known_[redacted];
  const auto number = same.try_emplace(std::string(original), same.size() + 1).first->second;
  return number == 1 ? redacted : redacted + " (" + std::to_string(number) + ")";
}

}  // namespace altlas::profile
