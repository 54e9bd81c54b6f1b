// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <string>

namespace altlas::bench {

// A bar on standard error while it lives, where that is a terminal; else nothing. One at a time.
class Progress {
 public:
  Progress(std::string what, std::size_t steps);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void Step();

 private:
  void Show() const;
  const std::string what_;
  const std::size_t steps_;
  const bool shows_;
  std::size_t done_ = 0;
};

}  // namespace altlas::bench
