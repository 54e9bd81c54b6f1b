// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of its instruction set, see CMakeLists.txt.
#define ALTLAS_PEAK peak_avx512
#define ALTLAS_PEAK_NAME "avx512"
#define ALTLAS_PEAK_BYTES 64
#include "worker/bench/peak_loops_body.h"
