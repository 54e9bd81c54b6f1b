// SPDX-License-Identifier: Apache-2.0
#include "tune/advice.h"

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"

namespace altlas::tune {
namespace {

constexpr double kGiB = 1 << 30;
constexpr double kNearBest = 0.95;

std::string RatesText(std::span<const Rate> rates, std::string_view unit) {
  std::string text;
  for (const auto& rate : rates)
    text += fmt::format("{}{} {}: {:.0f} tokens/s", text.empty() ? "" : ", ", rate.setting, unit,
                        rate.per_second);
  return text;
}

Advice AdviseOnAllocator(const Measurements& m) {
  const std::string guide = "expandable_segments:True,max_split_size_mb:128 on 8 GB";
  if (!m.gpu)
    return {"allocator", "auto", "does not apply: no GPU here, and it governs GPU memory alone", guide};
  const auto advice = AdviseAllocator({.memory_bytes = m.memory_bytes, .platform = m.platform});
  return {"allocator", "auto",
          fmt::format("{} with {:.1f} GB: {}={}", m.device, static_cast<double>(m.memory_bytes) / 1e9,
                      advice.variable.name, advice.variable.value),
          guide};
}

Advice AdviseOnBatch(const Measurements& m) {
  const std::string guide = "112 on 8 GB, about 780 samples/s, 0.5 to 1 GiB of margin";
  if (m.batch == 0)
    return {"batch size", "-", fmt::format("not even one sample fits into {:.2f} GiB", m.limit_bytes / kGiB),
            guide};
  return {
      "batch size", std::to_string(m.batch),
      fmt::format(
          "a training step of {} tokens takes {:.2f} of {:.2f} GiB at its peak, {:.2f} GiB of margin; {:.1f} "
          "samples/s",
          m.length, m.batch_bytes / kGiB, m.limit_bytes / kGiB, (m.free_bytes - m.batch_bytes) / kGiB,
          m.samples_per_second),
      guide};
}

Advice AdviseOnLoader(const Measurements& m) {
  const std::string guide = "2 to 4; persistent, for 60 s an epoch instead of 65";
  if (!(m.seconds_to_load_a_sample > 0)) return {"loader workers", "2", "not measured: give --data", guide};
  const double batch_seconds =
      m.seconds_to_load_a_sample * static_cast<double>(std::max<std::uint64_t>(1, m.batch));
  return {"loader workers", std::to_string(LoaderWorkers(m)),
          fmt::format("a batch takes {:.1f} ms to read and tokenise and {:.1f} ms to compute",
                      1e3 * batch_seconds, 1e3 * m.step_seconds),
          guide};
}

Advice AdviseOnPinned(const Measurements& m) {
  const std::string guide = "true: copies of 6 to 8 GB/s instead of 2.5";
  if (!m.gpu) return {"pinned memory", "false", "does not apply: nothing is copied to a GPU", guide};
  if (!(m.pageable_bytes_per_second > 0 && m.pinned_bytes_per_second > 0))
    return {"pinned memory", "true", "not measured: the copies could not be run", guide};
  return {"pinned memory", m.pinned_bytes_per_second > m.pageable_bytes_per_second ? "true" : "false",
          fmt::format("copies of {:.1f} GB/s pinned, {:.1f} pageable", m.pinned_bytes_per_second / 1e9,
                      m.pageable_bytes_per_second / 1e9),
          guide};
}

Advice AdviseOnThreads(const Measurements& m) {
  if (m.gpu) return {"threads", "-", "does not apply: the GPU computes", ""};
  const int best = SmallestNearBest(m.by_threads);
  if (best == 0) return {"threads", std::to_string(m.cores), "not measured: every core", ""};
  return {"threads", std::to_string(best), RatesText(m.by_threads, "threads"), ""};
}

Advice AdviseOnPrecision(const Measurements& m) {
  const std::string guide = "BF16 where the chip has it";
  if (!(m.float32_per_second > 0 && m.bfloat16_per_second > 0))
    return {"precision", "float32", "not measured", guide};
  // Other numbers give other texts: a change must be worth it.
  const bool half = m.bfloat16_per_second > 1.1 * m.float32_per_second;
  return {"precision", half ? "bfloat16" : "float32",
          fmt::format("{:.0f} tokens/s in float32, {:.0f} in bfloat16", m.float32_per_second,
                      m.bfloat16_per_second),
          guide};
}

Advice AdviseOnConcurrency(const Measurements& m) {
  const int best = SmallestNearBest(m.by_sequences);
  if (best == 0) return {"concurrency", "8", "not measured: the default", ""};
  return {"concurrency", std::to_string(best), RatesText(m.by_sequences, "at once"), ""};
}

const Advice& Find(std::span<const Advice> advice, std::string_view what) {
  static const Advice kNone;
  const auto found =
      std::find_if(advice.begin(), advice.end(), [&](const auto& one) { return one.what == what; });
  return found == advice.end() ? kNone : *found;
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

// A device's name comes from its driver: what it holds must not end the comment.
std::string CommentLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return "# " + text + "\n";
}

}  // namespace

int SmallestNearBest(std::span<const Rate> rates) {
  double best = 0;
  for (const auto& rate : rates) best = std::max(best, rate.per_second);
  int smallest = 0;
  for (const auto& rate : rates) {
    if (rate.per_second > 0 && rate.per_second >= kNearBest * best &&
        (smallest == 0 || rate.setting < smallest))
      smallest = rate.setting;
  }
  return smallest;
}

int LoaderWorkers(const Measurements& m) {
  const double loading =
      m.seconds_to_load_a_sample * static_cast<double>(std::max<std::uint64_t>(1, m.batch));
  if (!(m.step_seconds > 0) || loading < 0.1 * m.step_seconds) return 0;
  const double wanted = std::ceil(loading / m.step_seconds);
  return static_cast<int>(std::clamp(wanted, 1.0, static_cast<double>(std::max(1, m.cores))));
}

std::vector<Advice> Advise(const Measurements& measured) {
  return {AdviseOnAllocator(measured),  AdviseOnBatch(measured),   AdviseOnLoader(measured),
          AdviseOnPinned(measured),     AdviseOnThreads(measured), AdviseOnPrecision(measured),
          AdviseOnConcurrency(measured)};
}

std::string FormatConfiguration(const Measurements& m, std::span<const Advice> advice) {
  std::string text = "# What `alt_las tune` measured with this machine and model.\n";
  for (const auto& one : advice)
    text += CommentLine(fmt::format("{}: {} ({})", one.what, one.value, one.measurement));
  text += fmt::format("models:\n  - name: {}\n    path: {}\n    dtype: {}\n    default: true\n",
                      Quoted(m.model), Quoted(m.model_path), Find(advice, "precision").value);
  text += fmt::format("gpu:\n  multi_gpu:\n    max_concurrent_tasks_per_gpu: {}\n",
                      Find(advice, "concurrency").value);
  if (!m.gpu) text += fmt::format("devices:\n  cpu:\n    - threads: {}\n", Find(advice, "threads").value);
  text += "workers:\n  allocator: auto\n";
  const auto& workers = Find(advice, "loader workers").value;
  text += fmt::format(
      "# For a training program's DataLoader: batch_size={}, num_workers={}, pin_memory={}, "
      "persistent_workers={}\n",
      m.batch == 0 ? 1 : m.batch, workers, Find(advice, "pinned memory").value == "true" ? "True" : "False",
      workers == "0" ? "False" : "True");
  return text;
}

}  // namespace altlas::tune
