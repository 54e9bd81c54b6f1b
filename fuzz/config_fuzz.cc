// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file: read or refused, never a crash; what is read prints, and reads back as
// itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/format.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = altlas::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto checked = config::CheckConfig({"fuzz", text});
  config::FormatProblems(checked.errors);
  (void)config::SetRuntime({}, "gpu.multi_gpu.task_specific_mappings", text);
  if (!checked.errors.empty()) return 0;
  const auto yaml = config::FormatEffectiveYaml(checked.loaded);
  const auto again = config::CheckConfig({"effective", yaml});
  ALTLAS_CHECK(again.errors.empty(), "the printed configuration is refused");
  ALTLAS_CHECK(config::DiffConfig(checked.loaded.config, again.loaded.config).empty(),
               "it reads back as another one");
  ALTLAS_CHECK(!config::FormatEffectiveJson(checked.loaded).empty());
  return 0;
}
