// SPDX-License-Identifier: Apache-2.0
#include "profile/run_manifest.h"

#include "base/json_writer.h"
#include "profile/redact.h"

namespace altlas::profile {
namespace {

// A password that follows its flag ("--token", "abc") is told by the line as a whole, not by its words.
void WriteWords(JsonWriter& json, const std::vector<std::string>& words) {
  json.BeginArray();
  bool secret_follows = false;
  for (const auto& word : words) {
    json.String(secret_follows ? std::string(kRedacted) : RedactText(word));
    const bool is_flag = word.starts_with('-') && word.find('=') == std::string::npos;
    secret_follows = is_flag && IsSecretName(word.substr(std::min(word.find_first_not_of('-'), word.size())));
  }
  json.EndArray();
}

void WriteIfSaid(JsonWriter& json, std::string_view key, const std::string& text) {
  if (!text.empty()) json.Key(key).String(RedactText(text));
}

void WriteIfSaid(JsonWriter& json, std::string_view key, const std::optional<double>& value) {
  if (value) json.Key(key).Double(*value);
}

void WriteDevice(JsonWriter& json, const RunManifest::Device& device) {
  json.BeginObject()
      .Key("id")
      .String(device.id)
      .Key("name")
      .String(device.name)
      .Key("kind")
      .String(device.kind);
  WriteIfSaid(json, "uuid", device.uuid);
  if (device.memory_bytes) json.Key("memory_bytes").Unsigned(*device.memory_bytes);
  WriteIfSaid(json, "compute_capability", device.compute_capability);
  WriteIfSaid(json, "clock_sm_mhz", device.clock_sm_mhz);
  WriteIfSaid(json, "clock_memory_mhz", device.clock_memory_mhz);
  WriteIfSaid(json, "power_limit_w", device.power_limit_w);
  WriteIfSaid(json, "temperature_c", device.temperature_c);
  json.Key("throttle_reasons").BeginArray();
  for (const auto& reason : device.throttle_reasons) json.String(reason);
  json.EndArray().EndObject();
}

void WriteMachine(JsonWriter& json, const RunManifest& manifest) {
  json.Key("machine").BeginObject();
  WriteIfSaid(json, "os", manifest.os);
  WriteIfSaid(json, "kernel", manifest.kernel);
  WriteIfSaid(json, "processor", manifest.processor);
  json.Key("processors").Unsigned(manifest.processors).Key("memory_bytes").Unsigned(manifest.memory_bytes);
  WriteIfSaid(json, "driver", manifest.driver);
  WriteIfSaid(json, "cuda", manifest.cuda);
  json.EndObject().Key("devices").BeginArray();
  for (const auto& device : manifest.devices) WriteDevice(json, device);
  json.EndArray();
}

void WriteRun(JsonWriter& json, const RunManifest& manifest) {
  json.Key("command");
  WriteWords(json, manifest.command);
  WriteIfSaid(json, "directory", manifest.directory);
  json.Key("tool").String(manifest.tool).Key("versions").BeginObject();
  for (const auto& [name, version] : manifest.versions) json.Key(name).String(version);
  json.EndObject().Key("tool_commands").BeginArray();
  for (const auto& line : manifest.tool_commands) WriteWords(json, line);
  json.EndArray();
  json.Key("started_unix_ms").Int(manifest.started_unix_ms);
  if (manifest.ended_unix_ms) json.Key("ended_unix_ms").Int(*manifest.ended_unix_ms);
  if (manifest.exit_code) json.Key("exit_code").Int(*manifest.exit_code);
  if (manifest.signal) json.Key("signal").Int(*manifest.signal);
  if (manifest.git_commit.empty()) return;
  json.Key("git").BeginObject().Key("commit").String(manifest.git_commit);
  json.Key("branch").String(manifest.git_branch);
  if (manifest.git_dirty) json.Key("dirty").Bool(*manifest.git_dirty);
  json.EndObject();
}

}  // namespace

std::string RenderRunManifest(const RunManifest& manifest) {
  JsonWriter json;
  json.BeginObject().Key("format").String("alt_las.profile_run").Key("version").Int(1);
  json.Key("status").String(manifest.status);
  WriteRun(json, manifest);
  WriteMachine(json, manifest);
  json.Key("environment").BeginObject();
  for (const auto& [name, value] : RedactEnvironment(manifest.environment)) json.Key(name).String(value);
  json.EndObject().Key("notes").BeginArray();
  for (const auto& note : manifest.notes) json.String(RedactText(note));
  json.EndArray().Key("files").BeginArray();
  for (const auto& file : manifest.files) {
    json.BeginObject().Key("name").String(file.name).Key("what").String(file.what);
    json.Key("bytes").Unsigned(file.bytes).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace altlas::profile
