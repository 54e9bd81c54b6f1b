// SPDX-License-Identifier: Apache-2.0
#include "text/decoder.h"

#include <algorithm>
#include <deque>
#include <optional>

#include "base/utf8.h"
#include "text/normalizer.h"
#include "text/unicode.h"

namespace altlas::text {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Stages that look at whole tokens collect the pieces first.
class WholeTokenStage : public DecoderStage {
 public:
  void Feed(std::string_view piece, bool ends_token, Sink& next) final {
    if (!ends_token) {
      token_ += piece;
      return;
    }
    if (token_.empty()) return Token(piece, next);
    token_ += piece;
    const std::string whole = std::move(token_);
    token_.clear();
    Token(whole, next);
  }

 protected:
  virtual void Token(std::string_view token, Sink& next) = 0;

 private:
  std::string token_;
};

class ByteLevelStage final : public WholeTokenStage {
 public:
  void Finish(Sink& next) override { next.Put(ReplaceInvalidUtf8(bytes_), true); }

 protected:
  void Token(std::string_view token, Sink& next) override {
    const std::size_t before = bytes_.size();
    for (std::size_t at = 0; at < token.size();) {
      const auto byte = ByteLevelByte(NextChar(token, at));
      if (!byte) {  // a token outside the alphabet (an added one) stands for itself
        bytes_.resize(before);
        bytes_ += token;
        break;
      }
      bytes_ += static_cast<char>(*byte);
    }
    const std::size_t final_size = bytes_.size() - IncompleteUtf8Tail(bytes_);
    next.Put(ReplaceInvalidUtf8(std::string_view(bytes_).substr(0, final_size)), false);
    bytes_.erase(0, final_size);
  }

 private:
  std::string bytes_;
};

class MetaspaceStage final : public DecoderStage {
 public:
  explicit MetaspaceStage(const DecoderSpec& spec) : drops_(spec.drop_first) {
    AppendCodePoint(mark_, spec.character);
  }
  void Feed(std::string_view piece, bool ends_token, Sink& next) override {
    std::string out;
    for (std::size_t at = 0; at < piece.size();) {
      const auto character = piece.substr(at, CharSize(piece[at]));
      at += character.size();
      if (character != mark_) {
        out += character;
      } else if (!drops_) {
        out += ' ';
      }
    }
    next.Put(out, ends_token);
    if (ends_token) drops_ = false;
  }
  void Finish(Sink&) override {}

 private:
  std::string mark_;
  bool drops_;
};

// Byte tokens in a row are text if all their bytes together are; otherwise each is a replacement character.
// So a run is held back until it ends.
class ByteFallbackStage final : public WholeTokenStage {
 public:
  void Finish(Sink& next) override { Flush(next); }

 protected:
  void Token(std::string_view token, Sink& next) override {
    if (const auto byte = ByteOf(token)) {
      run_ += *byte;
      return;
    }
    Flush(next);
    next.Put(token, true);
  }

 private:
  static std::optional<char> ByteOf(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return {};
    int value = 0;
    for (const char c : token.substr(3, 2)) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      const bool sign = c == '+' && &c == &token[3];  // the library's number parser takes one
      if (digit < 0 && !sign) return {};
      value = value * 16 + (sign ? 0 : digit);
    }
    return static_cast<char>(value);
  }
  void Flush(Sink& next) {
    if (run_.empty()) return;
    if (IsValidUtf8(run_)) {
      next.Put(run_, true);
    } else {
      for (std::size_t i = 0; i < run_.size(); ++i) next.Put(kReplacement, true);
    }
    run_.clear();
  }
  std::string run_;
};

class FuseStage final : public DecoderStage {
 public:
  void Feed(std::string_view piece, bool, Sink& next) override { next.Put(piece, false); }
  void Finish(Sink& next) override { next.Put({}, true); }
};

class StripStage final : public DecoderStage {
 public:
  explicit StripStage(const DecoderSpec& spec) : start_(spec.start), stop_(spec.stop), left_(spec.start) {
    AppendCodePoint(mark_, spec.character);
  }
  void Feed(std::string_view piece, bool ends_token, Sink& next) override {
    std::string out;
    for (std::size_t at = 0; at < piece.size();) {
      const auto character = piece.substr(at, CharSize(piece[at]));
      at += character.size();
      if (left_ > 0 && character == mark_) {
        --left_;
        continue;
      }
      left_ = 0;
      if (character == mark_ && stop_ > 0) {
        // Only the last `stop_` of them can be the ones to remove.
        if (++held_ > stop_) {
          out += mark_;
          --held_;
        }
        continue;
      }
      for (; held_ > 0; --held_) out += mark_;
      out += character;
    }
    if (ends_token) {
      held_ = 0;
      left_ = start_;
    }
    next.Put(out, ends_token);
  }
  void Finish(Sink&) override {}

 private:
  std::string mark_;
  std::size_t start_;
  std::size_t stop_;
  std::size_t left_;
  std::size_t held_ = 0;
};

class ReplaceStage final : public WholeTokenStage {
 public:
  ReplaceStage(std::shared_ptr<const Regex> regex, std::string content)
      : regex_(std::move(regex)), content_(std::move(content)) {}
  void Finish(Sink&) override {}

 protected:
  void Token(std::string_view token, Sink& next) override {
    const auto segments = regex_->FindAll(token);
    if (!segments) return next.Put(token, true);
    std::string out;
    for (const auto& segment : *segments) {
      out += segment.match ? std::string_view(content_)
                           : token.substr(segment.begin, segment.end - segment.begin);
    }
    next.Put(out, true);
  }

 private:
  std::shared_ptr<const Regex> regex_;
  std::string content_;
};

// A fixed pattern, which can be replaced in a token that has not ended yet.
class ReplaceTextStage final : public DecoderStage {
 public:
  explicit ReplaceTextStage(const DecoderSpec& spec) : pattern_(spec.pattern), content_(spec.content) {}
  void Feed(std::string_view piece, bool ends_token, Sink& next) override {
    held_ += piece;
    std::string out;
    std::size_t from = 0;
    for (std::size_t at; (at = held_.find(pattern_, from)) != std::string::npos;
         from = at + pattern_.size()) {
      out.append(held_, from, at - from);
      out += content_;
    }
    // The rest could hold the beginning of a match.
    std::size_t keep = ends_token ? 0 : std::min(pattern_.size() - 1, held_.size() - from);
    while (keep < held_.size() - from && keep > 0 && IsContinuation(held_[held_.size() - keep])) ++keep;
    out.append(held_, from, held_.size() - keep - from);
    held_.erase(0, held_.size() - keep);
    next.Put(out, ends_token);
  }
  void Finish(Sink&) override {}

 private:
  std::string pattern_;
  std::string content_;
  std::string held_;
};

// The end-of-word suffix becomes a space, in the last token nothing.
class BpeStage final : public WholeTokenStage {
 public:
  explicit BpeStage(const DecoderSpec& spec) : suffix_(spec.pattern) {}
  void Finish(Sink& next) override {
    if (last_) next.Put(Replaced(*last_, ""), true);
  }

 protected:
  void Token(std::string_view token, Sink& next) override {
    if (last_) next.Put(Replaced(*last_, " "), true);
    last_ = token;
  }

 private:
  std::string Replaced(const std::string& token, std::string_view by) const {
    std::string out;
    std::size_t from = 0;
    for (std::size_t at; (at = token.find(suffix_, from)) != std::string::npos; from = at + suffix_.size()) {
      out.append(token, from, at - from);
      out += by;
    }
    return out.append(token, from);
  }
  std::string suffix_;
  std::optional<std::string> last_;
};

// A token that continues a word loses its prefix, any other but the first gets a space before it.
class WordPieceStage final : public WholeTokenStage {
 public:
  explicit WordPieceStage(const DecoderSpec& spec) : prefix_(spec.pattern), cleanup_(spec.cleanup) {}
  void Finish(Sink&) override {}

 protected:
  void Token(std::string_view token, Sink& next) override {
    std::string out(token);
    if (!first_) out = token.starts_with(prefix_) ? out.substr(prefix_.size()) : " " + out;
    first_ = false;
    if (cleanup_) CleanUp(out);
    next.Put(out, true);
  }

 private:
  // None makes a token longer. The order is the library's.
  static void CleanUp(std::string& text) {
    constexpr std::pair<std::string_view, std::string_view> kRules[] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [from, to] : kRules) {
      for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    }
  }
  std::string prefix_;
  bool cleanup_;
  bool first_ = true;
};

class JoinStage final : public DecoderStage {
 public:
  void Feed(std::string_view piece, bool ends_token, Sink& next) override {
    if (starts_ && !first_) next.Put(" ", false);
    next.Put(piece, ends_token);
    starts_ = ends_token;
    first_ = false;
  }
  void Finish(Sink&) override {}

 private:
  bool first_ = true;
  bool starts_ = true;
};

std::unique_ptr<DecoderStage> MakeStage(const DecoderPlan::Step& step) {
  using Kind = DecoderSpec::Kind;
  switch (step.spec.kind) {
    case Kind::kByteLevel:
      return std::make_unique<ByteLevelStage>();
    case Kind::kMetaspace:
      return std::make_unique<MetaspaceStage>(step.spec);
    case Kind::kByteFallback:
      return std::make_unique<ByteFallbackStage>();
    case Kind::kFuse:
      return std::make_unique<FuseStage>();
    case Kind::kStrip:
      return std::make_unique<StripStage>(step.spec);
    case Kind::kBpe:
      return std::make_unique<BpeStage>(step.spec);
    case Kind::kWordPiece:
      return std::make_unique<WordPieceStage>(step.spec);
    case Kind::kReplace:
      break;
  }
  if (step.regex) return std::make_unique<ReplaceStage>(step.regex, step.spec.content);
  return std::make_unique<ReplaceTextStage>(step.spec);
}

}  // namespace

Result<DecoderPlan> DecoderPlan::Create(std::vector<DecoderSpec> steps, bool has_decoder) {
  DecoderPlan out;
  out.joins_by_spaces_ = !has_decoder;
  std::size_t growth = 1;
  for (auto& spec : steps) {
    if (spec.kind == DecoderSpec::Kind::kReplace)
      growth *= GrowthOf(spec.pattern, spec.pattern_is_regex, spec.content);
    if (growth > kMaxGrowth)
      return Fail(ErrorCode::kTooLarge,
                  "decoder: its replacements can make a text {} times longer, at most {} is supported",
                  growth, kMaxGrowth);
    const bool searches = spec.kind == DecoderSpec::Kind::kReplace || spec.kind == DecoderSpec::Kind::kBpe;
    if (searches && spec.pattern.empty())
      return Fail(ErrorCode::kUnsupported, "decoder: an empty pattern is not supported");
    std::shared_ptr<const Regex> regex;
    if (searches && spec.pattern_is_regex) {
      ALTLAS_TRY(auto compiled, Regex::Compile(spec.pattern).Context("decoder Replace"));
      regex = std::make_shared<const Regex>(std::move(compiled));
    }
    out.steps_.push_back({std::move(spec), std::move(regex)});
  }
  return out;
}

// Hands what one stage puts out to the next, and at the end to the text.
class DecoderChain::Link final : public DecoderStage::Sink {
 public:
  Link(DecoderChain& chain, std::size_t next, std::string& out) : chain_(chain), next_(next), out_(out) {}
  void Put(std::string_view piece, bool ends_token) override {
    if (next_ == chain_.stages_.size()) {
      out_ += piece;
      return;
    }
    Link link(chain_, next_ + 1, out_);
    chain_.stages_[next_]->Feed(piece, ends_token, link);
  }

 private:
  DecoderChain& chain_;
  std::size_t next_;
  std::string& out_;
};

DecoderChain::DecoderChain(const DecoderPlan& plan) {
  for (const auto& step : plan.steps()) stages_.push_back(MakeStage(step));
  if (plan.joins_by_spaces()) stages_.push_back(std::make_unique<JoinStage>());
}

void DecoderChain::Feed(std::string_view token, std::string& out) { Link(*this, 0, out).Put(token, true); }

void DecoderChain::Finish(std::string& out) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    Link link(*this, i + 1, out);
    stages_[i]->Finish(link);
  }
}

}  // namespace altlas::text
