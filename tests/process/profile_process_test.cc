// SPDX-License-Identifier: Apache-2.0
// `alt_las profile run` as people use it: real commands, stand-ins for Nsight's tools that write down how
// they were called, and the server with its worker.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "profile/collector_file.h"
#include "profile/kineto_reader.h"
#include "profile/phases.h"
#include "server_process.h"

namespace altlas::testing_process {
namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

std::string Read(const std::filesystem::path& path) { return ReadFile(path, 16 << 20).value_or(""); }

// One folder for runs, and what a run left.
class ProfileRun : public testing::Test {
 protected:
  std::vector<std::string> Line(const std::vector<std::string>& more) const {
    std::vector<std::string> line = {ALTLAS_PROGRAM, "profile", "run", "--output", runs().string()};
    line.insert(line.end(), more.begin(), more.end());
    return line;
  }
  Finished Profile(const std::vector<std::string>& more, Environment environment = {}) const {
    if (std::none_of(environment.begin(), environment.end(), [](const auto& e) { return e.first == "PATH"; }))
      environment.emplace_back("PATH", "/usr/local/bin:/usr/bin:/bin");
    return RunToEnd(Line(more), environment);
  }
  // The only run's folder.
  std::filesystem::path Folder() const {
    std::filesystem::path found;
    for (const auto& entry : std::filesystem::directory_iterator(runs())) found = entry.path();
    return found;
  }
  Json Manifest() const { return Json::parse(Read(Folder() / "manifest.json"), nullptr, false); }
  std::filesystem::path runs() const { return folder_.path() / "runs"; }
  // A program of that name in `bin`, which comes first on the PATH of BinPath().
  void Script(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(folder_.path() / "bin");
    std::ofstream(folder_.path() / "bin" / name) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(folder_.path() / "bin" / name, std::filesystem::perms::owner_all);
  }
  Environment BinPath() const { return {{"PATH", (folder_.path() / "bin").string() + ":/usr/bin:/bin"}}; }

  TemporaryFolder folder_;
};

// What the counters' file says, by name: the last value.
class Counters final : public profile::CaptureSink {
 public:
  void OnCounter(const profile::CounterEvent& event) override {
    last[std::string(event.name)] = event.value;
    most[std::string(event.name)] = std::max(most[std::string(event.name)], event.value);
    ++count;
  }
  void OnRange(const profile::RangeEvent& event) override {
    ranges[std::string(event.name)] += event.end - event.start;
  }
  void OnOperator(const profile::OperatorEvent& event) override { ++operators[std::string(event.name)]; }
  std::map<std::string, double> last, most;
  std::map<std::string, profile::Ns> ranges;
  std::map<std::string, int> operators;
  int count = 0;
};

TEST_F(ProfileRun, AnyCommandGetsProcessCounters) {
  const auto run = Profile({"--tool", "builtin", "--", "/bin/sh", "-c",
                            "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo spoken; exit 7"},
                           {{"MY_API_KEY", "sk-very-secret-1234567890"}});
  EXPECT_EQ(run.code, 7) << run.output;
  EXPECT_NE(run.output.find("spoken\n"), std::string::npos);
  EXPECT_NE(run.output.find("process counters only"), std::string::npos) << run.output;
  Counters counters;
  const auto info = profile::ReadCollector(Folder() / "counters.alc", counters);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  EXPECT_TRUE(info->notes.empty());
  EXPECT_TRUE(info->present.counters);
  EXPECT_FALSE(info->present.operators);
  EXPECT_GT(counters.last["cpu_seconds"], 0);
  EXPECT_GE(counters.count, 16);
  EXPECT_GT(counters.ranges["command"], 0);
  const auto manifest = Manifest();
  EXPECT_EQ(manifest["status"], "finished");
  EXPECT_EQ(manifest["exit_code"], 7);
  EXPECT_EQ(manifest["tool"], "builtin");
  EXPECT_GE(manifest["ended_unix_ms"].get<std::int64_t>(), manifest["started_unix_ms"].get<std::int64_t>());
  EXPECT_GT(manifest["machine"]["processors"].get<int>(), 0);
  EXPECT_EQ(Read(Folder() / "manifest.json").find("very-secret"), std::string::npos);
  EXPECT_TRUE(manifest["environment"].contains("MY_API_KEY"));
}

TEST_F(ProfileRun, WithoutToolsItSaysWhatToInstallAndGoesOn) {
  const auto run = Profile({"--tool", "both", "--", "/bin/true"});
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_NE(run.output.find("Nsight Systems (nsys) is not installed here"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("built-in collectors"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("developer"), std::string::npos) << run.output;
  EXPECT_EQ(Manifest()["tool"], "builtin");
}

TEST_F(ProfileRun, NsightSystemsIsDrivenWithWhatItsVersionTakes) {
  Script(
      "nsys",
      R"(if [ "$1" = --version ]; then echo "NVIDIA Nsight Systems version 2025.3.1.90-253135822126v0"; exit; fi
for word in "$@"; do printf '%s\n' "$word"; done > "$OUT"
for word in "$@"; do case $word in --output=*) : > "${word#--output=}.nsys-rep";; esac; done
exit 4)");
  auto environment = BinPath();
  environment.emplace_back("OUT", (folder_.path() / "argv").string());
  const auto run = Profile({"--duration", "5", "--trace", "cuda,nvtx", "--flag", "--gpu-metrics-devices=all",
                            "--", "/bin/echo", "--trace", "a b"},
                           environment);
  EXPECT_EQ(run.code, 4) << run.output;
  EXPECT_EQ(Read(folder_.path() / "argv"),
            "profile\n--output=" + (Folder() / "system_profile").string() +
                "\n--force-overwrite=true\n--trace=cuda,nvtx\n--sample=none\n--cpuctxsw=none\n"
                "--duration=5\n--kill=none\n--gpu-metrics-devices=all\n/bin/echo\n--trace\na b\n");
  const auto manifest = Manifest();
  EXPECT_EQ(manifest["versions"]["nsys"], "2025.3.1");
  EXPECT_EQ(manifest["tool"], "nsys");
  EXPECT_EQ(manifest["files"][0]["name"], "system_profile.nsys-rep");
}

TEST_F(ProfileRun, NsightComputeLeavesItsPagesAsCsv) {
  Script(
      "ncu",
      R"(if [ "$1" = --version ]; then printf 'NVIDIA (R) Nsight Compute\nCopyright (c) 2018-2025\nVersion 2025.2.0.0 (build 1)\n'; exit; fi
if [ "$1" = --import ]; then echo "\"ID\",\"$5\""; exit; fi
echo "$@" >> "$OUT"
for word in "$@"; do case $word in --export=*) : > "${word#--export=}.ncu-rep";; esac; done)");
  auto environment = BinPath();
  environment.emplace_back("OUT", (folder_.path() / "argv").string());
  const auto run = Profile(
      {"--tool", "ncu", "--kernel", ".*gemm.*", "--launch-count", "3", "--", "/bin/echo", "x"}, environment);
  EXPECT_EQ(run.code, 0) << run.output;
  const auto argv = Read(folder_.path() / "argv");
  EXPECT_NE(argv.find("--kernel-name=regex:.*gemm.* --launch-count=3 --set=detailed /bin/echo x"),
            std::string::npos)
      << argv;
  EXPECT_EQ(Read(Folder() / "kernel_details.csv"), "\"ID\",\"details\"\n");
  EXPECT_EQ(Read(Folder() / "kernel_raw.csv"), "\"ID\",\"raw\"\n");
}

TEST_F(ProfileRun, WrongUsageMakesNoFolder) {
  EXPECT_EQ(Profile({"--tool", "nsys"}).code, 2);
  EXPECT_EQ(Profile({"--trace", "everything", "--", "/bin/true"}).code, 2);
  EXPECT_EQ(Profile({"--kernel", "a", "--", "/bin/true"}).code, 2);
  EXPECT_EQ(Profile({"--duration", "0", "--", "/bin/true"}).code, 2);
  EXPECT_EQ(Profile({"--duration", "nan", "--", "/bin/true"}).code, 2);
  EXPECT_EQ(Profile({"--sampling", "nan", "--", "/bin/true"}).code, 2);
  EXPECT_EQ(Profile({"--", "/no/such/program"}).code, 127);
  EXPECT_EQ(Profile({"--", "/etc/passwd"}).code, 126);
  EXPECT_FALSE(std::filesystem::exists(runs()));
}

TEST_F(ProfileRun, ASignalGoesOnToTheCommandAndTheCaptureIsFinished) {
  const auto started = folder_.path() / "started";
  Child child(Line({"--tool", "builtin", "--", "/bin/sh", "-c",
                    "trap 'exit 9' TERM; : > '" + started.string() + "'; while :; do sleep 0.01; done"}),
              folder_.path() / "output");
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(started); }));
  child.Signal(SIGTERM);
  EXPECT_EQ(child.Wait(), 9);
  EXPECT_EQ(Manifest()["exit_code"], 9);
}

TEST_F(ProfileRun, ASignalsDeathIsTheShellsCode) {
  const auto run = Profile({"--tool", "builtin", "--", "/bin/sh", "-c", "kill -SEGV $$"});
  EXPECT_EQ(run.code, 128 + SIGSEGV) << run.output;
  EXPECT_EQ(Manifest()["signal"], SIGSEGV);
}

TEST_F(ProfileRun, KillingTheProfilerLeavesAReadableCapture) {
  const auto started = folder_.path() / "started";
  Child child(
      Line({"--tool", "builtin", "--", "/bin/sh", "-c", ": > '" + started.string() + "'; exec sleep 600"}),
      folder_.path() / "output");
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(started); }));
  const auto count = [&] {
    Counters counters;
    const auto info = profile::ReadCollector(Folder() / "counters.alc", counters);
    return info.has_value() ? counters.count : 0;
  };
  ASSERT_TRUE(Eventually([&] { return count() >= 16; }));
  const auto sleeper =
      Read("/proc/" + std::to_string(child.pid()) + "/task/" + std::to_string(child.pid()) + "/children");
  child.Signal(SIGKILL);
  EXPECT_EQ(child.Wait(), -SIGKILL);
  if (const int pid = std::atoi(sleeper.c_str()); pid > 1) ::kill(pid, SIGKILL);
  EXPECT_GE(count(), 16);
  EXPECT_EQ(Manifest()["status"], "running");
}

TEST_F(ProfileRun, TheDurationEndsTheRecordingOrTheCommandToo) {
  const auto run = Profile({"--tool", "builtin", "--duration", "0.05", "--end", "--", "/bin/sleep", "600"});
  EXPECT_EQ(run.code, 128 + SIGTERM) << run.output;
  const auto on = folder_.path() / "on";
  Child child(Line({"--tool", "builtin", "--duration", "0.05", "--", "/bin/sh", "-c",
                    "while [ ! -e '" + on.string() + "' ]; do sleep 0.01; done; exit 6"}),
              folder_.path() / "output");
  ASSERT_TRUE(
      Eventually([&] { return Read(folder_.path() / "output").find("goes on") != std::string::npos; }));
  std::ofstream(on) << "";
  EXPECT_EQ(child.Wait(), 6);
}

// A torch that is none: its profiler writes a file. What is tested is the way there: the hook at the import,
// the sitecustomize that was there before, the end by exit, by an exception and by SIGTERM.
class PythonRun : public ProfileRun {
 protected:
  void SetUp() override {
    const auto site = folder_.path() / "site";
    std::filesystem::create_directories(site / "torch");
    std::ofstream(site / "sitecustomize.py") << "import sys\nsys.was_customized = True\n";
    std::ofstream(site / "torch" / "__init__.py") << R"(
class cuda:
    @staticmethod
    def is_available(): return False
class _Profile:
    def __init__(self, **options): self.options = options
    def start(self): self.on = True
    def stop(self): self.on = False
    def export_chrome_trace(self, path):
        with open(path, "w") as file:
            file.write('{"traceEvents":[{"ph":"X","cat":"cpu_op","name":"aten::mm","ts":1,"dur":2}]}')
class profiler:
    class ProfilerActivity:
        CPU, CUDA = "cpu", "cuda"
    profile = _Profile
)";
  }
  Finished Python(const std::string& script, Environment environment = {}) const {
    environment.emplace_back("PYTHONPATH", (folder_.path() / "site").string());
    return Profile({"--tool", "torch", "--", "python3", "-c", script}, environment);
  }
  // Operators in the one trace; -1: there is none.
  int Operators() const {
    for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
      if (!entry.path().filename().string().starts_with("torch-")) continue;
      Counters counters;
      EXPECT_TRUE(profile::ReadKineto(entry.path(), counters).has_value());
      return counters.operators["aten::mm"];
    }
    return -1;
  }
};

TEST_F(PythonRun, AProgramThatImportsTorchIsRecorded) {
  const auto run = Python("import sys, torch; print(sys.was_customized); sys.exit(5)");
  EXPECT_EQ(run.code, 5) << run.output;
  EXPECT_NE(run.output.find("True\n"), std::string::npos) << run.output;
  EXPECT_EQ(Operators(), 1) << run.output;
}

TEST_F(PythonRun, SoIsOneThatEndsByAnException) {
  const auto run = Python("import torch; raise ValueError('mine')");
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.output.find("ValueError: mine"), std::string::npos) << run.output;
  EXPECT_EQ(Operators(), 1) << run.output;
}

TEST_F(PythonRun, SoIsOneThatIsAskedToEnd) {
  const auto run =
      Python("import torch, os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)");
  EXPECT_EQ(run.code, 128 + SIGTERM) << run.output;
  EXPECT_EQ(Operators(), 1) << run.output;
}

TEST_F(PythonRun, ASignalInTheMiddleOfTheWritingWaitsForItsEnd) {
  const auto run = Python(
      "import torch, os, signal\n"
      "def stop(self): os.kill(os.getpid(), signal.SIGTERM)\n"
      "torch.profiler.profile.stop = stop");
  EXPECT_EQ(run.code, 128 + SIGTERM) << run.output;
  EXPECT_EQ(Operators(), 1) << run.output;
}

// Python that uses CUDA without torch is recorded by the library that CUDA loads.
TEST_F(PythonRun, TheLibraryForCudaIsGivenUpOnlyForTorch) {
  const auto run = Python(
      "import os\nprint('before', 'CUDA_INJECTION64_PATH' in os.environ)\n"
      "import torch\nprint('after', 'CUDA_INJECTION64_PATH' in os.environ)",
      {{"CUDA_INJECTION64_PATH", "/nowhere/libaltlas_cupti.so"}});
  EXPECT_NE(run.output.find("before True\n"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("after False\n"), std::string::npos) << run.output;
}

TEST_F(PythonRun, AHandlerOfTheProgramsStays) {
  const auto run = Python(
      "import os, signal, sys\nsignal.signal(signal.SIGTERM, lambda n, f: sys.exit(3))\nimport torch\n"
      "os.kill(os.getpid(), signal.SIGTERM)\nimport time\ntime.sleep(600)");
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_EQ(Operators(), 1) << run.output;
}

TEST_F(PythonRun, WithoutTorchNothingHappens) {
  const auto run = Python("import sys; print('torch' in sys.modules, sys.was_customized)");
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_NE(run.output.find("False True\n"), std::string::npos) << run.output;
  EXPECT_EQ(Operators(), -1);
}

TEST_F(PythonRun, ABrokenProfilerDoesNotBreakTheProgram) {
  const auto run = Python("import torch; torch.profiler.profile.stop = None; print('done')");
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_NE(run.output.find("done\n"), std::string::npos);
  EXPECT_NE(run.output.find("could not be written"), std::string::npos) << run.output;
}

TEST_F(ProfileRun, ARealTorchIsRecorded) {
  const char* python = std::getenv("ALTLAS_TORCH_PYTHON");
  if (python == nullptr) GTEST_SKIP() << "set ALTLAS_TORCH_PYTHON to a Python that can import torch";
  const auto run = Profile({"--tool", "torch", "--shapes", "--", python, "-c",
                            "import torch; a = torch.ones(4, 8)\nfor i in range(10): torch.mm(a, a.t())"});
  ASSERT_EQ(run.code, 0) << run.output;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (!entry.path().filename().string().starts_with("torch-")) continue;
    Counters counters;
    const auto info = profile::ReadKineto(entry.path(), counters);
    ASSERT_TRUE(info.has_value()) << info.error().message;
    EXPECT_EQ(counters.operators["aten::mm"], 10);
    EXPECT_EQ(info->bad_records, 0u);
    return;
  }
  FAIL() << "no trace was written\n" << run.output;
}

#ifdef ALTLAS_WORKER
// The server, run through the profiler, hands its wishes on to its worker.
TEST_F(ProfileRun, TheServersWorkerRecordsOperatorsAndPhases) {
  ServerProcess server("workers:\n  program: " ALTLAS_WORKER "\n");
  server.RunThrough("exec '" ALTLAS_PROGRAM "' profile run --tool builtin --output '" + runs().string() +
                    "' -- \"$0\" \"$@\"");
  server.Start();
  const auto answer =
      server.Call("POST", "/api/v1/predict?wait=110", R"({"text":"Once upon a time","max_length":20})");
  ASSERT_EQ(answer.json["status"], "completed") << answer.reply.body;
  const auto worker = server.WorkerPid();
  Counters counters;
  // Written while the worker lives on: nothing has to end for it to be read.
  const auto info = profile::ReadCollector(Folder() / fmt::format("worker-{}.alc", worker), counters);
  ASSERT_TRUE(info.has_value()) << info.error().message;
  const auto generated = answer.json["result"]["generated_tokens"].get<int>();
  EXPECT_GT(counters.operators["altlas::attend"], generated - 1);
  EXPECT_GT(counters.operators["altlas::project"], counters.operators["altlas::attend"]);
  for (const auto phase : profile::kServingPhases)
    EXPECT_EQ(counters.ranges.count(std::string(phase)), 1u) << phase;
  EXPECT_EQ(server.Terminate(), 0);
  EXPECT_EQ(Manifest()["exit_code"], 0);
}
#endif

}  // namespace
}  // namespace altlas::testing_process
