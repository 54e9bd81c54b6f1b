// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <utility>
#include <vector>

// What the programs that this one starts are given.
namespace altlas::app {

// This process's environment as "NAME=value", with variables added or replaced.
std::vector<std::string> EnvironmentWith(const std::vector<std::pair<std::string, std::string>>& added);

// Pointers into `texts` and a null behind them, as exec takes words and variables. Valid while `texts` is
// unchanged.
std::vector<char*> CStrings(std::vector<std::string>& texts);

}  // namespace altlas::app
