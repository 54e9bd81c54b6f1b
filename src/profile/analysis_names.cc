// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "profile/analysis_parts.h"
#include "profile/kernel_name.h"

namespace altlas::profile {
namespace {

// Kernels whose names demangle to the same text become one.
void DemangleNames(Work& work) {
  const auto raw = std::move(work.names.kernels);
  work.names.kernels = Interner();
  std::vector<std::uint32_t> renamed;
  for (std::uint32_t id = 0; id < raw.size(); ++id)
    renamed.push_back(work.names.kernels.Intern(DemangleKernelName(raw.TextOf(id))));
  for (auto& source : work.sources)
    for (auto& kernel : source.columns.kernels) kernel.name = renamed[kernel.name];
}

// `items` numbered anew in the order of `before`; returns each one's new number. What decides between equal
// times is then the same whatever the order of the file.
template <typename Before>
std::vector<std::uint32_t> NumbersInOrder(std::size_t count, Before before) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), before);
  std::vector<std::uint32_t> renumbered(count);
  for (std::uint32_t number = 0; number < count; ++number) renumbered[order[number]] = number;
  return renumbered;
}

void SortOperatorNames(Work& work) {
  const auto raw = std::move(work.names.operators);
  work.names.operators = Interner();
  std::map<std::string_view, std::uint32_t> sorted;
  for (std::uint32_t id = 0; id < raw.size(); ++id) sorted.emplace(raw.TextOf(id), id);
  for (const auto& [text, id] : sorted) work.names.operators.Intern(text);
  const auto renumbered = NumbersInOrder(
      raw.size(), [&](std::uint32_t a, std::uint32_t b) { return raw.TextOf(a) < raw.TextOf(b); });
  for (auto& source : work.sources)
    for (auto& row : source.columns.operators) row.name = renumbered[row.name];
}

void SortPhases(Work& work) {
  auto& phases = work.names.phases;
  const auto& texts = work.names.texts;
  const auto key = [&](std::uint32_t number) {
    const auto& phase = phases.items[number];
    return std::tie(texts.TextOf(phase.name), texts.TextOf(phase.domain));
  };
  const auto renumbered =
      NumbersInOrder(phases.items.size(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  std::vector<Phase> sorted(phases.items.size());
  for (std::uint32_t number = 0; number < sorted.size(); ++number)
    sorted[renumbered[number]] = phases.items[number];
  phases.items = std::move(sorted);
  for (auto& source : work.sources) {
    for (auto& row : source.columns.ranges) row.name = renumbered[row.name];
    std::map<std::uint32_t, std::uint64_t> marks;
    for (const auto& [phase, count] : source.columns.marks) marks[renumbered[phase]] = count;
    source.columns.marks = std::move(marks);
  }
}

}  // namespace

void PrepareNames(Work& work) {
  DemangleNames(work);
  SortOperatorNames(work);
  SortPhases(work);
}

}  // namespace altlas::profile
