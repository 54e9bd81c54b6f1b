// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <unordered_map>

#include "profile/collector_file.h"
#include "profile/file_head.h"
#include "profile/redact.h"
#include "profile/redact_formats.h"
#include "profile/secret_pairs.h"

namespace altlas::profile {
namespace {

// Learns from every name of a capture, or writes its records into a copy with the names redacted.
class CollectorRedaction final : public CaptureSink {
 public:
  CollectorRedaction(CollectorWriter* copy, PrivateWords& words, RedactReport& report)
      : copy_(copy), words_(words), report_(report) {}

  void OnKernel(const KernelEvent& event) override { Pass<true>(event, &KernelEvent::name); }
  void OnCopy(const CopyEvent& event) override { Pass(event); }
  void OnMemset(const MemsetEvent& event) override { Pass(event); }
  void OnApi(const ApiEvent& event) override { Pass<true>(event, &ApiEvent::name); }
  void OnSync(const SyncEvent& event) override { Pass(event); }
  void OnAllocation(const AllocationEvent& event) override { Pass(event); }
  void OnRange(const RangeEvent& event) override { Pass(event, &RangeEvent::name, &RangeEvent::domain); }
  void OnOperator(const OperatorEvent& event) override {
    Pass<true>(event, &OperatorEvent::name, &OperatorEvent::shapes);
  }
  void OnCounter(const CounterEvent& event) override { Pass<true>(event, &CounterEvent::name); }

  // What stands beside the records.
  void LearnInfo(const CaptureInfo& info) {
    for (const auto& [key, value] : info.environment) words_.LearnValue(key, value);
    for (const auto& note : info.notes) words_.LearnText(note.text);
  }
  void WriteInfo(const CaptureInfo& info) {
    for (const auto& [key, value] : info.environment)
      copy_->AddFact(words_.RedactKey(key), Changed(value, words_.Redact(key, value)));
    for (const auto& note : info.notes) {
      // The reader says this of the header's number.
      const bool is_of_header = note.text.find("found no room in the file") != std::string::npos;
      if (!is_of_header) copy_->AddNote(note.severity, Changed(note.text, words_.Redact(note.text)));
    }
    for (const auto& device : info.devices) copy_->AddDevice(device);
  }

 private:
  // Names that are `strict` lose secrets alone: what is counted by them stays.
  template <bool strict = false, typename Event, typename... Text>
  void Pass(const Event& event, Text... texts) {
    if (copy_ == nullptr) {
      (Redacted(event.*texts, strict), ...);
      return;
    }
    auto changed = event;
    ((changed.*texts = Redacted(event.*texts, strict)), ...);
    copy_->Add(changed);
  }
  // Of each name once: a file has millions of records and few names. Valid as long as this is.
  std::string_view Redacted(std::string_view text, bool strict) {
    const auto [known, is_new] = known_[strict ? 1 : 0].try_emplace(std::string(text));
    if (is_new && copy_ == nullptr) words_.LearnText(text);
    if (is_new && copy_ != nullptr) {
      known->second =
          Changed(text, names_.Apart(text, strict ? words_.RedactKey(text) : words_.Redact(text)));
    }
    return known->second;
  }
  std::string Changed(std::string_view text, std::string redacted) {
    report_.texts_changed += text == redacted ? 0 : 1;
    return redacted;
  }

  CollectorWriter* copy_;
  PrivateWords& words_;
  RedactReport& report_;
  DistinctNames names_;
  std::array<std::unordered_map<std::string, std::string>, 2> known_;
};

Result<CollectorOptions> OptionsOfCopy(const std::filesystem::path& in, const CaptureInfo& info) {
  ALTLAS_TRY(const auto head, ReadFileHead(in, 2));
  CollectorOptions options;
  options.tool = info.tool;
  options.present = info.present;
  // Address space alone: names may grow, and gzip's ratio has its limit.
  const std::uint64_t times = head.bytes.starts_with("\x1f\x8b") ? 300 : 2;
  options.max_bytes = times * head.size + (std::uint64_t{64} << 20);
  options.operator_sampling = info.operator_sampling;
  options.start_unix_ns = info.start_unix_ns.value_or(0);
  options.start_clock_ns = 0;
  options.process = 0;
  options.dropped = info.dropped_records;
  return options;
}

}  // namespace

Status RedactCollector(const std::filesystem::path& in, const std::filesystem::path& out,
                       const Progress& progress, PrivateWords& words, RedactReport& report) {
  CollectorRedaction learning(nullptr, words, report);
  ALTLAS_TRY(const auto info, ReadCollector(in, learning, progress));
  learning.LearnInfo(info);
  ALTLAS_TRY(auto options, OptionsOfCopy(in, info));
  options.tool = words.Redact(options.tool);
  ALTLAS_TRY(const auto copy, CollectorWriter::Create(out, options));
  CollectorRedaction writing(copy.get(), words, report);
  writing.WriteInfo(info);
  ALTLAS_TRY([[maybe_unused]] const auto again, ReadCollector(in, writing, progress));
  report.rows_left_out = info.bad_records;
  copy->Close();
  if (copy->dropped() == info.dropped_records) return {};
  return Fail(ErrorCode::kStorageFull, "the copy found no room for {} records",
              copy->dropped() - info.dropped_records);
}

}  // namespace altlas::profile
