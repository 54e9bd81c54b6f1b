// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

// The report as one HTML file: the page, style and script of web/report/ with the data in them. Nothing is
// loaded from anywhere: the page's content security policy allows this script and this style alone, by their
// hashes.
namespace altlas::profile {

// Made from web/report/ when the program is built.
extern const std::string_view kReportPage;
extern const std::string_view kReportStyle;
extern const std::string_view kReportScript;

// RFC 4648, with padding.
std::string ToBase64(std::string_view bytes);
std::string EscapeHtml(std::string_view text);
// Length of `json` (4 bytes, little endian), `json`, `binary`; zlib-compressed (RFC 1950).
std::string PackData(std::string_view json, std::string_view binary);
// `title` is text, `packed` comes from PackData.
std::string ComposePage(std::string_view title, std::string_view packed);

}  // namespace altlas::profile
