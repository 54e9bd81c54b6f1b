// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "profile/byte_source.h"
#include "profile/json_copy.h"
#include "profile/redact.h"
#include "profile/redact_formats.h"
#include "profile/secret_pairs.h"

namespace altlas::profile {
namespace {

constexpr std::size_t kMaxJsonString = 64 << 20;
constexpr std::size_t kMaxJsonDepth = 10'000;
constexpr std::size_t kMaxScalar = 64 << 10;
constexpr int kMaxNested = 16;

// What happens to a value, in one byte each by their order in the file: what stands around a value says so,
// and may come behind it.
enum ValueFate : std::uint8_t {
  kPlainValue = 0,
  kWhole = 1,    // under a secret or personal name: all of it goes
  kStrict = 2,   // the format's, or a name of a kernel, operator or call: only secrets go
  kCounted = 4,  // a name: different ones stay different
  kFigure = 8,   // a number that is measured or refers to something: stays
};

bool IsOfFormat(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kKeys = {
      "ph", "cat", "s", "bp", "id", "cuda_sync_kind", "sync_kind", "kind"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

// Categories whose names people choose; those of all others are kernels, operators and calls.
bool IsNamedByPeople(std::string_view category) {
  return category.empty() || category.find("annotation") != std::string_view::npos ||
         category == "python_function" || category == "nvtx";
}

bool HasEscapes(std::string_view text) {
  return text.find("\\\"") != std::string_view::npos || text.find("\\/") != std::string_view::npos ||
         text.find("\\u") != std::string_view::npos;
}

bool IsJsonNumber(std::string_view scalar) {
  return !scalar.empty() && scalar.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

// What stands around the values of a document, and what follows from it for each.
class JsonContext {
 public:
  JsonContext(std::vector<std::uint8_t>& fates, PrivateWords& words) : fates_(fates), words_(words) {
    open_.emplace_back();
  }

  void Open(bool is_object) {
    auto& above = open_.back();
    Around around;
    around.is_object = is_object;
    around.name = NameHere();
    around.is_args = is_object && above.key == "args";
    above.before.clear();
    open_.push_back(std::move(around));
  }
  void Close() {
    if (open_.size() == 1) return;
    const Around closed = std::move(open_.back());
    open_.pop_back();
    JudgePair(closed);
    JudgeEvent(closed);
  }
  void Key(std::string key) {
    auto& here = open_.back();
    here.key = std::move(key);
    here.has_phase = here.has_phase || here.key == "ph";
  }
  void EndKey() {
    if (open_.back().is_object) open_.back().key.clear();
  }

  void Value(const std::string& text, bool is_string) {
    auto& here = open_.back();
    const std::size_t at = fates_.size();
    fates_.push_back(is_string ? std::uint8_t{kPlainValue} : FigureIf(here));
    std::string name = NameHere();
    if (!here.is_object && is_string) {
      if (const auto flag = FlagName(here.before, text); !flag.empty()) name = flag;
      if (GivesNameTo(here.before, text)) name = here.before;
      here.before = text;
    }
    if (here.is_object && is_string) NoteEvent(here, text, at);
    if (here.is_object && IsPairValue(here.key)) here.values.push_back({at, text, is_string});
    const bool weak = IsWeakName(name);
    if (here.is_object && weak && is_string && here.key == name && !here.weak) {
      here.weak = {at, text, true};  // the name of a pair, perhaps
      words_.LearnText(text);
      here.pair_name = text;
      return;
    }
    if (here.is_object && is_string && IsPairName(here.key) && GoesWhole(text, "x1y2z3"))
      here.pair_name = text;
    Judge(name, {at, text, is_string});
  }

 private:
  struct Seen {
    std::size_t at = 0;
    std::string text;
    bool is_string = true;
  };
  struct Around {
    bool is_object = false;
    bool has_phase = false;
    bool is_args = false;
    std::string name;    // under which it stands
    std::string key;     // of the value that follows
    std::string before;  // in an array: the text before
    std::string pair_name, phase, category;
    std::optional<std::size_t> event_name;
    std::optional<Seen> weak;
    std::vector<Seen> values;
    std::vector<std::size_t> of_format;
  };

  static std::uint8_t FigureIf(const Around& here) {
    return static_cast<std::uint8_t>(here.has_phase || here.is_args ? kFigure : kPlainValue);
  }
  // An array's text that names the next: ["DB_PASSWORD", "x"].
  static bool GivesNameTo(std::string_view before, std::string_view text) {
    const bool variable =
        before.find('_') != std::string_view::npos &&
        before.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
    return variable && IsSecretName(before) && !IsSecretName(text);
  }
  // The name of what comes: its key; in an array that of the array; in {"TOKEN": {"value": x}} that around.
  std::string NameHere() const {
    const auto& here = open_.back();
    if (!here.is_object) return here.name;
    if (!IsPairValue(here.key)) return here.key;
    return here.pair_name.empty() ? here.name : here.pair_name;
  }
  void Judge(std::string_view name, const Seen& value) {
    const bool whole =
        GoesWhole(name, value.text) && (value.is_string || (IsSecretName(name) && !IsWeakName(name)));
    if (whole) {
      fates_[value.at] |= kWhole;
      words_.LearnValue(name, value.text);
    } else if (value.is_string) {
      LearnNested(value.text);
    }
  }
  void LearnNested(std::string text) {
    words_.LearnText(text);
    for (int level = 0; level < kMaxNested && HasEscapes(text); ++level) {
      text = Unescaped(text);
      words_.LearnText(text);
    }
  }
  void JudgePair(const Around& object) {
    if (object.weak && object.values.empty()) Judge("key", *object.weak);
    if (object.pair_name.empty()) return;
    for (const auto& value : object.values) Judge(object.pair_name, value);
  }
  void NoteEvent(Around& here, const std::string& text, std::size_t at) {
    if (here.key == "ph") here.phase = text;
    if (here.key == "cat") here.category = text;
    if (here.key == "name") here.event_name = at;
    if (here.is_args && IsOfFormat(here.key)) fates_[at] |= kStrict;
    if (!here.is_args && IsOfFormat(here.key)) here.of_format.push_back(at);
  }
  void JudgeEvent(const Around& event) {
    if (!event.has_phase) return;
    for (const auto at : event.of_format) fates_[at] |= kStrict;
    if (!event.event_name) return;
    fates_[*event.event_name] |= kCounted;
    if (event.phase == "M" || !IsNamedByPeople(event.category)) fates_[*event.event_name] |= kStrict;
  }

  std::vector<std::uint8_t>& fates_;
  PrivateWords& words_;
  std::vector<Around> open_;
};

// Goes through JSON (or what begins as JSON: its structure is copied as it is) once, either to learn words
// and fates or to write the copy.
class JsonRound {
 public:
  JsonRound(ByteSource& source, JsonOutput* out, const Progress& progress, PrivateWords& words,
            std::vector<std::uint8_t>& fates, RedactReport& report)
      : source_(source), out_(out), progress_(progress), words_(words), fates_(fates), report_(report) {
    if (out == nullptr) context_.emplace(fates, words);
  }

  Status Run() {
    std::array<char, 64 << 10> buffer{};
    for (;;) {
      ALTLAS_TRY(const auto n, source_.Read(buffer));
      if (n == 0) break;
      if (progress_ && !progress_(source_.consumed(), source_.total())) {
        return Fail(ErrorCode::kCanceled, "redacting was stopped");
      }
      for (const char c : std::string_view(buffer.data(), n)) ALTLAS_TRY_VOID(Take(c));
      ALTLAS_TRY_VOID(Flush());
    }
    EndScalar();
    EndString(false);
    // A file that was cut off within a string: what there is of it is a text like any other.
    if (in_string_) EmitString(Unescaped(text_), false);
    while (context_ && depth_-- > 0) context_->Close();
    return Flush();
  }

 private:
  Status Take(char c) {
    if (in_string_) {
      if (!escaped_ && c == '"') {
        in_string_ = false;
        pending_ = true;
        return {};
      }
      escaped_ = !escaped_ && c == '\\';
      text_.push_back(c);
      if (text_.size() <= kMaxJsonString) return {};
      return Fail(ErrorCode::kTooLarge, "a JSON string of more than {} MB: no trace has one",
                  kMaxJsonString >> 20);
    }
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (pending_ && space) {
      gap_.push_back(c);
      return {};
    }
    if (pending_) EndString(c == ':');
    const bool structure = space || std::string_view("{}[]:,\"").find(c) != std::string_view::npos;
    if (!structure) {
      if (scalar_.size() >= kMaxScalar) EndScalar();  // no JSON
      scalar_.push_back(c);
      return {};
    }
    EndScalar();
    if (c == '"') {
      in_string_ = true;
      escaped_ = false;
      text_.clear();
      return {};
    }
    if (c == '{' || c == '[') {
      if (depth_ >= kMaxJsonDepth)
        return Fail(ErrorCode::kTooLarge, "JSON nested deeper than {}", kMaxJsonDepth);
      ++depth_;
      if (context_) context_->Open(c == '{');
    } else if ((c == '}' || c == ']') && depth_ > 0) {
      --depth_;
      if (context_) context_->Close();
      if (context_) context_->EndKey();
    } else if (c == ',' && context_) {
      context_->EndKey();
    }
    piece_.push_back(c);
    return {};
  }

  // The string before is over; a colon behind it makes it a key.
  void EndString(bool is_key) {
    if (!pending_) return;
    pending_ = false;
    EmitString(Unescaped(text_), is_key);
    piece_ += gap_;
    gap_.clear();
  }

  void EmitString(std::string text, bool is_key) {
    if (context_ && is_key) {
      words_.LearnText(text);
      context_->Key(std::move(text));
      return;
    }
    if (context_) {
      context_->Value(text, true);
      return;
    }
    const std::string redacted = is_key ? words_.RedactKey(text) : RedactedValue(text, Fate());
    if (redacted == text) {
      piece_.append("\"").append(text_).append("\"");
    } else {
      ++report_.texts_changed;
      AppendJsonString(piece_, redacted);
    }
  }

  // A number or a word; one under a name that says secret goes like a text.
  void EndScalar() {
    if (scalar_.empty()) return;
    if (context_) {
      context_->Value(scalar_, false);
      scalar_.clear();
      return;
    }
    const auto fate = Fate();
    const bool number = IsJsonNumber(scalar_);
    if ((fate & kWhole) != 0 || (number && (fate & kFigure) == 0 && words_.Knows(scalar_))) {
      ++report_.texts_changed;
      AppendJsonString(piece_, kRedacted);
    } else {
      piece_ += number ? scalar_ : words_.RedactKey(scalar_);
    }
    scalar_.clear();
  }

  std::uint8_t Fate() { return at_ < fates_.size() ? fates_[at_++] : std::uint8_t{kPlainValue}; }

  std::string RedactedValue(const std::string& text, std::uint8_t fate) {
    if ((fate & kWhole) != 0) return std::string(kRedacted);
    const auto once = [&](std::string_view t) {
      return (fate & kStrict) != 0 ? words_.RedactKey(t) : words_.Redact(t);
    };
    std::string out = once(text);
    // Documents within strings hide by their escapes what they hold.
    std::string inner = out;
    for (int level = 0; level < kMaxNested && HasEscapes(inner); ++level) {
      inner = Unescaped(inner);
      std::string redacted = once(inner);
      if (redacted != inner) out = inner = std::move(redacted);
    }
    return (fate & kCounted) != 0 ? names_.Apart(text, std::move(out)) : out;
  }

  Status Flush() {
    if (out_ != nullptr) ALTLAS_TRY_VOID(out_->Write(piece_));
    piece_.clear();
    return {};
  }

  ByteSource& source_;
  JsonOutput* out_;
  const Progress& progress_;
  PrivateWords& words_;
  std::vector<std::uint8_t>& fates_;
  RedactReport& report_;
  std::optional<JsonContext> context_;
  DistinctNames names_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool pending_ = false;  // a string ended; whether it is a key is not known yet
  std::string text_, gap_, scalar_, piece_;
};

}  // namespace

Status RedactJson(const std::filesystem::path& in, const std::filesystem::path& out, bool compress,
                  const Progress& progress, PrivateWords& words, RedactReport& report) {
  std::vector<std::uint8_t> fates;
  ALTLAS_TRY(const auto first, OpenByteSource(in));
  ALTLAS_TRY_VOID(JsonRound(*first, nullptr, progress, words, fates, report).Run());
  ALTLAS_TRY(const auto second, OpenByteSource(in));
  ALTLAS_TRY(const auto copy, JsonOutput::Create(out, compress));
  ALTLAS_TRY_VOID(JsonRound(*second, copy.get(), progress, words, fates, report).Run());
  return copy->Finish();
}

}  // namespace altlas::profile
