// SPDX-License-Identifier: Apache-2.0
#include "device/snapshot.h"

namespace altlas::device {

std::string_view DeviceKindName(DeviceKind kind) { return kind == DeviceKind::kGpu ? "gpu" : "cpu"; }

}  // namespace altlas::device
