// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace altlas::app {

// Columns of text aligned by spaces; the first row is the head. Numbers of bytes and percent are formatted by
// the caller.
std::string FormatTable(std::vector<std::vector<std::string>> rows);
// `text` with control and format characters as \x1b or \u{202e} and bytes that are no UTF-8 replaced: safe
// on a terminal.
std::string Printable(std::string_view text);
// "5.2 GiB"
std::string FormatBytes(std::uint64_t bytes);
// Ten cells of a bar for 0 to 100 percent.
std::string FormatBar(double percent);

}  // namespace altlas::app
