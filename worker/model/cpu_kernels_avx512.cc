// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of its instruction set, see CMakeLists.txt.
#define ALTLAS_KERNELS avx512
#define ALTLAS_KERNELS_NAME "avx512"
#define ALTLAS_ROW_OUTPUTS 8
#define ALTLAS_BLOCK_ROWS 4
#define ALTLAS_BLOCK_OUTPUTS 4
#include "worker/model/cpu_kernels_body.h"
