// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "base/result.h"

namespace altlas::bench {

// From now on SIGINT and SIGTERM do not end the process at once: CheckInterrupted answers kCanceled, so that
// what was written to a scratch folder is removed. A second signal ends it.
void WatchInterrupts();
Status CheckInterrupted();

}  // namespace altlas::bench
