// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// Takes secrets out of text: by the name they are given (GITHUB_TOKEN=..., --password ..., "api_key": ...)
// and by their shape (vendors' key prefixes, JWTs, bearer tokens, passwords in URLs, private keys, long
// random strings), and the names of users (in paths of home folders, before an @ host). Pure functions;
// thread-safe; linear in the text. What is taken out becomes kRedacted; kernel and symbol names stay.
namespace altlas::profile {

inline constexpr std::string_view kRedacted = "[redacted]";

// True for names that by convention hold a secret: one of the words token, secret, password, key,
// credential, auth, cookie, ... in SNAKE, kebab or camelCase. PWD, TOKENIZERS_PARALLELISM and the like are
// none.
bool IsSecretName(std::string_view name);

// True for variables that say who or where: USER, LOGNAME, HOSTNAME, SSH_CONNECTION, ...
bool IsPersonalName(std::string_view name);

// Secrets by shape and by assignment, and home folders' users, replaced.
std::string RedactText(std::string_view text);
// The same, adding what was taken out to `removed`.
std::string RedactText(std::string_view text, std::vector<std::string>& removed);

// The value of a variable of that name: kRedacted where the name says secret or personal, else
// RedactText(value).
std::string RedactValue(std::string_view name, std::string_view value);

// A process's environment for a manifest that may be shared: every name kept, values through RedactValue.
std::map<std::string, std::string> RedactEnvironment(const std::map<std::string, std::string>& environment);

}  // namespace altlas::profile
