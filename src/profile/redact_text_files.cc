// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profile/csv_lines.h"
#include "profile/redact_formats.h"

namespace altlas::profile {
namespace {

// A CSV of Nsight Compute: its table's records field by field, its own remarks as text, and the program's
// output, which is every other line, dropped.
class CsvRedaction {
 public:
  CsvRedaction(PrivateWords& words, RedactReport& report) : words_(words), report_(report) {}

  // The first round only learns.
  std::string Round(std::string_view text, bool learn) {
    std::string out;
    bool table = false;
    bool in_output = false;
    host_ = std::string::npos;
    for (std::size_t at = 0; at < text.size();) {
      const std::string_view line = RecordAt(text, at, table);
      at += line.size() + 1;
      std::vector<std::string> fields;
      const bool header =
          line.find("Kernel Name") != std::string_view::npos && line.find("ID") != std::string_view::npos;
      const bool record = header || (table && (line.starts_with('"') || line.starts_with(',')));
      const bool remark = line.starts_with("==");
      if (!record && !remark) {
        if (!learn && !in_output && !line.empty()) Drop(out);
        in_output = in_output || !line.empty();
        continue;
      }
      in_output = false;
      if (remark) {
        Text(line, learn, out);
        continue;
      }
      SplitCsv(line, fields);
      if (header) FindHost(fields);
      table = table || header;
      Fields(fields, learn, out);
    }
    return out;
  }

 private:
  // A line, or the lines of a record whose quotes go on.
  static std::string_view RecordAt(std::string_view text, std::size_t at, bool table) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    if (!table || text[at] != '"') return text.substr(at, end - at);
    std::size_t counted = at;
    std::size_t quotes = 0;
    for (;;) {
      quotes += static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                                    text.begin() + static_cast<std::ptrdiff_t>(end), '"'));
      if (quotes % 2 == 0 || end == text.size()) return text.substr(at, end - at);
      counted = end;
      end = std::min(text.find('\n', end + 1), text.size());
    }
  }
  void FindHost(const std::vector<std::string>& fields) {
    const auto found = std::find(fields.begin(), fields.end(), "Host Name");
    host_ = found == fields.end() ? std::string::npos : static_cast<std::size_t>(found - fields.begin());
  }
  void Drop(std::string& out) {
    ++report_.outputs_dropped;
    out.append(kRedactedOutput).push_back('\n');
  }
  void Text(std::string_view line, bool learn, std::string& out) {
    if (learn) {
      words_.LearnText(line);
      return;
    }
    const std::string redacted = words_.Redact(line);
    if (redacted != line) ++report_.texts_changed;
    out.append(redacted).push_back('\n');
  }
  void Fields(std::vector<std::string>& fields, bool learn, std::string& out) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::string_view name = i == host_ && fields[i] != "Host Name" ? "HOSTNAME" : "";
      if (learn) {
        words_.LearnValue(name, fields[i]);
        continue;
      }
      std::string redacted = words_.Redact(name, fields[i]);
      if (redacted != fields[i]) ++report_.texts_changed;
      fields[i] = std::move(redacted);
    }
    if (!learn) out.append(JoinCsv(fields)).push_back('\n');
  }

  PrivateWords& words_;
  RedactReport& report_;
  std::size_t host_ = std::string::npos;
};

}  // namespace

std::string RedactCsvText(std::string_view text, PrivateWords& words, RedactReport& report) {
  CsvRedaction redaction(words, report);
  (void)redaction.Round(text, true);
  return redaction.Round(text, false);
}

std::string RedactPlainText(std::string_view text, PrivateWords& words, RedactReport& report) {
  words.LearnText(text);
  std::string out = words.Redact(text);
  if (out != text) ++report.texts_changed;
  return out;
}

}  // namespace altlas::profile
