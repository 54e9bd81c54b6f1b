// SPDX-License-Identifier: Apache-2.0
#include "profile/collector_file.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/file.h"
#include "profile/capture_lines.h"

namespace altlas::profile {
namespace {

struct CollectorRead {
  CaptureLines records;
  Result<CaptureInfo> info = Fail(ErrorCode::kInternal, "not read");
};

CollectorRead ReadBytes(std::string_view bytes) {
  CollectorRead read;
  const auto source = ByteSourceOf(bytes);
  read.info = ReadCollector(*source, read.records);
  return read;
}

CollectorOptions Fixed() {
  CollectorOptions options;
  options.tool = "test";
  options.present.operators = options.present.ranges = true;
  options.start_unix_ns = 1'700'000'000'000'000'000;
  options.start_clock_ns = 0;
  options.process = 42;
  return options;
}

// Writes one file and gives its bytes.
template <typename Write>
std::string Written(const CollectorOptions& options, const Write& write) {
  TemporaryFolder folder;
  const auto path = folder.path() / "c.alc";
  {
    auto writer = CollectorWriter::Create(path, options);
    EXPECT_TRUE(writer.has_value()) << writer.error().message;
    write(**writer);
  }
  return ReadFile(path, 64 << 20).value();
}

OperatorEvent Operator(Ns start, Ns end, std::string_view name) {
  OperatorEvent event;
  event.start = start;
  event.end = end;
  event.name = name;
  event.thread = 7;
  return event;
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

// The bytes of docs/formats/collector.md, "An example".
TEST(CollectorFile, GoldenBytes) {
  const auto bytes =
      Written(Fixed(), [](CollectorWriter& writer) { writer.Add(Operator(1, 2, "aten::mm")); });
  EXPECT_EQ(
      Hex(bytes),
      "414c544c434f4c0a010000008000000000002a36fe9c971700000000000000002a000000010000001001000000000000000000"
      "0000000000" +
          std::string(144, '0') +
          "05000000c4b018dc04c0000000000000090000005abf23ce0101000000746f6f6c0000000000000009000000ab33666602"
          "0100000074657374000000000000000d000000e7f4a46201020000006174656e3a3a6d6d0000002d00000018b1bf641001"
          "00000000000000020000000000000007000000000000000000000000000000020000000000000000000000000000");
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.records.text(), "op 1..2 aten::mm thread 7 id 0 depth 0 shapes ");
  EXPECT_EQ(read.info->tool, "test");
  EXPECT_EQ(read.info->start_unix_ns, 1'700'000'000'000'000'000);
  EXPECT_TRUE(read.info->present.operators);
  EXPECT_FALSE(read.info->present.kernels);
  EXPECT_TRUE(read.info->notes.empty());
}

// Every kind of record, once.
void WriteEach(CollectorWriter& writer) {
  auto op = Operator(-5, 10, "aten::mm");
  op.external_id = 3;
  op.depth = 2;
  op.shapes = "[[2,3]]";
  writer.Add(op);
  writer.Add(RangeEvent{.start = 1, .end = 9, .name = "prefill", .domain = "alt_las", .thread = 7});
  writer.Add(CounterEvent{.at = 4, .name = "rss_bytes", .value = 1.5, .device = kNoDevice});
  AllocationEvent allocation{
      .at = 5, .is_free = true, .bytes = 64, .address = 0x10, .kind = MemoryKind::kDevice};
  allocation.allocated_total = 3;
  allocation.reserved_total = 4;
  writer.Add(allocation);
  KernelEvent kernel{
      .start = 6, .end = 8, .name = "gemm", .device = 1, .context = 2, .stream = 3, .correlation = 4};
  kernel.process = 5;
  kernel.grid = {6, 7, 8};
  kernel.block = {9, 10, 11};
  kernel.registers = 12;
  kernel.static_shared_bytes = 13;
  kernel.dynamic_shared_bytes = 14;
  kernel.is_graph = true;
  writer.Add(kernel);
  CopyEvent copy{.start = 9, .end = 10, .kind = CopyKind::kHostToDevice, .source = MemoryKind::kPinned};
  copy.target = MemoryKind::kDevice;
  copy.bytes = 100;
  copy.stream = 2;
  copy.correlation = 8;
  writer.Add(copy);
  writer.Add(MemsetEvent{.start = 11, .end = 12, .bytes = 5, .device = 1, .stream = 2, .correlation = 3});
  writer.Add(
      ApiEvent{.start = 13, .end = 14, .name = "cudaMalloc", .thread = 5, .correlation = 6, .result = -2});
  writer.Add(SyncEvent{
      .start = 15, .end = 16, .kind = SyncKind::kContext, .device = 1, .stream = 2, .correlation = 9});
}

constexpr const char* kEach =
    "op -5..10 aten::mm thread 7 id 3 depth 2 shapes [[2,3]]\n"
    "range 1..9 \"prefill\" domain \"alt_las\" thread 7\n"
    "counter at 4 rss_bytes = 1.5 dev -1\n"
    "free at 5 64 B of device at 0x10 dev -1 allocated 3 reserved 4\n"
    "kernel 6..8 \"gemm\" dev 1 ctx 2 stream 3 corr 4 proc 5 grid 6x7x8 block 9x10x11 regs 12 shared 13+14 "
    "graph true\n"
    "copy 9..10 host to device (pinned -> device) 100 B dev 0 stream 2 corr 8\n"
    "memset 11..12 5 B dev 1 stream 2 corr 3\n"
    "api 13..14 cudaMalloc thread 5 corr 6 result -2\n"
    "sync 15..16 context dev 1 stream 2 corr 9";

TEST(CollectorFile, EveryRecordComesBackAsItWasWritten) {
  auto options = Fixed();
  options.operator_sampling = 0.25;
  const auto bytes = Written(options, [](CollectorWriter& writer) {
    WriteEach(writer);
    writer.AddNote(CaptureNote::Severity::kWarning, "careful");
    CaptureDevice device;
    device.index = 1;
    device.name = "A100";
    device.uuid = "GPU-1";
    device.memory_bytes = 1ULL << 36;
    device.clock_hz = 1.41e9;
    device.sm_count = 108;
    device.compute_capability = 8.0;
    writer.AddDevice(device);
    writer.AddFact("driver", "535.1");
  });
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.records.text(), kEach);
  EXPECT_EQ(read.info->operator_sampling, 0.25);
  ASSERT_EQ(read.info->notes.size(), 1u);
  EXPECT_EQ(read.info->notes[0].text, "careful");
  ASSERT_EQ(read.info->devices.size(), 1u);
  EXPECT_EQ(read.info->devices[0].name, "A100");
  EXPECT_EQ(read.info->devices[0].memory_bytes, 1ULL << 36);
  EXPECT_FALSE(read.info->devices[0].memory_bandwidth.has_value());
  EXPECT_EQ(read.info->environment.at("driver"), "535.1");
  EXPECT_EQ(read.info->bad_records, 0u);
}

TEST(CollectorFile, ATornTailIsReadUpToTheTearAndSaid) {
  const auto bytes = Written(Fixed(), WriteEach);
  const auto whole = ReadBytes(bytes).records.lines;
  for (std::size_t size = sizeof(CollectorHeader); size < bytes.size(); ++size) {
    const auto read = ReadBytes(std::string_view(bytes).substr(0, size));
    ASSERT_TRUE(read.info.has_value()) << size;
    EXPECT_EQ(read.info->notes.size(), 1u) << size;
    EXPECT_EQ(read.info->notes[0].severity, CaptureNote::Severity::kError);
    ASSERT_LT(read.records.lines.size(), whole.size() + (bytes.size() - size < 8 ? 1 : 0));
    for (std::size_t i = 0; i < read.records.lines.size(); ++i) EXPECT_EQ(read.records.lines[i], whole[i]);
  }
  for (std::size_t size = 0; size < sizeof(CollectorHeader); ++size)
    EXPECT_FALSE(ReadBytes(std::string_view(bytes).substr(0, size)).info.has_value()) << size;
}

TEST(CollectorFile, AFlippedBitIsNeverReadAsARecord) {
  const auto bytes = Written(Fixed(), WriteEach);
  const auto whole = ReadBytes(bytes).records.lines;
  for (std::size_t at = sizeof(CollectorHeader); at < bytes.size(); ++at) {
    auto damaged = bytes;
    damaged[at] ^= 0x10;
    const auto read = ReadBytes(damaged);
    ASSERT_TRUE(read.info.has_value());
    for (std::size_t i = 0; i < read.records.lines.size(); ++i)
      ASSERT_EQ(read.records.lines[i], whole[i]) << at;
    // Padding is not checked; anything else ends the reading there, and is said.
    EXPECT_TRUE(read.records.lines.size() == whole.size() || !read.info->notes.empty()) << at;
  }
}

TEST(CollectorFile, AKilledProcessLosesNothing) {
  TemporaryFolder folder;
  const auto path = folder.path() / "c.alc";
  const pid_t child = ::fork();
  if (child == 0) {
    auto writer = CollectorWriter::Create(path, Fixed());
    if (!writer.has_value()) ::_exit(1);
    for (int i = 0; i < 1000; ++i) (*writer)->Add(Operator(i, i + 1, "aten::add"));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  CaptureLines records;
  const auto info = ReadCollector(path, records);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(records.lines.size(), 1000u);
  ASSERT_EQ(info->notes.size(), 1u);
  EXPECT_NE(info->notes[0].text.find("did not close"), std::string::npos);
}

// Cut off by the child, the parent's next record would lie past the end of the file: a SIGBUS.
TEST(CollectorFile, AForkedChildThatEndsLeavesTheFileToItsParent) {
  TemporaryFolder folder;
  const auto path = folder.path() / "c.alc";
  auto writer = CollectorWriter::Create(path, Fixed()).value();
  writer->Add(Operator(1, 2, "before"));
  const pid_t child = ::fork();
  if (child == 0) {
    writer.reset();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  for (int i = 0; i < 1000; ++i) writer->Add(Operator(i, i + 1, "after"));
  writer->Close();
  CaptureLines records;
  const auto info = ReadCollector(path, records);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_EQ(records.lines.size(), 1001u);
  EXPECT_TRUE(info->notes.empty());
}

TEST(CollectorFile, RecordsPastTheLimitAreCounted) {
  auto options = Fixed();
  options.max_bytes = 64 << 10;
  const auto bytes = Written(options, [](CollectorWriter& writer) {
    for (int i = 0; i < 5000; ++i) writer.Add(Operator(i, i + 1, "aten::add"));
    EXPECT_GT(writer.dropped(), 0u);
  });
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.records.lines.size() + read.info->dropped_records, 5000u);
  EXPECT_LE(bytes.size(), 64u << 10);
  ASSERT_FALSE(read.info->notes.empty());
}

// No file of this process grows past so many bytes, which is what a full disk looks like to one of them.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : signal_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, signal_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*const signal_)(int);
};

TEST(CollectorFile, ADiskWithoutRoomForItsHeadIsAnErrorAndLeavesNothing) {
  TemporaryFolder folder;
  const auto path = folder.path() / "c.alc";
  const FullDisk disk(sizeof(CollectorHeader) - 1);
  const auto writer = CollectorWriter::Create(path, Fixed());
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().code, ErrorCode::kStorageFull);
  EXPECT_FALSE(std::filesystem::exists(path));
}

// 300 KiB: less than the room that is taken at once where there is plenty.
TEST(CollectorFile, AllOfAFullDiskIsUsedAndWhatDidNotFitIsCounted) {
  constexpr std::uint64_t kRoom = 300 << 10;
  std::string bytes;
  {
    const FullDisk disk(kRoom);
    bytes = Written(Fixed(), [](CollectorWriter& writer) {
      for (Ns at = 0; at < 20'000; ++at) writer.Add(Operator(at, at + 1, "aten::mm"));
    });
  }
  EXPECT_GT(bytes.size(), kRoom - (8 << 10));
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value()) << read.info.error().message;
  const auto kept = read.records.lines.size();
  EXPECT_GT(kept, 1000u);
  EXPECT_EQ(kept + read.info->dropped_records, 20'000u);
}

TEST(CollectorFile, RecordsWithoutSenseAreCountedAndLeftOut) {
  const auto bytes = Written(Fixed(), [](CollectorWriter& writer) {
    writer.Add(Operator(5, 4, "backwards"));
    writer.Add(CounterEvent{.at = 1, .name = "c", .value = std::numeric_limits<double>::quiet_NaN()});
    writer.Add(Operator(INT64_MIN, INT64_MAX, "far"));
    writer.Add(Operator(1, 2, "good"));
  });
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.info->bad_records, 3u);
  EXPECT_EQ(read.records.lines.size(), 1u);
}

TEST(CollectorFile, ALaterVersionIsRefusedALaterRecordPassedOver) {
  auto bytes = Written(Fixed(), WriteEach);
  auto later = bytes;
  later[8] = 2;
  EXPECT_EQ(ReadBytes(later).info.error().code, ErrorCode::kUnsupported);
  // A record of kind 99 at the end.
  const std::string body = "\x63new";
  const auto length = static_cast<std::uint32_t>(body.size());
  const auto check = CollectorCheck(body);
  bytes.append(reinterpret_cast<const char*>(&length), 4);
  bytes.append(reinterpret_cast<const char*>(&check), 4);
  bytes += body + std::string(4, '\0');
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.records.text(), kEach);
  ASSERT_EQ(read.info->notes.size(), 1u);
  EXPECT_NE(read.info->notes[0].text.find("passed over"), std::string::npos);
  EXPECT_EQ(ReadBytes("ALTLCOL").info.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadBytes("").info.error().code, ErrorCode::kInvalidArgument);
}

TEST(CollectorFile, ManyThreadsWriteWholeRecords) {
  const auto bytes = Written(Fixed(), [](CollectorWriter& writer) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&writer, t] {
        for (int i = 0; i < 2000; ++i) writer.Add(Operator(i, i + 1, fmt::format("op{}", (i + t) % 50)));
      });
    }
    for (auto& thread : threads) thread.join();
  });
  const auto read = ReadBytes(bytes);
  ASSERT_TRUE(read.info.has_value());
  EXPECT_EQ(read.records.lines.size(), 8000u);
  EXPECT_EQ(read.info->bad_records, 0u);
}

TEST(CollectorFile, AnyRangesComeBack) {
  EXPECT_TRUE(rc::check([] {
    struct One {
      Ns start, length;
      std::string name;
    };
    const auto count = *rc::gen::inRange(0, 40);
    std::vector<One> ranges;
    for (int i = 0; i < count; ++i) {
      ranges.push_back({*rc::gen::inRange<Ns>(-1'000'000'000'000, 1'000'000'000'000),
                        *rc::gen::inRange<Ns>(0, 1'000'000'000'000), *rc::gen::arbitrary<std::string>()});
    }
    std::vector<std::string> expected;
    const auto bytes = Written(Fixed(), [&](CollectorWriter& writer) {
      for (const auto& r : ranges) {
        writer.Add(RangeEvent{
            .start = r.start, .end = r.start + r.length, .name = r.name, .domain = "d", .thread = 1});
        expected.push_back(
            fmt::format("range {}..{} \"{}\" domain \"d\" thread 1", r.start, r.start + r.length, r.name));
      }
    });
    RC_ASSERT(ReadBytes(bytes).records.lines == expected);
  }));
}

TEST(CollectorFile, ItReplacesNothing) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "c.alc") << "mine";
  EXPECT_EQ(CollectorWriter::Create(folder.path() / "c.alc", Fixed()).error().code, ErrorCode::kConflict);
  EXPECT_EQ(ReadFile(folder.path() / "c.alc", 100).value(), "mine");
  EXPECT_FALSE(CollectorWriter::Create(folder.path() / "absent" / "c.alc", Fixed()).has_value());
}

}  // namespace
}  // namespace altlas::profile
