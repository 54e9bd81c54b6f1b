// SPDX-License-Identifier: Apache-2.0
#include "profile/nsys_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sqlite3.h>

#include <cstdlib>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "profile/capture_recorder.h"
#include "profile/nsys_names.h"
#include "profile/nsys_writer.h"

namespace altlas::profile {
namespace {

using Schema = NsysWriter::Schema;
constexpr Schema kSchemas[] = {Schema::kSchema29, Schema::kSchema313, Schema::kSchema316};

// The rows of a query, each as text with | between: what SQLite itself says of the file.
std::vector<std::string> Query(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(connection, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
      << sqlite3_errmsg(connection);
  std::vector<std::string> rows;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    std::string row;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      row += (i == 0 ? "" : "|") + std::string(text == nullptr ? "" : text);
    }
    rows.push_back(row);
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return rows;
}

CaptureInfo MustRead(const std::filesystem::path& path, CaptureSink& sink) {
  auto info = ReadNsysSqlite(path, sink);
  EXPECT_TRUE(info.has_value()) << info.error().message;
  return info.value_or(CaptureInfo());
}

TEST(NsysReader, SumsEqualWhatSqlSaysOfTheSameFileInEverySchema) {
  for (const auto schema : kSchemas) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "made.sqlite";
    MadeCapture what;
    what.seed = 7;
    what.kernels = 3000;
    what.schema = schema;
    ASSERT_TRUE(WriteMadeCapture(path, what).has_value());
    CaptureRecorder seen;
    const auto info = MustRead(path, seen);

    std::map<std::string, std::pair<std::int64_t, std::int64_t>> kernels;
    for (const auto& k : seen.kernels) {
      ++kernels[k.name].first;
      kernels[k.name].second += k.event.end - k.event.start;
    }
    std::vector<std::string> rows;
    for (const auto& [name, sums] : kernels)
      rows.push_back(fmt::format("{}|{}|{}", name, sums.first, sums.second));
    EXPECT_EQ(rows,
              Query(path,
                    "SELECT s.value, count(*), sum(k.end - k.start) FROM CUPTI_ACTIVITY_KIND_KERNEL k JOIN "
                    "StringIds s ON s.id = k.demangledName GROUP BY 1 ORDER BY 1"));

    std::map<std::tuple<int, int, int>, std::array<std::uint64_t, 3>> copies;
    for (const auto& c : seen.copies) {
      auto& sums = copies[{static_cast<int>(c.kind), static_cast<int>(c.source), static_cast<int>(c.target)}];
      ++sums[0];
      sums[1] += c.bytes;
      sums[2] += static_cast<std::uint64_t>(c.end - c.start);
    }
    rows.clear();
    for (const auto& [k, sums] : copies) {
      rows.push_back(fmt::format("{}|{}|{}|{}|{}|{}", std::get<0>(k), std::get<1>(k), std::get<2>(k), sums[0],
                                 sums[1], sums[2]));
    }
    EXPECT_EQ(rows, Query(path,
                          "SELECT copyKind, srcKind, dstKind, count(*), sum(bytes), sum(end - start) FROM "
                          "CUPTI_ACTIVITY_KIND_MEMCPY GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"));

    Ns calls = 0;
    for (const auto& c : seen.calls) calls += c.event.end - c.event.start;
    EXPECT_EQ(Query(path, "SELECT count(*), sum(end - start) FROM CUPTI_ACTIVITY_KIND_RUNTIME"),
              std::vector<std::string>{fmt::format("{}|{}", seen.calls.size(), calls)});
    EXPECT_EQ(seen.syncs.size(), 30U);
    EXPECT_EQ(seen.ranges.size(), 30U);
    EXPECT_EQ(info.bad_records, 0U);
    EXPECT_TRUE(info.present.kernels && info.present.copies && info.present.api && info.present.ranges);
    EXPECT_FALSE(info.present.memsets || info.present.allocations || info.present.counters);
  }
}

KernelEvent AnyKernel(Random& random) {
  KernelEvent k;
  k.start = static_cast<Ns>(random.Below(1'000'000'000)) - 1000;
  k.end = k.start + static_cast<Ns>(random.Below(1'000'000));
  k.device = static_cast<std::int32_t>(random.Below(8));
  k.context = static_cast<std::uint32_t>(random.Below(4));
  k.stream = static_cast<std::uint32_t>(random.Below(1U << 31));
  k.correlation = random.Below(1ULL << 32);
  k.process = static_cast<std::uint32_t>(random.Below(1 << 24));
  for (auto& axis : k.grid) axis = static_cast<std::uint32_t>(random.Below(1ULL << 31));
  for (auto& axis : k.block) axis = static_cast<std::uint32_t>(random.Below(1024));
  k.registers = static_cast<std::uint32_t>(random.Below(256));
  k.static_shared_bytes = random.Below(1 << 16);
  k.dynamic_shared_bytes = random.Below(1 << 17);
  return k;
}

TEST(NsysReader, EveryFieldOfEveryKindIsReadAsItWasWritten) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    Random random(seed);
    const auto schema = kSchemas[random.Below(3)];
    const TemporaryFolder folder;
    const auto path = folder.path() / "x.sqlite";
    auto writer = *NsysWriter::Create(path, schema);
    std::vector<KernelEvent> kernels;
    const std::vector<std::string> names = {"k1(int)", "void k2<float>(float*)", "\u03bb kernel",
                                            std::string(300, 'n')};
    for (std::uint64_t i = random.Below(20); i > 0; --i) {
      kernels.push_back(AnyKernel(random));
      kernels.back().name = names[random.Below(names.size())];
      writer->Add(kernels.back());
    }
    const auto at = [&] { return static_cast<Ns>(random.Below(1'000'000)); };
    const AllocationEvent allocation{
        at(), random.Below(2) == 1, random.Below(1 << 30), random.Next() >> 1, MemoryKind::kDevice, 2};
    writer->Add(allocation);
    const SyncEvent sync{5, 5 + at(), static_cast<SyncKind>(random.Below(5)), 1, 0xFFFFFFFF, 77};
    writer->Add(sync);
    const RangeEvent range{3, 3 + at(), "a range", "a domain", 99ULL << 24 | 7, false};
    writer->Add(range, random.Below(2) == 1);
    const CounterEvent counter{at(), "SMs Active [Throughput %]", 12.5, 3};
    writer->Add(counter);
    writer->Add(MemsetEvent{1, 9, 4096, 0, 7, 3, 12});
    RC_ASSERT(writer->Finish().has_value());

    CaptureRecorder seen;
    const auto info = ReadNsysSqlite(path, seen);
    RC_ASSERT(info.has_value());
    RC_ASSERT(info->bad_records == 0U);
    RC_ASSERT(seen.kernels.size() == kernels.size());
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      const auto& got = seen.kernels[i].event;
      RC_ASSERT(seen.kernels[i].name == kernels[i].name);
      RC_ASSERT(
          std::tie(got.start, got.end, got.device, got.context, got.stream, got.correlation, got.process,
                   got.grid, got.block, got.registers, got.static_shared_bytes, got.dynamic_shared_bytes) ==
          std::tie(kernels[i].start, kernels[i].end, kernels[i].device, kernels[i].context, kernels[i].stream,
                   kernels[i].correlation, kernels[i].process, kernels[i].grid, kernels[i].block,
                   kernels[i].registers, kernels[i].static_shared_bytes, kernels[i].dynamic_shared_bytes));
    }
    const auto& a = seen.allocations.at(0);
    RC_ASSERT(std::tie(a.at, a.is_free, a.bytes, a.address, a.kind, a.device) ==
              std::tie(allocation.at, allocation.is_free, allocation.bytes, allocation.address,
                       allocation.kind, allocation.device));
    const auto& s = seen.syncs.at(0);
    RC_ASSERT(std::tie(s.end, s.kind, s.device, s.stream) ==
              std::tie(sync.end, sync.kind, sync.device, sync.stream));
    const auto& r = seen.ranges.at(0);
    RC_ASSERT(r.name == "a range" && r.more == "a domain");
    RC_ASSERT(r.event.end == range.end && r.event.thread == range.thread);
    RC_ASSERT(seen.counters.at(0).name == counter.name && seen.counters.at(0).event.value == 12.5);
    RC_ASSERT(seen.counters.at(0).event.device == 3);
    RC_ASSERT(seen.memsets.at(0).bytes == 4096U && seen.memsets.at(0).process == 12U);
  }));
}

TEST(NsysReader, ToolSchemaDeviceTimesAndNotesComeFromEitherGenerationsTables) {
  for (const auto schema : kSchemas) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "x.sqlite";
    auto writer = *NsysWriter::Create(path, schema);
    CaptureDevice device;
    device.index = 3;
    device.name = "A GPU";
    device.sm_count = 108;
    device.clock_hz = 1.41e9;
    device.compute_capability = 8.6;
    writer->AddDevice(device);
    writer->SetTimes(1'687'813'257'637'297'504, 2'269'032'514);
    writer->AddOverhead(10, 30);
    writer->AddDiagnostic(2, "perf event paranoid level is 2\n");
    ASSERT_TRUE(writer->Finish().has_value());
    CaptureRecorder seen;
    const auto info = MustRead(path, seen);
    const bool old = schema == Schema::kSchema29;
    EXPECT_EQ(info.schema, old ? "2.9.1" : schema == Schema::kSchema313 ? "3.13.2" : "3.16.1");
    EXPECT_EQ(info.tool.substr(0, 20), old ? "Nsight Systems 2022." : "Nsight Systems 2024.");
    ASSERT_EQ(info.devices.size(), 1U);
    EXPECT_EQ(info.devices[0].index, 3);
    EXPECT_EQ(info.devices[0].sm_count, 108U);
    EXPECT_DOUBLE_EQ(info.devices[0].compute_capability.value_or(0), 8.6);
    EXPECT_FALSE(info.devices[0].memory_bytes.has_value());
    EXPECT_EQ(info.duration, 2'269'032'514);
    EXPECT_EQ(info.start_unix_ns, 1'687'813'257'637'297'504);
    EXPECT_EQ(info.profiler_overhead, 20);
    ASSERT_EQ(info.notes.size(), 1U);
    EXPECT_EQ(info.notes[0].severity, CaptureNote::Severity::kWarning);
    EXPECT_EQ(info.notes[0].text, "perf event paranoid level is 2");
  }
}

TEST(NsysReader, EnumTablesThatNumberKindsDifferentlyAreObeyed) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.sqlite";
  auto writer = *NsysWriter::Create(path, Schema::kSchema313);
  writer->Exec("DELETE FROM ENUM_CUDA_MEMCPY_OPER");
  writer->Exec(
      "INSERT INTO ENUM_CUDA_MEMCPY_OPER VALUES (1, 'CUDA_MEMCPY_KIND_DTOH', 'x'), (2, "
      "'CUDA_MEMCPY_KIND_UVM_HTOD', 'y')");
  for (int kind = 1; kind <= 3; ++kind) {
    CopyEvent copy;
    copy.kind = static_cast<CopyKind>(kind);
    writer->Add(copy);
  }
  ASSERT_TRUE(writer->Finish().has_value());
  CaptureRecorder seen;
  MustRead(path, seen);
  ASSERT_EQ(seen.copies.size(), 3U);
  EXPECT_EQ(seen.copies[0].kind, CopyKind::kDeviceToHost);
  EXPECT_EQ(seen.copies[1].kind, CopyKind::kUnifiedHostToDevice);
  EXPECT_EQ(seen.copies[2].kind, CopyKind::kUnknown);
}

TEST(NsysReader, RangesLeftOpenEndWithTheCaptureAndMarksAreMarks) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.sqlite";
  auto writer = *NsysWriter::Create(path, Schema::kSchema316);
  writer->Add(RangeEvent{100, 0, "mark", "", 1, true});
  writer->Exec("INSERT INTO NVTX_EVENTS (start, end, eventType, text) VALUES (200, NULL, 60, 'open')");
  writer->Exec(
      "INSERT INTO NVTX_EVENTS (start, end, eventType, text) VALUES (300, 9223372036854775807, 60, 'huge')");
  writer->Exec(
      "INSERT INTO NVTX_EVENTS (start, end, eventType, text) VALUES (300, NULL, 39, 'a thread name')");
  writer->SetTimes(0, 5000);
  ASSERT_TRUE(writer->Finish().has_value());
  CaptureRecorder seen;
  const auto info = MustRead(path, seen);
  ASSERT_EQ(seen.ranges.size(), 3U);
  EXPECT_TRUE(seen.ranges[0].event.is_mark);
  EXPECT_EQ(seen.ranges[0].event.end, 100);
  EXPECT_EQ(seen.ranges[1].event.end, 5000);
  EXPECT_EQ(seen.ranges[2].event.end, 5000);
  EXPECT_EQ(info.bad_records, 0U);
  ASSERT_EQ(info.notes.size(), 1U);
}

TEST(NsysReader, GraphsTracedAsOneAreKernelsThatSayTheyAreGraphs) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.sqlite";
  auto writer = *NsysWriter::Create(path, Schema::kSchema313);
  KernelEvent graph;
  graph.start = 10;
  graph.end = 50;
  graph.is_graph = true;
  writer->Add(graph);
  ASSERT_TRUE(writer->Finish().has_value());
  CaptureRecorder seen;
  const auto info = MustRead(path, seen);
  ASSERT_EQ(seen.kernels.size(), 1U);
  EXPECT_TRUE(seen.kernels[0].event.is_graph);
  EXPECT_EQ(seen.kernels[0].name, "CUDA graph 7");
  EXPECT_TRUE(info.present.kernels);
  EXPECT_NE(info.notes.at(0).text.find("--cuda-graph-trace=node"), std::string::npos);
}

TEST(NsysReader, NoStreamAndNoDeviceAreReadInBothSpellings) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.sqlite";
  auto writer = *NsysWriter::Create(path, Schema::kSchema313);
  writer->Add(SyncEvent{1, 2, SyncKind::kContext, 0, 0, 0});
  writer->Exec("UPDATE CUPTI_ACTIVITY_KIND_SYNCHRONIZATION SET streamId = -1, deviceId = 4294967295");
  ASSERT_TRUE(writer->Finish().has_value());
  CaptureRecorder seen;
  MustRead(path, seen);
  ASSERT_EQ(seen.syncs.size(), 1U);
  EXPECT_EQ(seen.syncs[0].stream, 0xFFFFFFFFU);
  EXPECT_EQ(seen.syncs[0].device, kNoDevice);
}

TEST(NsysReader, VersionsOfTheToolkitAreNotPartOfACallsName) {
  EXPECT_EQ(WithoutVersion("cudaLaunchKernel_v7000"), "cudaLaunchKernel");
  EXPECT_EQ(WithoutVersion("cuMemcpyHtoDAsync_v2"), "cuMemcpyHtoDAsync");
  EXPECT_EQ(WithoutVersion("cudaLaunchKernel_ptsz_v7000"), "cudaLaunchKernel_ptsz");
  EXPECT_EQ(WithoutVersion("cuLaunchKernel"), "cuLaunchKernel");
  EXPECT_EQ(WithoutVersion("my_v"), "my_v");
  EXPECT_EQ(WithoutVersion("_v2"), "_v2");
  EXPECT_EQ(WithoutVersion("12"), "12");
  EXPECT_EQ(WithoutVersion(""), "");
}

TEST(NsysReader, StoppingIsANormalResult) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.sqlite";
  MadeCapture what;
  what.kernels = 200;
  ASSERT_TRUE(WriteMadeCapture(path, what).has_value());
  CaptureRecorder seen;
  std::uint64_t last = 0;
  const auto stopped = ReadNsysSqlite(path, seen, [](std::uint64_t, std::uint64_t) { return false; });
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::kCanceled);
  const auto done = ReadNsysSqlite(path, seen, [&](std::uint64_t now, std::uint64_t all) {
    EXPECT_GE(now, last);
    EXPECT_LE(now, all);
    last = now;
    return true;
  });
  EXPECT_TRUE(done.has_value());
}

TEST(NsysReader, TheSampleOfAnA100HasTheFiguresItsSourceTells) {
  const char* samples = std::getenv("ALTLAS_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "ALTLAS_SAMPLES names no folder of captures";
  CaptureRecorder seen;
  const auto info = MustRead(std::filesystem::path(samples) / "nsys_saxpy.sqlite", seen);
  Ns kernels = 0;
  for (const auto& k : seen.kernels) kernels += k.event.end - k.event.start;
  EXPECT_EQ(seen.kernels.size(), 5U);
  EXPECT_EQ(kernels, 88'573'480);
  std::map<CopyKind, std::array<std::uint64_t, 3>> copies;
  for (const auto& c : seen.copies) {
    ++copies[c.kind][0];
    copies[c.kind][1] += c.bytes;
    copies[c.kind][2] += static_cast<std::uint64_t>(c.end - c.start);
    EXPECT_EQ(c.kind == CopyKind::kHostToDevice ? c.source : c.target, MemoryKind::kPageable);
  }
  EXPECT_EQ(copies[CopyKind::kHostToDevice], (std::array<std::uint64_t, 3>{10, 2'621'440'000, 186'001'123}));
  EXPECT_EQ(copies[CopyKind::kDeviceToHost], (std::array<std::uint64_t, 3>{5, 1'310'720'000, 98'698'477}));
  EXPECT_EQ(seen.ranges.size(), 22U);
  std::set<std::string> domains;
  for (const auto& r : seen.ranges) domains.insert(r.more);
  EXPECT_EQ(domains, (std::set<std::string>{"", "MPI"}));
  EXPECT_EQ(info.schema, "2.9.1");
  EXPECT_EQ(info.bad_records, 0U);
  EXPECT_FALSE(info.present.syncs);  // the table is there and empty: nothing was captured
  EXPECT_EQ(info.devices.at(0).name, "NVIDIA A100-SXM4-40GB");
  EXPECT_EQ(info.environment.at("driver"), "525.105.17");
}

}  // namespace
}  // namespace altlas::profile
