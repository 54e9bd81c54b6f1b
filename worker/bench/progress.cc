// SPDX-License-Identifier: Apache-2.0
#include "worker/bench/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace altlas::bench {

Progress::Progress(std::string what, std::size_t steps)
    : what_(std::move(what)), steps_(steps), shows_(::isatty(STDERR_FILENO) != 0) {
  Show();
}

Progress::~Progress() {
  if (shows_) fmt::print(stderr, "\r\033[K");
}

void Progress::Step() {
  ++done_;
  Show();
}

void Progress::Show() const {
  if (!shows_) return;
  const std::size_t filled = steps_ == 0 ? 0 : 20 * done_ / steps_;
  std::string bar;
  for (std::size_t cell = 0; cell < 20; ++cell) bar += cell < filled ? "█" : "░";
  fmt::print(stderr, "\r\033[K{} {} {}/{}", bar, what_, done_, steps_);
  std::fflush(stderr);
}

}  // namespace altlas::bench
