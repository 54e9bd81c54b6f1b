// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <CLI/CLI.hpp>
#include <functional>

namespace altlas::worker_app {

// `alt_las_worker bench SCENARIO`: describes the scenarios to the parser and sets `run` when one was chosen.
// It writes a profile_summary.json to standard output and a bar to standard error; `alt_las bench` starts it
// and shows the figures.
void AddBenchScenarios(CLI::App& app, std::function<int()>& run);

}  // namespace altlas::worker_app
