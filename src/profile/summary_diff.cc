// SPDX-License-Identifier: Apache-2.0
#include "profile/summary_diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace altlas::profile {
namespace {

using Sides = std::array<std::vector<double>, 2>;

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const auto value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double VarianceOf(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const auto mean = MeanOf(values);
  double squares = 0;
  for (const auto value : values) squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size() - 1);
}

std::optional<double> NoiseOf(const Sides& sides) {
  const auto n0 = static_cast<double>(sides[0].size());
  const auto n1 = static_cast<double>(sides[1].size());
  if (n0 < 2 && n1 < 2) return std::nullopt;
  auto v0 = VarianceOf(sides[0]);
  auto v1 = VarianceOf(sides[1]);
  if (n0 < 2 || n1 < 2) {
    const auto v = std::max(v0, v1);
    return StudentT95(std::max(n0, n1) - 1) * std::sqrt(v * (1 / n0 + 1 / n1));
  }
  v0 /= n0;
  v1 /= n1;
  if (v0 + v1 <= 0) return 0;
  const auto degrees = (v0 + v1) * (v0 + v1) / (v0 * v0 / (n0 - 1) + v1 * v1 / (n1 - 1));
  return StudentT95(degrees) * std::sqrt(v0 + v1);
}

DiffFigure FigureOf(const Sides& sides) { return {MeanOf(sides[0]), MeanOf(sides[1]), NoiseOf(sides)}; }

class DiffSides {
 public:
  DiffSides(const std::vector<Summary>& before, const std::vector<Summary>& after)
      : sides_{&before, &after} {}

  // `read` of each run.
  Sides Each(const std::function<double(const Summary&)>& read) const {
    Sides values;
    for (std::size_t side = 0; side < 2; ++side)
      for (const auto& run : *sides_[side]) values[side].push_back(read(run));
    return values;
  }
  bool All(const std::function<bool(const Summary&)>& holds) const {
    for (const auto* side : sides_)
      for (const auto& run : *side)
        if (!holds(run)) return false;
    return true;
  }
  const std::vector<Summary>& side(std::size_t number) const { return *sides_[number]; }

 private:
  std::array<const std::vector<Summary>*, 2> sides_;
};

struct RowValues {
  std::string name;
  Sides counts, totals, hosts;
};

// The rows of all runs under their keys, a run without one as zeros.
template <typename Item, typename Key, typename Fill>
std::vector<DiffRow> RowsOf(const DiffSides& sides, std::vector<Item> Summary::*list, Key key, Fill fill) {
  std::map<std::string, RowValues> rows;
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::size_t run = 0; run < sides.side(side).size(); ++run) {
      for (const auto& item : sides.side(side)[run].*list) {
        auto& row = rows[key(item)];
        for (std::size_t s = 0; s < 2; ++s)
          for (auto* values : {&row.counts, &row.totals, &row.hosts})
            (*values)[s].resize(sides.side(s).size());
        fill(item, row, side, run);
      }
    }
  }
  std::vector<DiffRow> out;
  for (auto& [full_name, values] : rows) {
    DiffRow row;
    row.name = values.name;
    row.full_name = full_name;
    row.count = FigureOf(values.counts);
    row.total_ns = FigureOf(values.totals);
    row.host_ns = FigureOf(values.hosts);
    row.state = row.count.before == 0 ? "added" : row.count.after == 0 ? "removed" : "changed";
    if (row.state == "changed") {
      const auto mean = row.total_ns.before / row.count.before;
      row.by_count_ns = row.count.delta() * mean;
      row.by_time_ns = row.total_ns.delta() - row.by_count_ns;
    } else {
      row.by_count_ns = row.total_ns.delta();
    }
    out.push_back(std::move(row));
  }
  std::stable_sort(out.begin(), out.end(), [](const DiffRow& a, const DiffRow& b) {
    return std::abs(a.total_ns.delta()) > std::abs(b.total_ns.delta());
  });
  return out;
}

std::vector<DiffRow> KernelRows(const DiffSides& sides) {
  auto rows = RowsOf(
      sides, &Summary::kernels, [](const SummaryKernel& kernel) { return kernel.full_name; },
      [](const SummaryKernel& kernel, RowValues& row, std::size_t side, std::size_t run) {
        row.name = kernel.name;
        row.counts[side][run] += static_cast<double>(kernel.timing.count);
        row.totals[side][run] += static_cast<double>(kernel.timing.total_ns);
      });
  for (auto& row : rows) row.host_ns.reset();
  return rows;
}

std::vector<DiffRow> OperatorRows(const DiffSides& sides) {
  auto rows = RowsOf(
      sides, &Summary::operators, [](const SummaryOperator& item) { return item.name; },
      [](const SummaryOperator& item, RowValues& row, std::size_t side, std::size_t run) {
        row.name = item.name;
        row.counts[side][run] += static_cast<double>(item.timing.count);
        row.totals[side][run] += static_cast<double>(item.self_ns);
      });
  for (auto& row : rows) row.host_ns.reset();
  return rows;
}

std::vector<DiffRow> PhaseRows(const DiffSides& sides) {
  return RowsOf(
      sides, &Summary::phases,
      [](const SummaryPhase& phase) {
        return phase.domain.empty() ? phase.name : phase.domain + ":" + phase.name;
      },
      [](const SummaryPhase& phase, RowValues& row, std::size_t side, std::size_t run) {
        row.name = phase.name;
        row.counts[side][run] += static_cast<double>(phase.timing.count + phase.marks);
        row.totals[side][run] += static_cast<double>(phase.self_kernel_ns);
        row.hosts[side][run] += static_cast<double>(phase.timing.total_ns);
      });
}

double SumDevices(const Summary& run, std::int64_t SummaryDevice::*field) {
  double sum = 0;
  for (const auto& device : run.devices)
    if (device.kernel_count > 0) sum += static_cast<double>(device.*field);
  return sum;
}

double DurationOf(const Summary& run) {
  double longest = 0;
  for (const auto& source : run.sources) longest = std::max(longest, static_cast<double>(source.duration_ns));
  return longest;
}

double DeviceTimeOf(const Summary& run) {
  double sum = 0;
  for (const auto& device : run.devices)
    if (device.kernel_count > 0 && device.source < run.sources.size())
      sum += static_cast<double>(run.sources[device.source].duration_ns);
  return sum;
}

double GapOf(const Summary& run, const std::string& cause) {
  if (run.gaps)
    for (const auto& gap : run.gaps->causes)
      if (gap.cause == cause) return static_cast<double>(gap.total_ns);
  return 0;
}

void AddTerm(SummaryDiff& diff, std::string name, const Sides& values) {
  const auto figure = FigureOf(values);
  if (figure.before == 0 && figure.after == 0) return;
  diff.terms.push_back({std::move(name), figure.delta(), figure.noise});
}

// Rows by what happened to them: added, removed, called more or less often, each call longer or shorter.
void AddRowTerms(SummaryDiff& diff, const std::vector<DiffRow>& rows, const std::string& what) {
  std::map<std::string, double> sums;
  for (const auto& row : rows) {
    if (row.state == "changed") {
      sums["launch count"] += row.by_count_ns;
      sums["time per launch"] += row.by_time_ns;
    } else {
      sums[row.state] += row.total_ns.delta();
    }
  }
  for (const auto* part : {"added", "removed", "launch count", "time per launch"})
    if (sums.count(part) != 0) diff.terms.push_back({what + ": " + part, sums[part], std::nullopt});
}

// Device time = kernels + what ran at once + gaps by cause + the capture outside the devices' windows.
void AddDeviceTerms(const DiffSides& sides, SummaryDiff& diff) {
  diff.whole = "device time";
  diff.whole_ns = FigureOf(sides.Each(DeviceTimeOf));
  AddRowTerms(diff, diff.kernels, "kernels");
  const auto rows_of = [](const Summary& run) {
    double sum = 0;
    for (const auto& kernel : run.kernels) sum += static_cast<double>(kernel.timing.total_ns);
    return sum;
  };
  AddTerm(diff, "kernels at once", sides.Each([&](const Summary& run) {
    return SumDevices(run, &SummaryDevice::compute_ns) - rows_of(run);
  }));
  for (const auto* cause : {"copy", "launch", "data", "host", "queued", "between", "unknown"})
    AddTerm(diff, std::string("gaps: ") + cause,
            sides.Each([&](const Summary& run) { return GapOf(run, cause); }));
  AddTerm(diff, "before the first and after the last work", sides.Each([&](const Summary& run) {
    double gaps = 0;
    if (run.gaps)
      for (const auto& gap : run.gaps->causes) gaps += static_cast<double>(gap.total_ns);
    return DeviceTimeOf(run) - SumDevices(run, &SummaryDevice::compute_ns) - gaps;
  }));
}

void AddOperatorTerms(const DiffSides& sides, SummaryDiff& diff) {
  diff.whole = "time";
  diff.whole_ns = FigureOf(sides.Each(DurationOf));
  AddRowTerms(diff, diff.operators, "operators");
  AddTerm(diff, "other", sides.Each([](const Summary& run) {
    double selves = 0;
    for (const auto& item : run.operators) selves += static_cast<double>(item.self_ns);
    return DurationOf(run) - selves;
  }));
}

void AddHeadFigures(const DiffSides& sides, SummaryDiff& diff) {
  for (const auto& figure : sides.side(0).front().head) {
    if (!sides.All([&](const Summary& run) { return FindValue(run, figure.name).has_value(); })) continue;
    diff.head.push_back({figure.name, "", "", FigureOf(sides.Each([&](const Summary& run) {
                           return FindValue(run, figure.name).value_or(0);
                         }))});
  }
}

const SummaryMetric* FindMetric(const Summary& run, const std::string& name) {
  for (const auto& metric : run.metrics)
    if (metric.name == name) return &metric;
  return nullptr;
}

void AddMetrics(const DiffSides& sides, SummaryDiff& diff) {
  for (const auto& metric : sides.side(0).front().metrics) {
    if (!sides.All([&](const Summary& run) { return FindMetric(run, metric.name) != nullptr; })) continue;
    const auto values = sides.Each([&](const Summary& run) { return FindMetric(run, metric.name)->value; });
    diff.metrics.push_back({metric.name, metric.unit, metric.better, FigureOf(values)});
  }
}

void AddDiffWarnings(const DiffSides& sides, SummaryDiff& diff) {
  const auto compare = [&](const std::string& what, const std::function<std::string(const Summary&)>& read) {
    std::array<std::set<std::string>, 2> seen;
    for (std::size_t side = 0; side < 2; ++side)
      for (const auto& run : sides.side(side)) seen[side].insert(read(run));
    if (seen[0] != seen[1])
      diff.warnings.push_back(
          fmt::format("the {} differ: {} before, {} after", what, *seen[0].begin(), *seen[1].begin()));
  };
  compare("devices", [](const Summary& run) {
    std::string names;
    for (const auto& device : run.devices)
      names += (names.empty() ? "" : ", ") + (device.name.empty() ? device.id : device.name);
    return names.empty() ? std::string("none") : names;
  });
  compare("tools", [](const Summary& run) { return run.sources.empty() ? "" : run.sources.front().tool; });
  compare("scenarios", [](const Summary& run) {
    if (!run.scenario) return std::string("none");
    auto text = run.scenario->name;
    for (const auto& [name, value] : run.scenario->parameters) text += " " + name + "=" + value;
    return text;
  });
  if (!sides.All([](const Summary& run) {
        return std::all_of(run.sources.begin(), run.sources.end(),
                           [](const SummarySource& source) { return source.dropped_records == 0; });
      }))
    diff.warnings.emplace_back("records were dropped while capturing: counts do not compare");
  for (std::size_t side = 0; side < 2; ++side)
    for (const auto& run : sides.side(side))
      for (const auto& warning : run.warnings)
        if (warning.severity == "error")
          diff.warnings.push_back(fmt::format("{}: {}", side == 0 ? "before" : "after", warning.text));
  if (diff.runs_before + diff.runs_after == 2)
    diff.warnings.emplace_back("one run a side: the noise is not known; give several captures a side");
}

bool IsOfNsightCompute(const Summary& run) { return run.kernels.empty() && !run.kernel_details.empty(); }

}  // namespace

double StudentT95(double degrees) {
  static constexpr std::array<double, 30> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                                    2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                                    2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                                    2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  if (!(degrees >= 1)) return kTable.front();
  if (degrees >= 120) return 1.980;
  if (degrees >= 60) return 2.000;
  if (degrees >= 40) return 2.021;
  return kTable[std::min<std::size_t>(static_cast<std::size_t>(degrees), kTable.size()) - 1];
}

std::optional<bool> DiffFigure::IsBeyondNoise() const {
  if (!noise) return std::nullopt;
  return std::abs(delta()) > *noise;
}

Result<SummaryDiff> DiffSummaries(const std::vector<Summary>& before, const std::vector<Summary>& after) {
  if (before.empty() || after.empty())
    return Fail(ErrorCode::kInvalidArgument, "a comparison needs at least one capture on each side");
  const DiffSides sides(before, after);
  const auto first = IsOfNsightCompute(before.front());
  if (!sides.All([&](const Summary& run) { return IsOfNsightCompute(run) == first; }))
    return Fail(
        ErrorCode::kInvalidArgument,
        "a capture of Nsight Compute does not compare with a timeline: its clocks are locked and its caches "
        "flushed; give captures of one tool");
  SummaryDiff diff;
  diff.runs_before = before.size();
  diff.runs_after = after.size();
  diff.kernels = KernelRows(sides);
  diff.operators = OperatorRows(sides);
  diff.phases = PhaseRows(sides);
  AddHeadFigures(sides, diff);
  AddMetrics(sides, diff);
  if (!diff.kernels.empty())
    AddDeviceTerms(sides, diff);
  else if (!diff.operators.empty())
    AddOperatorTerms(sides, diff);
  AddDiffWarnings(sides, diff);
  if (diff.head.empty() && diff.metrics.empty() && diff.kernels.empty() && diff.operators.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "the two sides have no kernel, operator, metric or figure in common");
  return diff;
}

}  // namespace altlas::profile
