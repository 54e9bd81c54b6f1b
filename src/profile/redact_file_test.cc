// SPDX-License-Identifier: Apache-2.0
#include "profile/redact_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "profile/capture_lines.h"
#include "profile/capture_recorder.h"
#include "profile/collector_file.h"
#include "profile/ncu_reader.h"
#include "profile/nsys_reader.h"
#include "profile/nsys_writer.h"
#include "profile/redact.h"

namespace altlas::profile {
namespace {

using Schema = NsysWriter::Schema;
constexpr std::string_view kSecret = "not-a-real-secret-0123456789abcdef";
constexpr std::string_view kUser = "quintessa";
constexpr std::string_view kHost = "nid001608";
constexpr std::string_view kOutput = "Rank 0 => the programs own words";

std::string Slurp(const std::filesystem::path& path) { return *ReadFile(path, 256 << 20); }
void Spill(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

RedactReport MustRedact(const std::filesystem::path& in, const std::filesystem::path& out) {
  const auto report = RedactFile(in, out);
  EXPECT_TRUE(report.has_value()) << report.error().message;
  return report.value_or(RedactReport());
}

// A capture in which secrets stand wherever a real one keeps them, and some places more.
std::unique_ptr<NsysWriter> SecretCapture(const std::filesystem::path& path, Schema schema) {
  auto writer = *NsysWriter::Create(path, schema);
  KernelEvent kernel;
  kernel.end = 100;
  kernel.name = "void at::native::fill<float>(float*, int)";
  writer->Add(kernel);
  writer->AddEnvironment("EXAMPLE_VARIABLE", "1");
  writer->AddEnvironment("EXAMPLE_API_TOKEN", kSecret);
  writer->AddEnvironment("USER", kUser);
  writer->AddPlace(kUser, kHost);
  writer->AddOutput(std::string(kOutput) + " " + std::string(kSecret));
  // Where no name gives it away: known from the environment.
  writer->Add(RangeEvent{1, 2, "login " + std::string(kSecret) + " as " + std::string(kUser), "", 1, false});
  writer->Add(
      RangeEvent{3, 4, "/scratch/" + std::string(kUser) + "/run on " + std::string(kHost), "", 1, false},
      true);
  writer->Add(RangeEvent{5, 6, "step", "", 1, false});
  return writer;
}

TEST(RedactFile, NothingPrivateIsLeftInTheBytesOfAnExportAndTheFiguresStay) {
  for (const auto schema : {Schema::kSchema29, Schema::kSchema313, Schema::kSchema316}) {
    const TemporaryFolder folder;
    const auto in = folder.path() / "in.sqlite";
    const auto out = folder.path() / "out.sqlite";
    auto writer = SecretCapture(in, schema);
    // Free pages, views, triggers, comments and blobs must not carry anything over.
    writer->Exec("CREATE TABLE gone (x TEXT); INSERT INTO gone VALUES ('" + std::string(kSecret) +
                 "'); DROP TABLE gone");
    writer->Exec("CREATE VIEW v AS SELECT '" + std::string(kSecret) + "' AS x");
    writer->Exec("CREATE TABLE blobs (b BLOB DEFAULT '" + std::string(kSecret) +
                 "', n INTEGER); INSERT INTO blobs VALUES (CAST('xx" + std::string(kSecret) +
                 "' AS BLOB), 42)");
    writer->Exec(
        "CREATE TABLE chain (id INTEGER, depth INTEGER, PRIMARY KEY (id, depth)); INSERT INTO chain VALUES "
        "(1, 1), (1, 2)");
    writer->Exec("CREATE TRIGGER t AFTER INSERT ON blobs BEGIN SELECT '" + std::string(kUser) + "'; END");
    ASSERT_TRUE(writer->Finish().has_value());
    ASSERT_NE(Slurp(in).find(kSecret), std::string::npos);

    const auto report = MustRedact(in, out);
    ASSERT_TRUE(std::filesystem::exists(out));
    const auto bytes = Slurp(out);
    for (const auto word : {kSecret, kUser, kHost, kOutput})
      EXPECT_EQ(bytes.find(word), std::string::npos) << word;
    EXPECT_EQ(report.outputs_dropped, 1U);
    EXPECT_GE(report.private_words, 3U);
    EXPECT_EQ(report.format, "sqlite");
    CaptureRecorder before;
    CaptureRecorder after;
    ASSERT_TRUE(ReadNsysSqlite(in, before).has_value());
    ASSERT_TRUE(ReadNsysSqlite(out, after).has_value());
    ASSERT_EQ(after.kernels.size(), 1U);
    EXPECT_EQ(after.kernels[0].name, before.kernels[0].name);
    ASSERT_EQ(after.ranges.size(), 3U);
    EXPECT_EQ(after.ranges[0].name, "login [redacted] as [redacted]");
    EXPECT_EQ(after.ranges[1].name, "/scratch/[redacted]/run on [redacted]");
    EXPECT_EQ(after.ranges[2].name, "step");
    EXPECT_NE(bytes.find("EXAMPLE_VARIABLE"), std::string::npos);
  }
}

TEST(RedactFile, AMadeCaptureReadsTheSameAfterwards) {
  const TemporaryFolder folder;
  MadeCapture what;
  what.kernels = 2000;
  ASSERT_TRUE(WriteMadeCapture(folder.path() / "in", what).has_value());
  const auto report = MustRedact(folder.path() / "in", folder.path() / "out");
  EXPECT_EQ(report.texts_changed, 0U);
  CaptureRecorder before;
  CaptureRecorder after;
  ASSERT_TRUE(ReadNsysSqlite(folder.path() / "in", before).has_value());
  ASSERT_TRUE(ReadNsysSqlite(folder.path() / "out", after).has_value());
  ASSERT_EQ(before.kernels.size(), after.kernels.size());
  for (std::size_t i = 0; i < before.kernels.size(); ++i) {
    EXPECT_EQ(before.kernels[i].name, after.kernels[i].name);
    EXPECT_EQ(before.kernels[i].event.end, after.kernels[i].event.end);
  }
  EXPECT_EQ(before.calls.size(), after.calls.size());
  EXPECT_EQ(before.ranges.size(), after.ranges.size());
}

std::string Gunzipped(const std::filesystem::path& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  std::string out;
  char buffer[4096];
  for (int n = 0; (n = gzread(file, buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
  gzclose(file);
  return out;
}

TEST(RedactFile, JsonKeepsItsStructureAndLosesSecretsUnderKeysAndInEscapes) {
  const TemporaryFolder folder;
  const std::string in =
      R"({"schemaVersion": 1, "env": {"HF_TOKEN": "not-a-real-secret-0123456789abcdef", "USER" : "quintessa"},
 "argv": ["--x", "--api-key=zzz1", "A\u0050I_TOKEN=hidd\u0065n1"], "password": 12345678, "max_tokens": 77,
 "keys": ["k1-secret-value", {"name": "inner"}],
 "traceEvents": [{"ph": "X", "name": "run by quintessa \"now\"", "ts": 1.50, "dur": 2e3, "args": {"name": "aten::mm"}}]})";
  const std::string wanted = R"({"schemaVersion": 1, "env": {"HF_TOKEN": "[redacted]", "USER" : "[redacted]"},
 "argv": ["--x", "--api-key=[redacted]", "API_TOKEN=[redacted]"], "password": "[redacted]", "max_tokens": 77,
 "keys": ["[redacted]", {"name": "inner"}],
 "traceEvents": [{"ph": "X", "name": "run by [redacted] \"now\"", "ts": 1.50, "dur": 2e3, "args": {"name": "aten::mm"}}]})";
  Spill(folder.path() / "in.json", in);
  MustRedact(folder.path() / "in.json", folder.path() / "out.json");
  EXPECT_EQ(Slurp(folder.path() / "out.json"), wanted);

  const gzFile packed = gzopen((folder.path() / "in.json.gz").c_str(), "wb");
  gzwrite(packed, in.data(), static_cast<unsigned>(in.size()));
  gzclose(packed);
  MustRedact(folder.path() / "in.json.gz", folder.path() / "out.json.gz");
  EXPECT_EQ(Gunzipped(folder.path() / "out.json.gz"), wanted);
}

TEST(RedactFile, JsonPairsFlagsAndNestedDocumentsGiveTheirSecretsUp) {
  const TemporaryFolder folder;
  const std::string in =
      R"({"env":[{"name":"DB_PASSWORD","value":"hunter2x"},{"value":"q1","key":"PIN_CODE"}],
 "GITHUB_TOKEN":{"value":"tokenish9"},"argv":["--password","swordfish"],
 "deep":"{\"a\":\"{\\\"\\u0050ASSWORD\\\":\\\"nested77\\\"}\"}","host_name":"nid77x",
 "DB_SECRET":"correcthorse","correcthorse":1,"note":"xcorrecthorse1 on nid77x"})";
  Spill(folder.path() / "in.json", in);
  MustRedact(folder.path() / "in.json", folder.path() / "out.json");
  const auto out = Slurp(folder.path() / "out.json");
  for (const auto* word :
       {"hunter2x", "\"q1\"", "tokenish9", "swordfish", "nested77", "nid77x", "correcthorse"})
    EXPECT_EQ(out.find(word), std::string::npos) << word << "\n" << out;
  for (const auto* word : {"\"name\":\"DB_PASSWORD\"", "\"key\":\"PIN_CODE\""})
    EXPECT_NE(out.find(word), std::string::npos) << word << "\n" << out;
}

TEST(RedactFile, AUserWhoIsCalledLikeACategoryChangesNoFigure) {
  const TemporaryFolder folder;
  for (const std::string user : {"gpu", "cpu", "runtime", "max", "aten"}) {
    const std::string in = R"({"env":{"HOSTNAME":")" + user + R"("},"traceEvents":[
 {"ph":"X","cat":"gpu_memcpy","name":"Memcpy HtoD","ts":1,"dur":2,"pid":0,"tid":7,"args":{"bytes":4}},
 {"ph":"X","cat":"cpu_op","name":"aten::max_pool2d","ts":1,"dur":2,"pid":1,"tid":1},
 {"name":"cudaMemcpyAsync","ph":"X","cat":"cuda_runtime","ts":1,"dur":2,"pid":1,"tid":1},
 {"ph":"X","cat":"user_annotation","name":"by )" +
                           user + R"(","ts":1,"dur":2,"pid":1,"tid":1}]})";
    Spill(folder.path() / (user + ".json"), in);
    MustRedact(folder.path() / (user + ".json"), folder.path() / (user + ".out"));
    const auto out = Slurp(folder.path() / (user + ".out"));
    EXPECT_EQ(out.substr(out.find("traceEvents"), 330), in.substr(in.find("traceEvents"), 330));
    EXPECT_NE(out.find("by [redacted]"), std::string::npos) << out;
  }
}

TEST(RedactFile, TablesWithoutRowidsAndColumnsThatSaySecretAreCopied) {
  const TemporaryFolder folder;
  const auto in = folder.path() / "in.sqlite";
  auto writer = *NsysWriter::Create(in, Schema::kSchema316);
  KernelEvent kernel;
  kernel.end = 100;
  kernel.name = "fill";
  writer->Add(kernel);
  writer->Exec(
      "CREATE TABLE w (Name TEXT PRIMARY KEY, Value) WITHOUT ROWID; "
      "INSERT INTO w VALUES ('DB_PASSWORD', 'hunter2x'), ('A_PIN', 424242)");
  writer->Exec(
      "CREATE TABLE c (api_token TEXT, hostname TEXT, x BLOB); "
      "INSERT INTO c VALUES ('tokenish9', 'nid77x', CAST('API_KEY=blobbish7' AS BLOB)), "
      "(NULL, NULL, 'again blobbish7')");
  ASSERT_TRUE(writer->Finish().has_value());
  MustRedact(in, folder.path() / "out.sqlite");
  const auto bytes = Slurp(folder.path() / "out.sqlite");
  for (const auto* word : {"hunter2x", "tokenish9", "nid77x", "blobbish7"})
    EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  EXPECT_NE(bytes.find("DB_PASSWORD"), std::string::npos);
}

TEST(RedactFile, JsonThatIsCutOffOrNoJsonInsideIsStillFreedOfSecrets) {
  const TemporaryFolder folder;
  for (const std::string in : {R"({"a": ["x", "TOKEN=abc-secret-99)", R"({"token": abc-secret-99, )",
                               R"([[[["token: abc", {"token": "abc-secret-99")"}) {
    std::filesystem::remove(folder.path() / "out.json");
    Spill(folder.path() / "in.json", in);
    MustRedact(folder.path() / "in.json", folder.path() / "out.json");
    EXPECT_EQ(Slurp(folder.path() / "out.json").find("abc-secret-99"), std::string::npos) << in;
  }
}

TEST(RedactFile, CsvLosesHostAndProgramOutputAndReadsTheSame) {
  const TemporaryFolder folder;
  const std::string header =
      "\"ID\",\"Process ID\",\"Process Name\",\"Host Name\",\"Kernel Name\",\"Context\",\"Stream\",\"Section "
      "Name\",\"Metric "
      "Name\",\"Metric Unit\",\"Metric Value\"\n";
  const std::string row =
      "\"0\",\"1\",\"python3\",\"nid001608\",\"k(int, "
      "\"\"x\"\")\",\"1\",\"7\",\"S\",\"Duration\",\"us\",\"1,208.5\"\n";
  Spill(folder.path() / "in.csv",
        "==PROF== Connected to process 1 (/home/quintessa/bin/python3)\nmy own words\nand more\n" + header +
            row);
  const auto report = MustRedact(folder.path() / "in.csv", folder.path() / "out.csv");
  const auto out = Slurp(folder.path() / "out.csv");
  for (const auto* word : {"quintessa", "nid001608", "own words", "and more"})
    EXPECT_EQ(out.find(word), std::string::npos) << word;
  EXPECT_EQ(report.outputs_dropped, 1U);
  CaptureRecorder seen;
  ASSERT_TRUE(ReadNcuCsv(folder.path() / "out.csv", seen).has_value()) << out;
  ASSERT_EQ(seen.details.size(), 1U);
  EXPECT_EQ(seen.details[0].name, "k(int, \"x\")");
  EXPECT_DOUBLE_EQ(seen.details[0].Find("Duration")->value.value_or(0), 1'208'500);
}

void Pack(const std::filesystem::path& path, std::string_view text) {
  const gzFile packed = gzopen(path.c_str(), "wb");
  gzwrite(packed, text.data(), static_cast<unsigned>(text.size()));
  gzclose(packed);
}

constexpr std::string_view kNcuHeader =
    "\"ID\",\"User Name\",\"Hostname\",\"Kernel Name\",\"Section Name\",\"Metric Name\",\"Metric "
    "Unit\",\"Metric "
    "Value\",\"Rule Name\"\n";
constexpr std::string_view kNcuRow =
    "\"0\",\"quintessa\",\"nid001608\",\"k(int)\",\"S\",\"Duration\",\"us\",\"1,208.5\"\n";

TEST(RedactFile, CompressedTextAndTablesAreRedactedAndCompressedAgain) {
  const TemporaryFolder folder;
  Pack(folder.path() / "t.txt.gz", "run\nDB_PASSWORD=hush-hush-9\n");
  EXPECT_EQ(MustRedact(folder.path() / "t.txt.gz", folder.path() / "o.gz").format, "text");
  EXPECT_EQ(Gunzipped(folder.path() / "o.gz"), "run\nDB_PASSWORD=[redacted]\n");
  Pack(folder.path() / "c.csv.gz", std::string(kNcuHeader) + std::string(kNcuRow) + "printed words\n");
  EXPECT_EQ(MustRedact(folder.path() / "c.csv.gz", folder.path() / "c.csv").format, "ncu csv");
  const auto csv = Slurp(folder.path() / "c.csv");
  for (const auto* word : {"quintessa", "nid001608", "printed"}) EXPECT_EQ(csv.find(word), std::string::npos);
  Pack(folder.path() / "s.sqlite.gz", std::string("SQLite format 3\0 and more", 25));
  const auto refused = RedactFile(folder.path() / "s.sqlite.gz", folder.path() / "s");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

TEST(RedactFile, JsonIsToldByAllOfIt) {
  const TemporaryFolder folder;
  Spill(folder.path() / "bom.json", "\xEF\xBB\xBF{\"DB_\\u0050ASSWORD\": \"hush-hush-9\"}");
  EXPECT_EQ(MustRedact(folder.path() / "bom.json", folder.path() / "1").format, "json");
  EXPECT_EQ(Slurp(folder.path() / "1").find("hush"), std::string::npos);
  Spill(folder.path() / "log", "[\"INFO\"] start\n[\"INFO\"] DB_PASSWORD=hush-hush-9\n");
  EXPECT_EQ(MustRedact(folder.path() / "log", folder.path() / "2").format, "text");
  EXPECT_EQ(Slurp(folder.path() / "2").find("hush"), std::string::npos);
  Spill(folder.path() / "array", "[\"A\", {\"TOKEN\": \"hush-hush-9\"}]");
  EXPECT_EQ(MustRedact(folder.path() / "array", folder.path() / "3").format, "json");
}

TEST(RedactFile, NothingThatAProgramPrintsPassesForATable) {
  const TemporaryFolder folder;
  const std::string words =
      "== epoch 1 customer AcmeCorp ==\n\"AcmeCorp\" said\n,AcmeCorp\nAcmeCorp Kernel Name and ID\n";
  const std::string table = std::string(kNcuHeader) + std::string(kNcuRow);
  const std::string long_output = "AcmeCorp says so again and again\n";
  std::string before;
  while (before.size() < (1U << 20) + 1000) before += long_output;
  for (const auto& text :
       {words + table + words, "\xEF\xBB\xBF" + table + words, before + table, table + "\"1\",\"AcmeCorp\"\n",
        table + "\"0\",\"a quote never\nclosed AcmeCorp\n"}) {
    Spill(folder.path() / "in", text);
    const auto report = MustRedact(folder.path() / "in", folder.path() / "out");
    EXPECT_EQ(report.format, "ncu csv");
    EXPECT_EQ(report.outputs_dropped, text.starts_with(words) ? 2U : 1U);
    const auto out = Slurp(folder.path() / "out");
    EXPECT_EQ(out.find("AcmeCorp"), std::string::npos) << out;
    EXPECT_TRUE(LooksLikeNcuCsv(out));
    EXPECT_FALSE(out.starts_with('['));
    CaptureRecorder seen;
    ASSERT_TRUE(ReadNcuCsv(folder.path() / "out", seen).has_value()) << out;
    ASSERT_EQ(seen.details.size(), 1U);
    EXPECT_DOUBLE_EQ(seen.details[0].Find("Duration")->value.value_or(0), 1'208'500);
    std::filesystem::remove(folder.path() / "out");
  }
}

TEST(RedactFile, ACollectorsFileKeepsItsRecordsAndLosesSecretsInNames) {
  const TemporaryFolder folder;
  CollectorOptions options;
  options.tool = "some collector";
  options.present.operators = options.present.kernels = true;
  options.start_unix_ns = 1'700'000'000'000'000'000;
  options.operator_sampling = 0.5;
  options.dropped = 3;
  {
    const auto writer = CollectorWriter::Create(folder.path() / "in.alc", options).value();
    writer->AddFact("processor", "Some CPU");
    writer->AddNote(CaptureNote::Severity::kWarning, "ran in /home/quintessa/train");
    CaptureDevice device;
    device.index = 2;
    device.name = "NVIDIA A100";
    device.sm_count = 108;
    writer->AddDevice(device);
    for (int i = 0; i < 50; ++i) {
      RangeEvent range;
      range.name = "upload API_TOKEN=hush-hush-9";
      OperatorEvent operation;
      operation.name = "aten::mm";
      operation.shapes = "[2, 3]";
      KernelEvent kernel;
      kernel.name = "gemm<hush-hush-9>";
      kernel.device = 2;
      CopyEvent copy;
      copy.bytes = 9;
      range.start = operation.start = kernel.start = copy.start = i;
      range.end = operation.end = kernel.end = copy.end = i + 5;
      writer->Add(range);
      writer->Add(operation);
      writer->Add(kernel);
      writer->Add(copy);
    }
  }
  const auto report = MustRedact(folder.path() / "in.alc", folder.path() / "out.alc");
  EXPECT_EQ(report.format, "collector");
  const auto bytes = Slurp(folder.path() / "out.alc");
  for (const auto* word : {"hush", "quintessa"}) EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  CaptureLines before;
  CaptureLines after;
  const auto first = ReadCollector(folder.path() / "in.alc", before);
  const auto second = ReadCollector(folder.path() / "out.alc", after);
  ASSERT_TRUE(first.has_value() && second.has_value());
  ASSERT_EQ(before.lines.size(), 200u);
  auto expected = before.lines;
  const std::string secret = "hush-hush-9";
  for (auto& line : expected)
    if (const auto at = line.find(secret); at != std::string::npos)
      line.replace(at, secret.size(), "[redacted]");
  EXPECT_EQ(after.lines, expected);
  EXPECT_EQ(second->tool, first->tool);
  EXPECT_EQ(second->start_unix_ns, first->start_unix_ns);
  EXPECT_EQ(second->operator_sampling, 0.5);
  EXPECT_EQ(second->dropped_records, 3u);
  EXPECT_EQ(second->environment, first->environment);
  EXPECT_EQ(second->devices.at(0).sm_count, 108u);
  ASSERT_EQ(second->notes.size(), first->notes.size());
  EXPECT_EQ(second->notes[0].text, "ran in /home/[redacted]/train");
  EXPECT_TRUE(second->present.kernels && second->present.operators && !second->present.api);
}

TEST(RedactFile, WhatCannotBeRedactedIsRefusedAndNothingIsOverwritten) {
  const TemporaryFolder folder;
  const auto code = [&](const std::string& in, const std::string& out) {
    const auto report = RedactFile(folder.path() / in, folder.path() / out);
    return report.has_value() ? std::string("done") : std::string(ErrorCodeName(report.error().code));
  };
  EXPECT_EQ(code("missing", "out"), "not_found");
  Spill(folder.path() / "x.nsys-rep", std::string("binary\0stuff", 12));
  EXPECT_EQ(code("x.nsys-rep", "out"), "unsupported");
  Spill(folder.path() / "bad.json.gz", "\x1f\x8b\x08 damaged from here on");
  EXPECT_EQ(code("bad.json.gz", "out"), "corrupt");
  Spill(folder.path() / "note.txt", "TOKEN=abc\n");
  Spill(folder.path() / "there", "precious");
  EXPECT_EQ(code("note.txt", "there"), "conflict");
  EXPECT_EQ(code("note.txt", "note.txt"), "conflict");
  EXPECT_EQ(Slurp(folder.path() / "there"), "precious");
  EXPECT_EQ(code("note.txt", "no/such/folder"), "not_found");
  EXPECT_EQ(code("note.txt", "out"), "done");
  EXPECT_EQ(Slurp(folder.path() / "out"), "TOKEN=[redacted]\n");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 5U);  // no partial copies left
}

TEST(RedactFile, TheSamplesLoseTheirTokenAndKeepTheirFigures) {
  const char* samples = std::getenv("ALTLAS_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "ALTLAS_SAMPLES names no folder of captures";
  const TemporaryFolder folder;
  const auto in = std::filesystem::path(samples) / "nsys_saxpy.sqlite";
  const auto out = folder.path() / "out.sqlite";
  MustRedact(in, out);
  const auto bytes = Slurp(out);
  for (const auto* word :
       {"not-a-real-secret", "0123456789abcdef", "nid001608", "login03", "Correct results"}) {
    EXPECT_NE(Slurp(in).find(word), std::string::npos) << word;
    EXPECT_EQ(bytes.find(word), std::string::npos) << word;
  }
  CaptureRecorder before;
  CaptureRecorder after;
  ASSERT_TRUE(ReadNsysSqlite(in, before).has_value());
  const auto info = ReadNsysSqlite(out, after);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->schema, "2.9.1");
  EXPECT_EQ(info->devices.at(0).uuid, "74e128b2-90b6-b409-07c8-33bee5ff6f88");
  ASSERT_EQ(before.kernels.size(), after.kernels.size());
  for (std::size_t i = 0; i < before.kernels.size(); ++i)
    EXPECT_EQ(before.kernels[i].name, after.kernels[i].name);
  ASSERT_EQ(before.calls.size(), after.calls.size());
  for (std::size_t i = 0; i < before.calls.size(); ++i) EXPECT_EQ(before.calls[i].name, after.calls[i].name);
  ASSERT_EQ(before.ranges.size(), after.ranges.size());
  for (std::size_t i = 0; i < before.ranges.size(); ++i)
    EXPECT_EQ(before.ranges[i].name, after.ranges[i].name);
}

}  // namespace
}  // namespace altlas::profile
