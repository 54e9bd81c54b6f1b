// SPDX-License-Identifier: Apache-2.0
#include "profile/kineto_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>

#include "base/file.h"
#include "profile/capture_lines.h"
#include "profile/trace_number.h"

namespace altlas::profile {
namespace {

struct KinetoRead {
  CaptureLines records;
  Result<CaptureInfo> info = Fail(ErrorCode::kInternal, "not read");
};

KinetoRead ReadTrace(std::string_view bytes, const ExpansionLimits& limits = {}) {
  KinetoRead read;
  const auto source = ByteSourceOf(bytes, limits);
  read.info = ReadKineto(*source, read.records);
  return read;
}

// One document around events, which begin with one at 1000 us.
std::string Trace(const std::string& events, const std::string& head = R"("schemaVersion": 1,)") {
  return "{" + head + "\"traceEvents\":[" +
         R"({"ph":"X","cat":"user_annotation","name":"origin","ts":1000,"dur":0})" +
         (events.empty() ? "" : ",") + events + "]}";
}

// The records after the first.
std::string Said(const std::string& events) {
  auto read = ReadTrace(Trace(events));
  EXPECT_TRUE(read.info.has_value()) << read.info.error().message;
  if (!read.records.lines.empty()) read.records.lines.erase(read.records.lines.begin());
  return read.records.text();
}

void ExpectSaid(const std::string& events, const std::string& expected) { EXPECT_EQ(Said(events), expected); }

std::string Gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(KinetoReader, EachCategoryBecomesItsRecord) {
  ExpectSaid(
      R"j({"ph":"X","cat":"kernel","name":"void gemm<float>(int)","pid":0,"tid":7,"ts":1001.5,"dur":2.25,
    "args":{
  "External id" : 9, "device" : 1, "context" : 2, "stream" : 7, "correlation" : 55,
      "registers per thread" : 47, "shared memory" : 1024,
      "grid" : [ 864, 2, 1 ], "block" : [ 256, 1, 1 ], "est. achieved occupancy %" : 63}})j",
      "kernel 1500..3750 \"void gemm<float>(int)\" dev 1 ctx 2 stream 7 corr 55 proc 0 grid 864x2x1 block "
      "256x1x1 regs 47 shared 1024+0 graph false");
  ExpectSaid(R"j({"ph":"X","cat":"gpu_memcpy","name":"Memcpy HtoD (Pageable -> Device)","ts":1002,"dur":12,
    "args":{
  "device" : 0, "stream" : 7, "correlation" : 14, "bytes" : 92928, "memory bandwidth (GB/s)" : 7.744}
  })j",
             "copy 2000..14000 host to device (pageable -> device) 92928 B dev 0 stream 7 corr 14");
  ExpectSaid(R"j({"ph":"X","cat":"gpu_memset","name":"Memset (Device)","ts":1000,"dur":4,
    "args":{
  "device" : 0, "stream" : 20, "correlation" : 3, "bytes" : 20736}
  })j",
             "memset 0..4000 20736 B dev 0 stream 20 corr 3");
  ExpectSaid(
      R"({"ph":"X","cat":"cuda_runtime","name":"cudaLaunchKernel_v7000","pid":10,"tid":11,"ts":1001,"dur":1,
    "args":{"correlation":55}})",
      "api 1000..2000 cudaLaunchKernel thread 167772171 corr 55 result 0");
  ExpectSaid(R"j({"ph":"X","cat":"cuda_driver","name":"cuLaunchKernel","pid":10,"tid":11,"ts":1001,"dur":1,
    "args":{"correlation":56}})j",
             "api 1000..2000 cuLaunchKernel thread 167772171 corr 56 result 0");
  ExpectSaid(R"j({"ph":"X","cat":"cpu_op","name":"aten::mm","pid":1,"tid":2,"ts":1001,"dur":3,
    "args":{"External id":77,"Input Dims":[[2,3],[3,4],[]],"Input type":["float"]}})j",
             "op 1000..4000 aten::mm thread 16777218 id 77 depth 0 shapes [[2,3],[3,4],[]]");
  ExpectSaid(R"j({"ph":"X","cat":"cuda_sync","name":"Stream Sync","pid":0,"tid":7,"ts":1001,"dur":9,
    "args":{"cuda_sync_kind":"Stream Sync","stream":7,"correlation":15,"device":0}})j",
             "sync 1000..10000 stream dev 0 stream 7 corr 15");
  ExpectSaid(R"j({"ph":"X","cat":"gpu_user_annotation","name":"step","pid":0,"tid":7,"ts":1001,"dur":9,
    "args":{"device":1,"stream":7}})j",
             "range 1000..10000 \"step\" domain \"gpu_user_annotation\" thread 16777223");
  ExpectSaid(R"j({"ph":"i","cat":"cpu_instant_event","name":"[memory]","s":"t","pid":1,"tid":1,"ts":1001,
    "args":{"Total Reserved":2097152,"Total Allocated":512,"Bytes":512,"Addr":140,"Device Id":1,"Device Type":1}},
    {"ph":"i","name":"[memory]","ts":1002,"args":{"Total Reserved":0,"Total Allocated":64,"Bytes":-64,"Addr":8,
    "Device Id":-1,"Device Type":0}})j",
             "alloc at 1000 512 B of device at 0x8c dev 1 allocated 512 reserved 2097152\n"
             "free at 2000 64 B of pageable at 0x8 dev -1 allocated 64 reserved 0");
}

TEST(KinetoReader, OldTracesWithCapitalCategoriesReadAlike) {
  ExpectSaid(R"j({"ph":"X","cat":"Kernel","name":"k","ts":1000,"dur":1,"args":{}},
    {"ph":"X","cat":"Memcpy","name":"Memcpy DtoH (Device -> Pinned)","ts":1001,"dur":1,"args":{
  "bytes" : 8}},
    {"ph":"X","cat":"Operator","name":"mul","ts":1002,"dur":1},{"ph":"X","cat":"Runtime","name":"cudaFree","ts":1003,"dur":1})j",
             "kernel 0..1000 \"k\" dev 0 ctx 0 stream 0 corr 0 proc 0 grid 0x0x0 block 0x0x0 regs 0 shared "
             "0+0 graph false\n"
             "copy 1000..2000 device to host (device -> pinned) 8 B dev 0 stream 0 corr 0\n"
             "op 2000..3000 mul thread 0 id 0 depth 0 shapes \n"
             "api 3000..4000 cudaFree thread 0 corr 0 result 0");
}

TEST(KinetoReader, GeneralChromeEventsBecomeRangesAndCounters) {
  ExpectSaid(R"j({"ph":"B","cat":"io","name":"outer","pid":1,"tid":1,"ts":1001},
    {"ph":"B","cat":"io","name":"inner","pid":1,"tid":1,"ts":1002},{"ph":"E","pid":1,"tid":1,"ts":1003},
    {"ph":"E","pid":1,"tid":1,"ts":1005},{"ph":"I","cat":"m","name":"here","pid":1,"tid":1,"ts":1004},
    {"ph":"C","name":"rss_bytes","ts":1006,"args":{"value":12.5}},
    {"ph":"C","name":"net","ts":1006,"args":{"in":1,"out":2,"odd":"x"}},
    {"ph":"s","id":1,"cat":"ac2g","name":"ac2g","ts":1001},{"ph":"M","name":"process_name","args":{"name":"python"}})j",
             "range 2000..3000 \"inner\" domain \"io\" thread 16777217\n"
             "range 1000..5000 \"outer\" domain \"io\" thread 16777217\n"
             "mark 4000..4000 \"here\" domain \"m\" thread 16777217\n"
             "counter at 6000 rss_bytes = 12.5 dev -1\n"
             "counter at 6000 net.in = 1 dev -1\n"
             "counter at 6000 net.out = 2 dev -1");
}

TEST(KinetoReader, TheHeadGivesDevicesRankAndStart) {
  const auto read = ReadTrace(Trace("", R"("schemaVersion":1,"baseTimeNanoseconds":1727743122000000000,
    "distributedInfo":{"rank":3,"world_size":8,"backend":"nccl","pg_config":[{"deep":[1,2]}]},
    "cuda_driver_version":12040,"traceName":"/home/ada/secret.json","deviceProperties":[
    {"id":0,"name":"NVIDIA A100","totalGlobalMem":42297524224,"computeMajor":8,"computeMinor":0,
     "maxThreadsPerMultiprocessor":2048,"warpSize":32,"numSms":108}],)"));
  ASSERT_TRUE(read.info.has_value()) << read.info.error().message;
  EXPECT_EQ(read.info->rank, 3);
  EXPECT_EQ(read.info->start_unix_ns, 1727743122001000000);
  ASSERT_EQ(read.info->devices.size(), 1u);
  EXPECT_EQ(read.info->devices[0].sm_count, 108u);
  EXPECT_EQ(read.info->devices[0].max_warps_per_sm, 64u);
  EXPECT_DOUBLE_EQ(read.info->devices[0].compute_capability.value(), 8.0);
  EXPECT_EQ(read.info->environment.at("backend"), "nccl");
  EXPECT_EQ(read.info->environment.at("cuda_driver_version"), "12040");
  EXPECT_EQ(read.info->environment.count("traceName"), 0u);
  EXPECT_EQ(read.info->tool, "PyTorch profiler (Kineto)");
}

TEST(KinetoReader, TimesAreExactToTheNanosecond) {
  EXPECT_EQ(MicrosecondsToNs("1695835542514261.437"), 1695835542514261437);
  EXPECT_EQ(MicrosecondsToNs("-0.001"), -1);
  EXPECT_EQ(MicrosecondsToNs("1.0005"), 1001);  // half away from zero
  EXPECT_EQ(MicrosecondsToNs("1e3"), 1'000'000);
  EXPECT_EQ(MicrosecondsToNs("7."), 7000);
  for (const char* wrong : {"NaN", "Infinity", "", "-", "1e300", "9999999999999999999", "12x", ".", "--1"}) {
    EXPECT_FALSE(MicrosecondsToNs(wrong).has_value()) << wrong;
  }
}

TEST(KinetoReader, DecimalsBecomeNanosecondsAsIntegersWould) {
  EXPECT_TRUE(rc::check([] {
    const auto ns = *rc::gen::inRange<std::int64_t>(-3'000'000'000'000'000'000, 3'900'000'000'000'000'000);
    const auto whole = std::abs(ns) / 1000, rest = std::abs(ns) % 1000;
    RC_ASSERT(MicrosecondsToNs(fmt::format("{}{}.{:03}", ns < 0 ? "-" : "", whole, rest)) == ns);
  }));
}

TEST(KinetoReader, ATraceInNanosecondsIsRecognised) {
  const auto read = ReadTrace(R"([{"ph":"X","cat":"kernel","name":"a","dur":500,"ts":1727743122000000100},
    {"ph":"X","cat":"kernel","name":"b","ts":1727743122000000700,"dur":40}])");
  ASSERT_TRUE(read.info.has_value());
  EXPECT_TRUE(read.records.lines.at(0).starts_with("kernel 0..500 "));
  EXPECT_TRUE(read.records.lines.at(1).starts_with("kernel 600..640 "));
  EXPECT_EQ(read.info->start_unix_ns, 1727743122000000100);
  ASSERT_EQ(read.info->notes.size(), 1u);
  EXPECT_NE(read.info->notes[0].text.find("nanoseconds"), std::string::npos);
}

TEST(KinetoReader, WrongEventsAreCountedAndLeftOut) {
  for (const std::string event :
       {R"({"ph":"X","cat":"kernel","name":"k","ts":1001,"dur":-3})",
        R"({"ph":"X","cat":"kernel","name":"k","dur":3})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":NaN,"dur":1})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":1,"dur":Infinity})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":1e40,"dur":1})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":1001})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":1001,"ts":1002,"dur":1})",
        R"({"cat":"kernel","name":"k","ts":1001,"dur":1})", R"({"ph":"E","pid":1,"tid":1,"ts":1003})",
        R"({"ph":"B","name":"n","pid":1,"tid":1,"ts":1003})",
        R"({"ph":"X","cat":"kernel","name":"k","ts":[1],"dur":1})", R"(7)", R"("text")", R"(null)",
        R"({"ph":"C","name":"c","ts":1001,"args":{"v":NaN}})"}) {
    const auto read = ReadTrace(Trace(event));
    ASSERT_TRUE(read.info.has_value()) << event << read.info.error().message;
    EXPECT_EQ(read.info->bad_records, 1u) << event;
    EXPECT_EQ(read.records.lines.size(), 1u) << event;
  }
}

TEST(KinetoReader, EarlierEventsHaveNegativeTimes) {
  ExpectSaid(R"j({"ph":"X","cat":"a","name":"n","ts":-5,"dur":1})j",
             "range -1005000..-1004000 \"n\" domain \"a\" thread 0");
}

TEST(KinetoReader, NamesAndIdsOfAnyKind) {
  const auto said = Said(
      R"j({"ph":"X","cat":"a","name":"\u00e9\ud83d\ude00\\\"\n\x","pid":"Spans","tid":-1,"ts":1001,"dur":0})j");
  EXPECT_TRUE(said.starts_with("range 1000..1000 \"\xc3\xa9\xf0\x9f\x98\x80\\\"\nx\" domain \"a\" thread "))
      << said;
  const std::string giant(300'000, 'n');
  const auto cut = Said("{\"ph\":\"X\",\"cat\":\"a\",\"name\":\"" + giant + "\",\"ts\":1001,\"dur\":0}");
  EXPECT_GT(cut.size(), 65'000u);
  EXPECT_LT(cut.size(), 66'000u);
}

TEST(KinetoReader, GzipReadsAsPlain) {
  std::string events;
  for (int i = 0; i < 5000; ++i)
    events += fmt::format("{}{{\"ph\":\"X\",\"cat\":\"kernel\",\"name\":\"k{}\",\"ts\":{}.{},\"dur\":{}}}",
                          i == 0 ? "" : ",", i % 7, 2000 + i, i % 10, i % 5);
  const auto text = Trace(events);
  const auto plain = ReadTrace(text);
  ASSERT_TRUE(plain.info.has_value());
  EXPECT_EQ(plain.records.lines.size(), 5001u);
  EXPECT_EQ(ReadTrace(Gzip(text)).records.text(), plain.records.text());
  // Several members one after the other are one text.
  EXPECT_EQ(ReadTrace(Gzip(text.substr(0, 1000)) + Gzip(text.substr(1000))).records.text(),
            plain.records.text());
}

TEST(KinetoReader, AFileThatEndsEarlyIsReadUpToThereAndSaysSo) {
  const auto text = Trace(
      R"({"ph":"X","cat":"kernel","name":"a","ts":1001,"dur":1},{"ph":"X","cat":"kernel","name":"b","ts":1002,"dur":1})");
  const auto cut = text.find("\"b\"");
  for (const auto& bytes : {text.substr(0, cut), Gzip(text).substr(0, Gzip(text).size() - 12)}) {
    const auto read = ReadTrace(bytes);
    ASSERT_TRUE(read.info.has_value()) << read.info.error().message;
    ASSERT_FALSE(read.info->notes.empty());
    EXPECT_EQ(read.info->notes.back().severity, CaptureNote::Severity::kError);
    EXPECT_GE(read.records.lines.size(), 1u);
  }
}

TEST(KinetoReader, EveryPrefixIsReadOrRefusedWithASentence) {
  const auto text = Trace(
      R"({"ph":"X","cat":"cpu_op","name":"a\u00e9","ts":1001.5,"dur":1,"args":{"Input Dims":[[1],[]],"a":{"b":null}}})",
      R"("deviceProperties":[{"id":0,"name":"x","numSms":1}],"distributedInfo":{"rank":0},)");
  const auto whole = ReadTrace(text).records.lines;
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto read = ReadTrace(std::string_view(text).substr(0, size));
    if (read.info.has_value()) {
      EXPECT_FALSE(read.info->notes.empty()) << size;
    } else {
      EXPECT_FALSE(read.info.error().message.empty()) << size;
    }
    ASSERT_LE(read.records.lines.size(), whole.size());
    for (std::size_t i = 0; i < read.records.lines.size(); ++i) EXPECT_EQ(read.records.lines[i], whole[i]);
  }
}

TEST(KinetoReader, WhatIsNoTraceIsRefused) {
  const auto refused = [](std::string_view bytes) {
    const auto read = ReadTrace(bytes);
    return read.info.has_value() ? std::string("accepted")
                                 : std::string(ErrorCodeName(read.info.error().code));
  };
  EXPECT_EQ(refused(""), "invalid_argument");
  EXPECT_EQ(refused("SQLite format 3"), "invalid_argument");
  EXPECT_EQ(refused(std::string_view("\0\0\0\0", 4)), "invalid_argument");
  EXPECT_EQ(refused("{}"), "invalid_argument");
  EXPECT_EQ(refused(R"({"a":[1,2]})"), "invalid_argument");
  EXPECT_EQ(refused(R"({"traceEvents":[{"ph":"X" "ts":1}]})"), "corrupt");
  EXPECT_EQ(refused(R"({"traceEvents":[]} trailing)"), "corrupt");
  EXPECT_EQ(refused(R"({"traceEvents":[)" + std::string(300, '[')), "corrupt");
  EXPECT_EQ(refused(R"({"traceEvents":[]})"), "accepted");
  EXPECT_EQ(refused("[]"), "accepted");
  EXPECT_EQ(refused("\xEF\xBB\xBF[]"), "accepted");
}

TEST(KinetoReader, AGzipBombIsRefusedBeforeItFillsAnything) {
  const auto bomb = Gzip("[" + std::string(64 << 20, ' '));
  const auto read = ReadTrace(bomb, {.bytes = 1ULL << 40, .free_bytes = 1 << 20, .ratio = 250});
  ASSERT_FALSE(read.info.has_value());
  EXPECT_EQ(read.info.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(ReadTrace(bomb, {.bytes = 4 << 20}).info.error().code, ErrorCode::kTooLarge);
  auto damaged = Gzip(Trace(""));
  damaged[damaged.size() / 2] ^= 0x55;
  EXPECT_FALSE(ReadTrace(damaged).info.has_value());
}

TEST(KinetoReader, ProgressCanStopIt) {
  std::string events;
  for (int i = 0; i < 20000; ++i)
    events += fmt::format("{}{{\"ph\":\"X\",\"name\":\"k\",\"ts\":{},\"dur\":1}}", i == 0 ? "" : ",", i);
  const auto text = Trace(events);
  const auto source = ByteSourceOf(text);
  CaptureLines records;
  int calls = 0;
  const auto info = ReadKineto(*source, records, [&](std::uint64_t done, std::uint64_t all) {
    EXPECT_LE(done, all);
    return ++calls < 3;
  });
  ASSERT_FALSE(info.has_value());
  EXPECT_EQ(info.error().code, ErrorCode::kCanceled);
  EXPECT_LT(records.lines.size(), 10000u);
}

TEST(KinetoReader, FilesAreNamedInErrors) {
  TemporaryFolder folder;
  CaptureLines records;
  EXPECT_EQ(ReadKineto(folder.path() / "absent.json", records).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadKineto(folder.path(), records).error().code, ErrorCode::kInvalidArgument);
  const auto file = folder.path() / "trace.json";
  std::ofstream(file) << Trace("");
  const auto info = ReadKineto(file, records);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->path, file.string());
}

// Sums over a real capture, computed here apart from the reader (SOURCES.md names it).
class Summing final : public CaptureSink {
 public:
  std::uint64_t kernels = 0, copies = 0, memsets = 0, api = 0, operators = 0, syncs = 0, ranges = 0;
  Ns kernel_ns = 0, copy_ns = 0, api_ns = 0, operator_ns = 0;
  std::uint64_t copied = 0;
  void OnKernel(const KernelEvent& e) override { ++kernels, kernel_ns += e.end - e.start; }
  void OnCopy(const CopyEvent& e) override { ++copies, copy_ns += e.end - e.start, copied += e.bytes; }
  void OnMemset(const MemsetEvent&) override { ++memsets; }
  void OnApi(const ApiEvent& e) override { ++api, api_ns += e.end - e.start; }
  void OnOperator(const OperatorEvent& e) override { ++operators, operator_ns += e.end - e.start; }
  void OnSync(const SyncEvent&) override { ++syncs; }
  void OnRange(const RangeEvent&) override { ++ranges; }
};

TEST(KinetoReader, TheSampleCapturesSumsAreThoseOfTheFile) {
  const char* samples = std::getenv("ALTLAS_SAMPLES");
  if (samples == nullptr) GTEST_SKIP() << "set ALTLAS_SAMPLES to the folder of sample captures";
  Summing sums;
  const auto info = ReadKineto(std::filesystem::path(samples) / "kineto_alexnet_a100.json.gz", sums);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(sums.kernels, 79u);
  EXPECT_EQ(sums.kernel_ns, 10'692'000);
  EXPECT_EQ(sums.copies, 16u);
  EXPECT_EQ(sums.memsets, 3u);
  EXPECT_EQ(sums.api, 361u);
  EXPECT_EQ(sums.operators, 359u);
  EXPECT_EQ(sums.syncs, 41u);
  EXPECT_EQ(sums.copied, 244403360u);
  EXPECT_EQ(sums.copy_ns, 55503000);
  EXPECT_EQ(sums.api_ns, 42297605000);
  EXPECT_EQ(sums.operator_ns, 140021746000);
  EXPECT_EQ(sums.ranges, 10u);  // 8 annotations, 2 marks
  EXPECT_EQ(info->bad_records, 0u);
  EXPECT_EQ(info->duration, 43'458'523'000);
  EXPECT_EQ(info->rank, 0);
  EXPECT_EQ(info->devices.size(), 8u);
}

}  // namespace
}  // namespace altlas::profile
