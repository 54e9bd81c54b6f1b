// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

// What stands beside a secret and says so: the fields of a name and value pair, a flag before its value.
// Pure, but for DistinctNames.
namespace altlas::profile {

// True for what a pair calls its name ("name", "Key", "VARIABLE") or its value ("value", "val", "setting").
bool IsPairName(std::string_view field);
bool IsPairValue(std::string_view field);
// "key" alone is what a dictionary calls any of its names: its value goes, but is not looked for elsewhere.
bool IsWeakName(std::string_view name);
// The name as IsSecretName and IsPersonalName know it: "User Name" and "host_name" are USERNAME and HOSTNAME.
std::string_view MeantName(std::string_view name);
// The name that a command line's word gives the next one ("--token"); empty where it gives none.
std::string_view FlagName(std::string_view word, std::string_view next);
// True where a variable of that name holds a secret or a name: RedactValue takes it out whole.
bool GoesWhole(std::string_view name, std::string_view value);

// Keeps names apart that redaction would make one: the second to become "[redacted]" is "[redacted] (2)", so
// that what is counted by name stays. Not thread-safe.
class DistinctNames {
 public:
  std::string Apart(std::string_view original, std::string redacted);

 private:
  std::unordered_map<std::string, std::unordered_map<std::string, std::size_t>> known_;
};

}  // namespace altlas::profile
