// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "profile/redact.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxSecretNameBytes = 256;

bool UpperAt(std::string_view name, std::size_t i) {
  return i < name.size() && std::isupper(static_cast<unsigned char>(name[i])) != 0;
}
bool LowerAt(std::string_view name, std::size_t i) {
  return i < name.size() && std::islower(static_cast<unsigned char>(name[i])) != 0;
}

// "accessKeyId", "ACCESS_KEY_ID" and "x-access-key" to upper-case words.
std::vector<std::string> WordsOfName(std::string_view name) {
  std::vector<std::string> words;
  bool fresh = true;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (std::isalnum(c) == 0) {
      fresh = true;
      continue;
    }
    const bool hump =
        UpperAt(name, i) && i > 0 && (LowerAt(name, i - 1) || (UpperAt(name, i - 1) && LowerAt(name, i + 1)));
    if (fresh || hump) words.emplace_back();
    fresh = false;
    words.back().push_back(static_cast<char>(std::toupper(c)));
  }
  return words;
}

template <std::size_t N>
bool IsOneOf(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool IsSecretWord(std::string_view word) {
  static constexpr std::array<std::string_view, 23> kWhole = {
      "TOKENS",    "KEY",    "KEYS", "APIKEYS", "AUTH",    "AUTHORIZATION", "PASS", "PWD",
      "JWT",       "BEARER", "PAT",  "SALT",    "DSN",     "COOKIES",       "OTP",  "PIN",
      "SIGNATURE", "SIG",    "CERT", "PRIVATE", "WEBHOOK", "PSK",           "OAUTH"};
  static constexpr std::array<std::string_view, 5> kAnywhere = {"SECRET", "PASSWORD", "PASSWD", "PASSPHRASE",
                                                                "CREDENTIAL"};
  static constexpr std::array<std::string_view, 4> kAtEnd = {"TOKEN", "APIKEY", "COOKIE", "ACCESSKEY"};
  if (IsOneOf(kWhole, word)) return true;
  for (const auto part : kAnywhere) {
    if (word.find(part) != std::string_view::npos) return true;
  }
  return std::any_of(kAtEnd.begin(), kAtEnd.end(),
                     [&](std::string_view part) { return word.ends_with(part); });
}

// A value that gives nothing away whatever it is called: a switch, or a number of tokens.
bool TellsNothing(const std::vector<std::string>& words, std::string_view value) {
  static constexpr std::array<std::string_view, 13> kSwitches = {
      "", "0", "1", "true", "false", "True", "False", "yes", "no", "on", "off", "null", "None"};
  if (IsOneOf(kSwitches, value)) return true;
  const bool number = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number && std::find(words.begin(), words.end(), "TOKENS") != words.end();
}

}  // namespace

bool IsSecretName(std::string_view name) {
  if (name.size() > kMaxSecretNameBytes) name = name.substr(name.size() - kMaxSecretNameBytes);
  if (name == "PWD" || name == "OLDPWD") return false;
  const auto words = WordsOfName(name);
  return std::any_of(words.begin(), words.end(), [](const std::string& word) { return IsSecretWord(word); });
}

bool IsPersonalName(std::string_view name) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "USER",        "USERNAME",       "LOGNAME",         "HOST",
      "HOSTNAME",    "MAIL",           "EMAIL",           "SUDO_USER",
      "SSH_CLIENT",  "SSH_CONNECTION", "COMPUTERNAME",    "USERDOMAIN",
      "LOGONSERVER", "REMOTEHOST",     "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME",
      "PGUSER"};
  std::string upper;
  for (const char c : name.substr(0, kMaxSecretNameBytes)) {
    upper.push_back(c == ' ' || c == '-' || c == ':'
                        ? '_'
                        : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  if (IsOneOf(kNames, upper)) return true;
  static constexpr std::array<std::string_view, 8> kEnds = {
      "_USER", "_USERNAME", "_HOST", "_HOSTNAME", "_USERNAME", "_EMAIL", "_NODENAME", "_NODELIST"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return upper.ends_with(end); });
}

std::string RedactValue(std::string_view name, std::string_view value) {
  if (IsPersonalName(name) && !value.empty()) return std::string(kRedacted);
  if (IsSecretName(name) && !TellsNothing(WordsOfName(name.substr(0, kMaxSecretNameBytes)), value)) {
    return std::string(kRedacted);
  }
  return RedactText(value);
}

std::map<std::string, std::string> RedactEnvironment(const std::map<std::string, std::string>& environment) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : environment) out.emplace(name, RedactValue(name, value));
  return out;
}

}  // namespace altlas::profile
