// SPDX-License-Identifier: Apache-2.0
#include "model_type.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace altlas::app {
namespace {

std::optional<std::string_view> TypeOfConfig(const std::string& json) {
  const TemporaryFolder folder;
  EXPECT_TRUE(WriteFileAtomically(folder.path() / "config.json", json).has_value());
  return TypeOfFolder(folder.path());
}

TEST(ModelType, FollowsFromTheFamily) {
  EXPECT_EQ(TypeOfConfig(R"({"model_type": "bert"})"), "embedding");
  EXPECT_EQ(TypeOfConfig(R"({"architectures": ["BertForMaskedLM"]})"), "embedding");
  EXPECT_EQ(TypeOfConfig(R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})"),
            "text_generation");
  EXPECT_EQ(TypeOfConfig(R"({"model_type": "gpt_bigcode"})"), "text_generation");
  EXPECT_EQ(TypeOfFolder(ALTLAS_SOURCE_DIR "/models/alt-las-tiny"), "text_generation");
}

TEST(ModelType, IsUnknownWhereTheFolderCannotBeRead) {
  EXPECT_EQ(TypeOfFolder("/nowhere/at/all"), std::nullopt);
  for (const char* broken : {"", "{", "[]", "7", "\"bert\""})
    EXPECT_EQ(TypeOfConfig(broken), std::nullopt) << broken;
  EXPECT_EQ(TypeOfConfig(std::string(100'000, '[')), std::nullopt);
  EXPECT_EQ(TypeOfConfig(R"({"model_type": 5, "architectures": "BertModel"})"), "text_generation");
}

}  // namespace
}  // namespace altlas::app
