// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/summary_parts.h"

#include "worker/bench/sample.h"

namespace altlas::bench {

profile::Summary StartSummary(std::string scenario, std::map<std::string, std::string> parameters) {
  profile::Summary summary;
  profile::SummarySource source;
  source.path = "alt_las bench " + scenario;
  source.format = "bench";
  source.tool = std::string("alt_las ") + ALTLAS_VERSION;
  summary.sources.push_back(std::move(source));
  summary.scenario = profile::SummaryScenario{std::move(scenario), std::move(parameters)};
  return summary;
}

void AddMetric(profile::Summary& summary, std::string name, std::string unit, double value,
               std::string better) {
  profile::SummaryMetric metric;
  metric.name = std::move(name);
  metric.unit = std::move(unit);
  metric.value = value;
  metric.better = std::move(better);
  summary.metrics.push_back(std::move(metric));
}

void AddSamples(profile::Summary& summary, std::string name, std::string unit, std::vector<double> samples,
                std::string better) {
  if (samples.empty()) return;
  AddMetric(summary, std::move(name), std::move(unit), MedianOf(samples), std::move(better));
  summary.metrics.back().samples = std::move(samples);
}

void AddFinding(profile::Summary& summary, std::string id, std::string severity, std::string sentence,
                std::map<std::string, double> figures, std::string mend) {
  profile::SummaryFinding finding;
  finding.id = std::move(id);
  finding.severity = std::move(severity);
  finding.sentence = std::move(sentence);
  finding.figures = std::move(figures);
  finding.mend = std::move(mend);
  summary.findings.push_back(std::move(finding));
}

void AddWarning(profile::Summary& summary, std::string text) {
  summary.warnings.push_back({"warning", std::move(text), 0});
}

}  // namespace altlas::bench
