// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "profile/summary.h"

namespace altlas::app {

// The figures of a scenario of `alt_las bench` for a terminal: a line with what was measured, a table, and
// the findings as sentences. Pure.
std::string FormatBench(const profile::Summary& summary);

// "12.30 ms", "5.2 GiB", "41.2 GB/s", "180.0 Gflop/s", "1,024 B/iteration": a value in its unit.
std::string FormatMetric(double value, const std::string& unit);

}  // namespace altlas::app
