// SPDX-License-Identifier: Apache-2.0
#include "profile/report_page.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <utility>

#include "base/result.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace altlas::profile {
namespace {

std::string HashSource(std::string_view text) {
  const auto digest = Sha256(text);
  return fmt::format("'sha256-{}'", ToBase64({reinterpret_cast<const char*>(digest.data()), digest.size()}));
}

std::string Policy() {
  return fmt::format(
      "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'; "
      "require-trusted-types-for 'script'",
      HashSource(kReportScript), HashSource(kReportStyle));
}

}  // namespace

std::string ToBase64(std::string_view bytes) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t offset) {
      return at + offset < bytes.size() ? static_cast<unsigned char>(bytes[at + offset]) : 0U;
    };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (unsigned digit = 0; digit < 4; ++digit) {
      const bool padding = at + digit > bytes.size();
      out.push_back(padding ? '=' : kAlphabet[bits >> (18 - 6 * digit) & 63]);
    }
  }
  return out;
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : ReplaceInvalidUtf8(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\0':
        out += "\xEF\xBF\xBD";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string PackData(std::string_view json, std::string_view binary) {
  std::string plain;
  plain.reserve(4 + json.size() + binary.size());
  for (unsigned shift = 0; shift < 32; shift += 8) plain.push_back(static_cast<char>(json.size() >> shift));
  plain.append(json).append(binary);
  uLongf size = ::compressBound(plain.size());
  std::string packed(size, '\0');
  const int code = ::compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(plain.data()), plain.size(), 9);
  ALTLAS_CHECK(code == Z_OK);
  packed.resize(size);
  return packed;
}

std::string ComposePage(std::string_view title, std::string_view packed) {
  const std::array<std::pair<std::string_view, std::string>, 5> parts = {{
      {"{{policy}}", EscapeHtml(Policy())},
      {"{{title}}", EscapeHtml(title)},
      {"{{style}}", std::string(kReportStyle)},
      {"{{data}}", ToBase64(packed)},
      {"{{script}}", std::string(kReportScript)},
  }};
  std::string page;
  std::string_view rest = kReportPage;
  for (const auto& [mark, text] : parts) {
    const auto at = rest.find(mark);
    ALTLAS_CHECK(at != std::string_view::npos);
    page.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + mark.size());
  }
  return page.append(rest);
}

}  // namespace altlas::profile
