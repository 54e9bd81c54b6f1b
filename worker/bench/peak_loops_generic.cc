// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of its instruction set, see CMakeLists.txt.
#define ALTLAS_PEAK peak_generic
#define ALTLAS_PEAK_NAME "generic"
#define ALTLAS_PEAK_BYTES 16
#include "worker/bench/peak_loops_body.h"
