// SPDX-License-Identifier: Apache-2.0
#include "worker/model/safetensors_write.h"

#include <set>

#include "base/file.h"
#include "base/json_writer.h"

namespace altlas::model {
namespace {

const char* DtypeCode(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "F32";
    case at::kBFloat16:
      return "BF16";
    case at::kHalf:
      return "F16";
    default:
      return nullptr;
  }
}

Result<std::string> Header(const std::vector<NamedTensor>& tensors) {
  JsonWriter json;
  json.BeginObject().Key("__metadata__").BeginObject().Key("format").String("pt").EndObject();
  std::set<std::string> names;
  std::uint64_t offset = 0;
  for (const NamedTensor& one : tensors) {
    const char* code = DtypeCode(one.tensor.scalar_type());
    if (code == nullptr || !one.tensor.is_cpu() || !names.insert(one.name).second) {
      return Fail(ErrorCode::kInvalidArgument,
                  "tensor {}: only unique float tensors on the CPU can be written", one.name);
    }
    json.Key(one.name).BeginObject().Key("dtype").String(code).Key("shape").BeginArray();
    for (const std::int64_t size : one.tensor.sizes()) json.Int(size);
    json.EndArray().Key("data_offsets").BeginArray().Unsigned(offset);
    offset += one.tensor.nbytes();
    json.Unsigned(offset).EndArray().EndObject();
  }
  std::string text = json.EndObject().Take();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

Status WriteSafetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors) {
  ALTLAS_TRY(const std::string header, Header(tensors));
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(header.size()) >> shift & 0xff));
  }
  bytes += header;
  for (const NamedTensor& one : tensors) {
    const at::Tensor flat = one.tensor.contiguous();
    bytes.append(static_cast<const char*>(flat.const_data_ptr()), flat.nbytes());
  }
  return WriteFileAtomically(path, bytes);
}

}  // namespace altlas::model
