// SPDX-License-Identifier: Apache-2.0
#include "profile_facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "device/nvml_probe.h"
#include "device/proc_files.h"
#include "profile_child.h"

extern char** environ;

namespace altlas::app {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string Ask(const std::vector<std::string>& command) {
  return FirstLine(OutputOf(command, kPatience).value_or(""));
}

// KEY=value or KEY="value" of /etc/os-release.
std::string ReleaseField(const std::string& text, const std::string& key) {
  const auto line = ("\n" + text).find("\n" + key + "=");
  if (line == std::string::npos) return {};
  auto value = FirstLine(text.substr(line + key.size() + 1));
  std::erase(value, '"');
  return value;
}

// The first "12.4" or "535.104.05" at or after `from`.
std::string VersionIn(const std::string& text, std::size_t from) {
  constexpr std::string_view kDigits = "0123456789";
  for (auto at = text.find_first_of(kDigits, from); at != std::string::npos;
       at = text.find_first_of(kDigits, text.find_first_not_of("0123456789.", at))) {
    auto version = text.substr(at, text.find_first_not_of("0123456789.", at) - at);
    while (!version.empty() && version.back() == '.') version.pop_back();
    if (version.find('.') != std::string::npos) return version;
  }
  return {};
}

std::string DriverVersion() {
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 ..."
  return VersionIn(ReadFile("/proc/driver/nvidia/version", 4096).value_or(""), 0);
}

std::string CudaVersion() {
  // "Cuda compilation tools, release 12.4, V12.4.131"
  if (!FindProgram("nvcc")) return {};
  const auto text = OutputOf({"nvcc", "--version"}, kPatience).value_or("");
  const auto release = text.find("release ");
  return release == std::string::npos ? std::string() : VersionIn(text, release);
}

profile::RunManifest::Device DescribeDevice(const device::DeviceSnapshot& snapshot) {
  profile::RunManifest::Device device;
  device.id = snapshot.id;
  device.name = snapshot.name;
  device.uuid = snapshot.uuid;
  device.kind = device::DeviceKindName(snapshot.kind);
  if (snapshot.memory_total != 0) device.memory_bytes = snapshot.memory_total;
  device.clock_sm_mhz = snapshot.clock_sm;
  device.clock_memory_mhz = snapshot.clock_memory;
  device.power_limit_w = snapshot.power_limit;
  device.temperature_c = snapshot.temperature;
  device.compute_capability = snapshot.compute_capability;
  device.throttle_reasons = snapshot.throttle_reasons;
  return device;
}

void GatherDevices(profile::RunManifest& manifest, profile::MachineFacts& machine) {
  auto probe = device::NvmlProbe::Create();
  if (!probe.has_value()) return;
  const auto snapshots = (*probe)->Probe({});
  if (!snapshots.has_value()) return;
  for (const auto& snapshot : *snapshots) {
    manifest.devices.push_back(DescribeDevice(snapshot));
    if (snapshot.compute_capability) machine.compute_capabilities.push_back(*snapshot.compute_capability);
  }
}

void GatherGit(profile::RunManifest& manifest) {
  if (!FindProgram("git")) return;
  manifest.git_commit = Ask({"git", "rev-parse", "HEAD"});
  if (manifest.git_commit.empty()) return;
  manifest.git_branch = Ask({"git", "rev-parse", "--abbrev-ref", "HEAD"});
  const auto changes = OutputOf({"git", "status", "--porcelain", "--untracked-files=no"}, kPatience);
  if (changes.has_value()) manifest.git_dirty = !changes->empty();
}

}  // namespace

void GatherFacts(profile::RunManifest& manifest, profile::MachineFacts& machine) {
  const auto release = ReadFile("/etc/os-release", 64 << 10).value_or("");
  machine.os_id = ReleaseField(release, "ID");
  machine.os_version = ReleaseField(release, "VERSION_ID");
  machine.driver = DriverVersion();
  machine.cuda = CudaVersion();
  manifest.os = ReleaseField(release, "PRETTY_NAME");
  manifest.driver = machine.driver;
  manifest.cuda = machine.cuda;
  utsname names{};
  if (::uname(&names) == 0)
    manifest.kernel = std::string(names.sysname) + " " + names.release + " " + names.machine;
  manifest.processor = device::ReadCpuModel("/");
  manifest.processors = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  if (const auto memory = device::ReadMemory("/")) manifest.memory_bytes = memory->total;
  std::error_code ignored;
  manifest.directory = std::filesystem::current_path(ignored).string();
  GatherDevices(manifest, machine);
  GatherGit(manifest);
}

profile::InstalledTools FindTools() {
  profile::InstalledTools tools;
  const auto version = [](const std::string& program) -> std::optional<profile::ToolVersion> {
    if (!FindProgram(program)) return std::nullopt;
    return profile::ParseToolVersion(OutputOf({program, "--version"}, std::chrono::seconds(30)).value_or(""));
  };
  tools.nsys = version(tools.nsys_program);
  tools.ncu = version(tools.ncu_program);
  return tools;
}

std::map<std::string, std::string> OwnEnvironment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace altlas::app
