// SPDX-License-Identifier: Apache-2.0
// What runs are before they are judged: columns, halves, environments, thresholds.
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "profile/gate.h"

namespace altlas::profile {
namespace {

constexpr double kAbsentValue = std::numeric_limits<double>::quiet_NaN();

std::optional<double> MedianOfKnown(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return Median(values);
}

// Facts that change how fast the same program is; the others say what was measured.
bool IsHardFact(const std::string& full_name) {
  const auto name = full_name.substr(full_name.starts_with(kCaptureFact) ? kCaptureFact.size() : 0);
  static const std::set<std::string> kHard = {"devices", "clocks", "cpu_model", "cores",
                                              "kernel",  "schema", "tool"};
  return kHard.contains(name) || name.find("driver") != std::string::npos;
}

std::string FactAdvice(const std::string& name) {
  if (name == "clocks")
    return "lock the clocks alike (nvidia-smi --lock-gpu-clocks), or record the baseline anew";
  if (name == "schema" || name == "tool")
    return "make both captures with one version of the tool, or record the baseline anew";
  return "record a baseline on this machine (alt_las profile gate record), or compare side by side with "
         "--against; --allow-different-environment compares all the same";
}

struct ThresholdUnit {
  std::string_view suffix;
  double in_ms;
};

}  // namespace

Session Gather(const std::vector<GateRun>& runs) {
  Session session;
  std::map<std::string, std::vector<double>> shares;
  std::map<std::string, std::vector<double>> times;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    session.runs.push_back(runs[i].state);
    for (const auto& [name, figure] : runs[i].figures) {
      auto& metric = session.metrics[name];
      metric.unit = figure.unit;
      metric.higher_is_better = figure.higher_is_better;
      metric.values.resize(runs.size(), kAbsentValue);
      metric.values[i] = figure.value;
      if (figure.share.has_value()) shares[name].push_back(*figure.share);
      if (figure.run_ms.has_value()) times[name].push_back(*figure.run_ms);
    }
  }
  for (auto& [name, metric] : session.metrics) {
    metric.share = MedianOfKnown(shares[name]);
    metric.run_ms = MedianOfKnown(times[name]);
  }
  return session;
}

Session JoinSessions(const std::vector<Session>& sessions) {
  if (sessions.size() == 1) return sessions.front();
  Session all;
  std::map<std::string, std::vector<double>> shares;
  std::map<std::string, std::vector<double>> times;
  for (const auto& session : sessions) {
    const std::size_t before = all.runs.size();
    all.runs.insert(all.runs.end(), session.runs.begin(), session.runs.end());
    for (const auto& [name, metric] : session.metrics) {
      auto& joined = all.metrics[name];
      joined.unit = metric.unit;
      joined.higher_is_better = metric.higher_is_better;
      joined.values.resize(before, kAbsentValue);
      joined.values.insert(joined.values.end(), metric.values.begin(), metric.values.end());
      if (metric.share.has_value()) shares[name].push_back(*metric.share);
      if (metric.run_ms.has_value()) times[name].push_back(*metric.run_ms);
    }
    for (auto& [name, metric] : all.metrics) metric.values.resize(all.runs.size(), kAbsentValue);
  }
  for (auto& [name, metric] : all.metrics) {
    metric.share = MedianOfKnown(shares[name]);
    metric.run_ms = MedianOfKnown(times[name]);
  }
  return all;
}

Session Half(const std::vector<Session>& sessions, std::size_t first) {
  std::vector<Session> halves;
  for (const auto& session : sessions) {
    Session half = session;
    half.runs.clear();
    for (std::size_t i = first; i < session.runs.size(); i += 2) half.runs.push_back(session.runs[i]);
    for (auto& [name, metric] : half.metrics) {
      const auto& all = session.metrics.at(name).values;
      metric.values.clear();
      for (std::size_t i = first; i < all.size(); i += 2) metric.values.push_back(all[i]);
    }
    halves.push_back(std::move(half));
  }
  return JoinSessions(halves);
}

std::vector<GateReason> CompareEnvironments(const Environment& base, const Environment& head) {
  std::vector<GateReason> reasons;
  for (const auto& [name, value] : base) {
    const auto found = head.find(name);
    if (!IsHardFact(name) || found == head.end() || found->second == value) continue;
    GateReason reason;
    reason.code = name == "clocks"   ? "clocks-differ"
                  : name == "schema" ? "schema-differs"
                                     : "environment-differs";
    reason.text = fmt::format("{}: the baseline was recorded with \"{}\", these runs with \"{}\"", name,
                              value, found->second);
    reason.advice = FactAdvice(name);
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

Result<Threshold> ParseThreshold(std::string_view text) {
  static constexpr std::array<ThresholdUnit, 4> kUnits = {
      {{"ms", 1}, {"us", 1e-3}, {"ns", 1e-6}, {"s", 1e3}}};
  const auto refuse = [&](std::string_view why) {
    return FailField(
        "--threshold",
        "\"{}\" is no threshold: {}. Write a share of the baseline such as 5%, or a limit with its "
        "unit (ns, us, ms, s) such as 200ms",
        text, why);
  };
  double number = 0;
  const auto* const end = text.data() + text.size();
  // from_chars takes no sign but '-', no leading space and no hexadecimal, and knows nothing of locales.
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || stop == text.data()) return refuse("it does not begin with a number");
  if (!std::isfinite(number)) return refuse("the number is not finite");
  if (number <= 0) return refuse("the number must be above 0");
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit.empty()) return refuse("the unit is missing");
  if (unit == "%") {
    if (number > 1000) return refuse("a share is at most 1000%");
    return Threshold{true, number / 100};
  }
  for (const auto& known : kUnits)
    if (unit == known.suffix) return Threshold{false, number * known.in_ms};
  return refuse(fmt::format("the unit \"{}\" is not known", unit));
}

std::string_view OutcomeName(Outcome outcome) {
  static constexpr std::array<std::string_view, 3> kNames = {"PASS", "FAIL", "INCONCLUSIVE"};
  return kNames[static_cast<std::size_t>(outcome)];
}

int OutcomeExitCode(Outcome outcome) {
  static constexpr std::array<int, 3> kCodes = {0, 1, 3};
  return kCodes[static_cast<std::size_t>(outcome)];
}

std::string_view MetricOutcomeName(MetricOutcome outcome) {
  static constexpr std::array<std::string_view, 6> kNames = {"clear", "improved", "failed",
                                                             "open",  "not seen", "not judged"};
  return kNames[static_cast<std::size_t>(outcome)];
}

}  // namespace altlas::profile
