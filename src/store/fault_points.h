// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

#include "store/store.h"

namespace altlas::store {

// Where faults are put into the engine. Two kinds, both off unless asked for: the hook of the options makes a
// point fail as a disk would; the environment variable ALTLAS_CRASH_AT=<point> or <point>:<n> ends the
// process at the n-th pass of a point
// (_exit, exit code 86), which is how the tests prove what a power cut leaves. The variable is read once, in
// the constructor. Used by one thread at a time.
class FaultPoints {
 public:
  explicit FaultPoints(FaultHook hook);
  Status At(std::string_view point);

 private:
  FaultHook hook_;
  std::string crash_at_;
  long passes_left_ = 1;
};

}  // namespace altlas::store
