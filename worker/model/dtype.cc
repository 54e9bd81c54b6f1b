// SPDX-License-Identifier: Apache-2.0
#include "worker/model/load.h"

namespace altlas::model {

Result<at::ScalarType> ParseDtype(std::string_view name) {
  if (name == "float32" || name == "fp32" || name == "float") return at::kFloat;
  if (name == "bfloat16" || name == "bf16") return at::kBFloat16;
  if (name == "float16" || name == "fp16" || name == "half") return at::kHalf;
  return Fail(ErrorCode::kUnsupported, "dtype \"{}\" is not offered: use float32, bfloat16 or float16", name);
}

std::string_view DtypeName(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? "bfloat16" : dtype == at::kHalf ? "float16" : "float32";
}

}  // namespace altlas::model
