// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What Nsight Compute says of one launch: its metrics in base units, and what its rules found. Values, owned
// by themselves.
namespace altlas::profile {

// Base units, whatever the file was printed in: "ns", "Hz", "B", "B/s", "B/block", "B/thread", "cycle", "%",
// "inst", "inst/cycle", "register/thread", "" (a ratio or a count). Nsight Compute's prefixes are decimal
// (1 Kbyte = 1000 bytes). A unit that is not known is kept as printed.
struct DetailMetric {
  std::string name;     // "DRAM Throughput" on a details page, "dram__throughput.avg.pct..." on a raw page
  std::string section;  // "GPU Speed Of Light Throughput"; empty on a raw page
  std::string unit;
  std::optional<double> value;  // absent where the tool printed a word ("CachePreferNone") or "n/a"
  std::string text;             // that word
};

struct DetailRule {
  std::string section;  // an identifier ("SpeedOfLight"), not the label that metrics carry
  std::string name;     // "SOLBottleneck"
  std::string type;     // "OPT", "INF", "WRN", "ERR"
  std::string text;
  std::string speedup_type;               // "global", "local"; empty: the rule estimates none
  std::optional<double> speedup_percent;  // as the rule estimates it
};

struct KernelDetail {
  std::uint64_t id = 0;  // Nsight Compute's launch number, unique within a file
  std::string name;
  std::uint32_t process = 0;
  std::uint32_t context = 0;
  std::uint32_t stream = 0;
  std::int32_t device = 0;
  std::array<std::uint32_t, 3> grid{};   // zeros: not in the file
  std::array<std::uint32_t, 3> block{};  // zeros: not in the file
  std::optional<double> compute_capability;
  std::vector<DetailMetric> metrics;  // in the order of the file; the same name may stand in two sections
  std::vector<DetailRule> rules;

  // The first metric of that name, and of that unit where one is given ("Memory Throughput" is printed in "%"
  // by one section and in "B/s" by another); null: not in this capture.
  const DetailMetric* Find(std::string_view metric, std::string_view unit = {}) const;
};

}  // namespace altlas::profile
