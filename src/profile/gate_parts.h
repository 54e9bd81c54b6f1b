// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "profile/gate.h"

// What the files of the gate share. No seam: only gate*.cc include it.
namespace altlas::profile::gate_parts {

// Logarithms of what a run costs (of 1 / value where higher is better) of the runs that have the metric;
// empty where one value is not positive.
std::vector<double> LogCosts(const Session& session, const std::string& name);
// The values themselves.
std::vector<double> KnownValues(const Session& session, const std::string& name);
// The share of a logarithmic shift: 0.05 for log(1.05).
double AsShare(double log_shift);

// What stands against judging these runs: throttling, foreign processes, clocks, dropped records, another set
// of kernels, runs that drift (`required` only).
void FindReasons(const GateSettings& settings, const std::vector<std::string>& required, const Stage& runs,
                 GateReport& report);

// The outcome and its sentence, from the verdicts and reasons that the report holds.
void Conclude(const GateSettings& settings, bool was_confirmed, GateReport& report);

}  // namespace altlas::profile::gate_parts
