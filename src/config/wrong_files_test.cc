// SPDX-License-Identifier: Apache-2.0
#include "config/testing.h"

namespace altlas::config {
namespace {

std::filesystem::path Folder() { return SourceFolder() / "src/config/testdata/wrong"; }

// CFG-2: Each testdata/wrong/NAME.yaml has its errors beside it in NAME.errors: a case needs no C++.
TEST(WrongFiles, EachGetsExactlyTheErrorsBesideIt) {
  const auto files = YamlFiles(Folder());
  EXPECT_GE(files.size(), 30u);
  for (const auto& file : files) {
    const auto checked = CheckConfig({file.filename().string(), MustRead(file)});
    EXPECT_FALSE(checked.errors.empty()) << file;
    auto expected = file;
    expected.replace_extension(".errors");
    ExpectSameAsFile(FormatProblems(checked.errors) + "\n", expected);
  }
}

TEST(WrongFiles, EveryErrorNamesFileLineAndColumn) {
  for (const auto& file : YamlFiles(Folder())) {
    const auto checked = CheckConfig({file.filename().string(), MustRead(file)});
    for (const auto& problem : checked.errors) {
      EXPECT_EQ(problem.file, file.filename().string());
      EXPECT_GE(problem.line, 1) << FormatProblem(problem);
      EXPECT_GE(problem.column, 1) << FormatProblem(problem);
    }
  }
}

TEST(WrongFiles, NothingOfAWrongFileIsTakenByLoad) {
  for (const auto& file : YamlFiles(Folder())) {
    const auto loaded = LoadConfig(file);
    ASSERT_FALSE(loaded.has_value()) << file;
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(WrongFiles, AFilePastTheSizeLimitIsRefusedUnread) {
  TemporaryFolder folder;
  const auto path = folder.path() / "config.yaml";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(300 << 10, '#')).has_value());
  const auto loaded = LoadConfig(path);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::kTooLarge);
}

// CFG-9: a file that is just being written looks empty, and the defaults are not what its author means.
TEST(WrongFiles, AFileWithoutAKeyIsRefusedWhereTheCallerSaysSo) {
  TemporaryFolder folder;
  const auto path = folder.path() / "config.yaml";
  for (const auto* empty : {"", "\n \n", "# gpu:\n#   enabled: false\n", "---\n# later\n"}) {
    ASSERT_TRUE(WriteFileAtomically(path, empty).has_value());
    EXPECT_TRUE(LoadConfig(path).has_value());
    const auto refused = LoadConfig(LoadOptions{path, {}, {}, true});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, path.string() + " holds no key; write {} for the defaults");
  }
  ASSERT_TRUE(WriteFileAtomically(path, "{}").has_value());
  EXPECT_TRUE(LoadConfig(LoadOptions{path, {}, {}, true}).has_value());
}

// The list falls as a whole, and what else is wrong with it is told all the same.
TEST(WrongFiles, AModelWithoutANameHidesNoOtherMistake) {
  EXPECT_EQ(ErrorsOf("models:\n- {path: one}\n- {name: a, path: two}\n- {name: a, path: three}\n"),
            "config.yaml:2:3: models[0].name: is missing; allowed is a text\n"
            "config.yaml:4:10: models[2].name: a is the name of two models");
}

TEST(WrongFiles, AKeyInCapitalsIsKnownByItsName) {
  EXPECT_EQ(ErrorsOf("GPU: {}\n"), "config.yaml:1:1: GPU: unknown key; did you mean gpu?");
}

TEST(WrongFiles, ManyAliasesOfOneLongTextStopAtTheTextLimit) {
  std::string text = "a: &long " + std::string(60'000, 'x') + "\nb:\n";
  for (int i = 0; i < 1000; ++i) text += "  - *long\n";
  EXPECT_NE(ErrorsOf(text).find("bytes of text with aliases expanded"), std::string::npos);
}

}  // namespace
}  // namespace altlas::config
