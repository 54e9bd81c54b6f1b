// SPDX-License-Identifier: Apache-2.0
#include "worker/model/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "worker/model/safetensors_write.h"

namespace altlas::model {
namespace {

std::string FileBytes(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(header.size() >> (8 * i) & 0xff));
  return bytes + header + std::string(data_bytes, '\1');
}

void Write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Safetensors, WrittenFilesReadBackInEveryDtype) {
  const TemporaryFolder folder;
  const at::Tensor values = at::arange(-6, 6, at::kFloat).view({3, 4}) / 4;
  ASSERT_TRUE(WriteSafetensors(folder.path() / "a.safetensors", {{"wide", values},
                                                                 {"brain", values.to(at::kBFloat16)},
                                                                 {"half", values.to(at::kHalf)},
                                                                 {"none", at::empty({0, 4})}})
                  .has_value());
  const auto file = SafetensorsFile::Open(folder.path() / "a.safetensors");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->entries().size(), 4U);
  for (const char* name : {"wide", "brain", "half"}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const SafetensorsFile::Entry& entry = file->entries().at(name);
      EXPECT_EQ(entry.shape, (std::vector<std::int64_t>{3, 4}));
      const at::Tensor target = at::empty({3, 4}, dtype);
      ASSERT_TRUE(file->CopyTo(entry, target).has_value());
      EXPECT_TRUE(at::equal(target.to(at::kFloat), values));  // quarters are exact in every dtype
    }
  }
}

TEST(Safetensors, TheWriterRefusesWhatItCannotWrite) {
  const TemporaryFolder folder;
  const at::Tensor one = at::ones({1});
  EXPECT_FALSE(WriteSafetensors(folder.path() / "a", {{"x", one}, {"x", one}}).has_value());
  EXPECT_FALSE(WriteSafetensors(folder.path() / "a", {{"x", one.to(at::kLong)}}).has_value());
}

struct Hostile {
  const char* name;
  std::string bytes;
  const char* says;
};

std::string Tensor(const std::string& name, const std::string& dtype, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}";
}

TEST(Safetensors, HostileFilesGetOneClearError) {
  const std::string good = Tensor("a", "F32", "[2]", "[0,8]");
  const std::vector<Hostile> table = {
      {"empty", "", "too short"},
      {"short", "abc", "too short"},
      {"huge header", std::string(8, '\xff') + "{}", "header says"},
      {"header past the end", std::string("\x40\0\0\0\0\0\0\0", 8) + "{}", "header says"},
      {"no json", FileBytes("hello world", 0), "not JSON"},
      {"an array", FileBytes("[1,2,3]", 0), "not a JSON object"},
      {"duplicate names", FileBytes("{" + good + "," + Tensor("a", "F32", "[2]", "[8,16]") + "}", 16),
       "twice"},
      {"duplicate keys",
       FileBytes(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8), "twice"},
      {"deep", FileBytes("{\"a\":" + std::string(60, '[') + std::string(60, ']') + "}", 8), "deeper"},
      {"overlap", FileBytes("{" + good + "," + Tensor("b", "F32", "[2]", "[4,12]") + "}", 12), "overlap"},
      {"hole", FileBytes("{" + good + "," + Tensor("b", "F32", "[2]", "[12,20]") + "}", 20), "hole"},
      {"hole in front", FileBytes("{" + Tensor("a", "F32", "[2]", "[4,12]") + "}", 12), "hole"},
      {"rest", FileBytes("{" + good + "}", 9), "the file holds 9"},
      {"cut short", FileBytes("{" + good + "}", 7), "incomplete"},
      {"size and shape differ", FileBytes("{" + Tensor("a", "F32", "[3]", "[0,8]") + "}", 8), "do not fit"},
      {"backwards", FileBytes("{" + Tensor("a", "F32", "[2]", "[8,0]") + "}", 8), "do not fit"},
      {"negative", FileBytes("{" + Tensor("a", "F32", "[2]", "[-8,0]") + "}", 8), "malformed"},
      {"negative shape", FileBytes("{" + Tensor("a", "F32", "[-2,-1]", "[0,8]") + "}", 8), "malformed"},
      {"fraction", FileBytes("{" + Tensor("a", "F32", "[2.0]", "[0,8]") + "}", 8), "malformed"},
      {"product overflows",
       FileBytes("{" + Tensor("a", "F32", "[4294967296,4294967296,2]", "[0,8]") + "}", 8), "too large"},
      {"past 64 bits", FileBytes("{" + Tensor("a", "F32", "[99999999999999999999]", "[0,8]") + "}", 8),
       "malformed"},
      {"many dimensions", FileBytes("{" + Tensor("a", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") + "}", 8),
       "malformed"},
      {"unknown dtype", FileBytes("{" + Tensor("a", "F33", "[2]", "[0,8]") + "}", 8), "dtype"},
      {"no offsets", FileBytes(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "needs dtype"},
      {"three offsets", FileBytes("{" + Tensor("a", "F32", "[2]", "[0,8,8]") + "}", 8), "malformed"},
      {"text for shape", FileBytes("{" + Tensor("a", "F32", "\"2\"", "[0,8]") + "}", 8), "malformed"},
      {"a number for a tensor", FileBytes(R"({"a":3})", 8), "needs dtype"},
      {"long name", FileBytes("{" + Tensor(std::string(600, 'n'), "F32", "[2]", "[0,8]") + "}", 8),
       "too long"},
  };
  const TemporaryFolder folder;
  for (const Hostile& one : table) {
    SCOPED_TRACE(one.name);
    Write(folder.path() / "x.safetensors", one.bytes);
    const auto file = SafetensorsFile::Open(folder.path() / "x.safetensors");
    ASSERT_FALSE(file.has_value());
    EXPECT_NE(file.error().message.find(one.says), std::string::npos) << file.error().message;
    EXPECT_LT(file.error().message.size(), 400U);
  }
}

TEST(Safetensors, AFileWithTensorsOutOfOrderAndMetadataIsFine) {
  const TemporaryFolder folder;
  Write(folder.path() / "x.safetensors",
        FileBytes("{\"__metadata__\":{\"format\":\"pt\"}," + Tensor("b", "F32", "[]", "[8,12]") + "," +
                      Tensor("a", "I64", "[1]", "[0,8]") + "}  ",
                  12));
  const auto file = SafetensorsFile::Open(folder.path() / "x.safetensors");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->entries().size(), 2U);
  EXPECT_EQ(file->CopyTo(file->entries().at("a"), at::empty({1})).error().code, ErrorCode::kUnsupported);
}

TEST(Safetensors, AFolderOrAMissingFileIsAnError) {
  const TemporaryFolder folder;
  EXPECT_EQ(SafetensorsFile::Open(folder.path()).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(SafetensorsFile::Open(folder.path() / "none").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace altlas::model
