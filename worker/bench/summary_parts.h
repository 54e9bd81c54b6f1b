// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "profile/summary.h"

// Pieces of a scenario's profile_summary.json (docs/formats/profile_summary.md). Pure.
namespace altlas::bench {

profile::Summary StartSummary(std::string scenario, std::map<std::string, std::string> parameters);

// `better`: "lower", "higher" or empty where neither is.
void AddMetric(profile::Summary& summary, std::string name, std::string unit, double value,
               std::string better);
// The value is the median of the samples, one a repeat, which are kept. Nothing for none.
void AddSamples(profile::Summary& summary, std::string name, std::string unit, std::vector<double> samples,
                std::string better);
// `severity`: info, notice, warning.
void AddFinding(profile::Summary& summary, std::string id, std::string severity, std::string sentence,
                std::map<std::string, double> figures = {}, std::string mend = {});
void AddWarning(profile::Summary& summary, std::string text);

}  // namespace altlas::bench
