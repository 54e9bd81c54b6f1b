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

bool EndsInOneOf(std::string_view word, std::string_view end, const auto& innocent) {
  return word.ends_with(end) && std::none_of(innocent.begin(), innocent.end(), [&](std::string_view other) {
           return word.ends_with(other) && other.ends_with(end);
         });
}

bool IsSecretWord(std::string_view word) {
  static constexpr std::array<std::string_view, 34> kWhole = {
      "TOKENS", "KEY",    "KEYS",  "APIKEYS",    "AUTH",     "AUTHORIZATION", "PASS",
      "PWD",    "JWT",    "PAT",   "SALT",       "DSN",      "COOKIES",       "OTP",
      "PIN",    "SIG",    "CERT",  "SIGNATURE",  "PRIVATE",  "WEBHOOK",       "PSK",
      "OAUTH",  "BEARER", "PW",    "CRED",       "CREDS",    "PASSCODE",      "MNEMONIC",
      "SIFRE",  "PAROLA", "SENHA", "CONTRASENA", "KENNWORT", "SESSIONID"};
  static constexpr std::array<std::string_view, 8> kAnywhere = {"SECRET",     "PASSWORD",        "PASSWD",
                                                                "PASSPHRASE", "CREDENTIAL",      "PASSWORT",
                                                                "SEEDPHRASE", "CONNECTIONSTRING"};
  static constexpr std::array<std::string_view, 9> kAtEnd = {"TOKEN", "TOKENS", "COOKIE", "KEY",    "KEYS",
                                                             "PASS",  "PW",     "CREDS",  "AUTHKEY"};
  static constexpr std::array<std::string_view, 36> kInnocent = {
      "MONKEY",   "DONKEY",    "TURKEY",   "HOCKEY",   "JOCKEY",     "WHISKEY",     "HOTKEY",  "LACKEY",
      "MICKEY",   "TURNKEY",   "CACHEKEY", "SORTKEY",  "PRIMARYKEY", "DISPATCHKEY", "BYKEY",   "MONKEYS",
      "DONKEYS",  "TURKEYS",   "HOTKEYS",  "COMPASS",  "BYPASS",     "TRESPASS",    "SURPASS", "UNDERPASS",
      "OVERPASS", "LOWPASS",   "HIGHPASS", "BANDPASS", "SUBPASS",    "PREPASS",     "ONEPASS", "TWOPASS",
      "TEMPASS",  "FIRSTPASS", "LASTPASS", "MULTIPASS"};
  if (IsOneOf(kWhole, word)) return true;
  for (const auto part : kAnywhere) {
    if (word.find(part) != std::string_view::npos) return true;
  }
  return std::any_of(kAtEnd.begin(), kAtEnd.end(),
                     [&](std::string_view part) { return EndsInOneOf(word, part, kInnocent); });
}

// A word that says secret alone, and another thing behind this one: cache_key, forward_pass.
bool IsHarmlessBehind(std::string_view before, std::string_view word) {
  static constexpr std::array<std::string_view, 14> kOfKeys = {
      "CACHE", "SORT", "PRIMARY", "FOREIGN", "PARTITION", "DISPATCH", "GROUP",
      "BY",    "DICT", "INDEX",   "BUCKET",  "LOOKUP",    "REGISTRY", "HOT"};
  static constexpr std::array<std::string_view, 11> kOfPasses = {
      "FORWARD", "BACKWARD", "FIRST", "LAST", "SINGLE", "MULTI", "TWO", "LOW", "HIGH", "NUM", "BY"};
  if (word == "KEY" || word == "KEYS") return IsOneOf(kOfKeys, before);
  return word == "PASS" && IsOneOf(kOfPasses, before);
}

// max_tokens, tokens_per_second: a number of them.
bool CountsTokens(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 24> kCounting = {
      "MAX",   "MIN",    "NUM",    "N",       "NB",         "PER",       "SECOND",  "SEC",
      "COUNT", "TOTAL",  "PROMPT", "INPUT",   "OUTPUT",     "GENERATED", "CACHED",  "BATCHED",
      "NEW",   "LENGTH", "LIMIT",  "AVERAGE", "COMPLETION", "AVG",       "SPECIAL", "PROCESSED"};
  const auto counts = [](std::string_view word) { return IsOneOf(kCounting, word); };
  return std::find(words.begin(), words.end(), "TOKENS") != words.end() &&
         std::any_of(words.begin(), words.end(), counts);
}

// Two words that say secret only together.
bool IsSecretPair(std::string_view first, std::string_view second) {
  return (first == "CONNECTION" && second == "STRING") || (first == "CONN" && second == "STR") ||
         (first == "SEED" && second == "PHRASE") || (first == "SESSION" && second == "ID") ||
         (first == "MFA" && second == "SEED") ||
         (second == "CODE" && (first == "ACCESS" || first == "RECOVERY"));
}

// A value that gives nothing away whatever it is called: a switch, or a number of tokens.
bool TellsNothing(const std::vector<std::string>& words, std::string_view value) {
  static constexpr std::array<std::string_view, 13> kSwitches = {
      "", "0", "1", "true", "false", "True", "False", "yes", "no", "on", "off", "null", "None"};
  if (IsOneOf(kSwitches, value)) return true;
  const bool number = value.size() <= 20 && value.find_first_not_of("0123456789.,") == std::string_view::npos;
  return number && std::find(words.begin(), words.end(), "TOKENS") != words.end();
}

}  // namespace

bool IsSecretName(std::string_view name) {
  if (name.size() > kMaxSecretNameBytes) name = name.substr(name.size() - kMaxSecretNameBytes);
  if (name == "PWD" || name == "OLDPWD") return false;
  auto words = WordsOfName(name);
  const bool counts = CountsTokens(words);
  std::string_view before;
  for (auto& word : words) {
    const auto last = word.find_last_not_of("0123456789");  // TOKEN1, API_KEY2
    if (last != std::string::npos) word.resize(last + 1);
    if (IsSecretPair(before, word)) return true;
    if (IsSecretWord(word) && !IsHarmlessBehind(before, word) && !(counts && word == "TOKENS")) return true;
    before = word;
  }
  return false;
}

bool IsPersonalName(std::string_view name) {
  static constexpr std::array<std::string_view, 22> kNames = {
      "USER",        "USERNAME",       "LOGNAME",         "HOST",
      "HOSTNAME",    "MAIL",           "EMAIL",           "SUDO_USER",
      "SSH_CLIENT",  "SSH_CONNECTION", "COMPUTERNAME",    "USERDOMAIN",
      "LOGONSERVER", "REMOTEHOST",     "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME",
      "PGUSER",      "USER_NAME",      "HOST_NAME",       "NODENAME",
      "NODE_NAME",   "LOGIN_NAME"};
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
