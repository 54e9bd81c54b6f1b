// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of its instruction set, see CMakeLists.txt.
#define ALTLAS_KERNELS avx2
#define ALTLAS_KERNELS_NAME "avx2"
#define ALTLAS_ROW_OUTPUTS 4
#define ALTLAS_BLOCK_ROWS 2
#define ALTLAS_BLOCK_OUTPUTS 3
#include "worker/model/cpu_kernels_body.h"
