// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of its instruction set, see CMakeLists.txt.
#define ALTLAS_KERNELS generic
#define ALTLAS_KERNELS_NAME "generic"
#define ALTLAS_ROW_OUTPUTS 4
#define ALTLAS_BLOCK_ROWS 2
#define ALTLAS_BLOCK_OUTPUTS 2
#include "worker/model/cpu_kernels_body.h"
