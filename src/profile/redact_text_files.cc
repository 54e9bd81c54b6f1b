// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "profile/csv_lines.h"
#include "profile/ncu_reader.h"
#include "profile/redact.h"
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
    std::vector<std::string> fields;
    bool in_output = false;
    titles_.clear();
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    for (std::size_t at = 0; at < text.size();) {
      const auto line = LineAt(text, at);
      at += line.size() + 1;
      const auto bare = line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
      if (bare.empty()) continue;
      if (IsNcuRemark(bare)) {
        Text(bare, learn, out);
      } else if (IsHeader(bare, fields)) {
        titles_ = fields;
        Fields(fields, learn, out, true);
      } else if (IsRecord(text, bare, at, fields)) {
        Fields(fields, learn, out, false);
      } else {
        if (!learn && !in_output) Drop(out);
        in_output = true;
        continue;
      }
      in_output = false;
    }
    return out;
  }

 private:
  static std::string_view LineAt(std::string_view text, std::size_t at) {
    return text.substr(at, text.find('\n', at) - at);
  }
  static bool IsHeader(std::string_view line, std::vector<std::string>& fields) {
    return IsNcuHeader(line) && SplitCsv(line, fields) && fields.front() == "ID" &&
           std::find(fields.begin(), fields.end(), "Kernel Name") != fields.end();
  }
  // Rows of metrics end behind the value; all others have a field for each title. `at`, behind the line,
  // moves on with quotes that go on; where one never closes, the reader takes nothing more either.
  bool IsRecord(std::string_view text, std::string_view line, std::size_t& at,
                std::vector<std::string>& fields) const {
    if (titles_.empty() || !BeginsNcuRecord(line)) return false;
    CsvSplitter splitter(fields);
    bool closed = splitter.Add(line);
    while (!closed && at < text.size()) {
      const auto more = LineAt(text, at);
      at += more.size() + 1;
      (void)splitter.Add("\n");
      closed = splitter.Add(more.substr(0, more.size() - (more.ends_with('\r') ? 1 : 0)));
    }
    const auto value = std::find(titles_.begin(), titles_.end(), "Metric Value");
    const auto fewest =
        value == titles_.end() ? titles_.size() : static_cast<std::size_t>(value - titles_.begin()) + 1;
    return closed && fields.size() >= fewest && fields.size() <= titles_.size();
  }
  // As a remark of the tool, which every reader passes over.
  void Drop(std::string& out) {
    ++report_.outputs_dropped;
    out.append("==PROF== ").append(kRedactedOutput).push_back('\n');
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
  void Fields(std::vector<std::string>& fields, bool learn, std::string& out, bool header) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const bool private_column = !header && IsPersonalName(titles_[i]);
      const std::string_view name = private_column ? std::string_view(titles_[i]) : std::string_view();
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
  std::vector<std::string> titles_;  // of the table that is being read
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
