// SPDX-License-Identifier: Apache-2.0
#include "profile/run_manifest.h"

#include "base/json_writer.h"
#include "profile/private_words.h"
#include "profile/redact.h"
#include "profile/secret_pairs.h"

namespace altlas::profile {
namespace {

void Learn(PrivateWords& known, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto name = i == 0 ? std::string_view() : FlagName(words[i - 1], words[i]);
    if (name.empty()) {
      known.LearnText(words[i]);
      continue;
    }
    known.LearnValue(name, words[i]);
    const auto colon = words[i].find(':');
    if (words[i - 1] == "-u") known.LearnValue(name, std::string_view(words[i]).substr(colon + 1));
  }
}

std::vector<std::string> RedactLine(const PrivateWords& known, const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto name = i == 0 ? std::string_view() : FlagName(words[i - 1], words[i]);
    out.push_back(name.empty() ? known.Redact(words[i]) : std::string(kRedacted));
  }
  return out;
}

// A manifest's text on its way out, with all that the run is known to hold.
class ManifestWriter {
 public:
  explicit ManifestWriter(const RunManifest& manifest) {
    for (const auto& [name, value] : manifest.environment) known_.LearnValue(name, value);
    Learn(known_, manifest.command);
    for (const auto& line : manifest.tool_commands) Learn(known_, line);
    for (const auto& note : manifest.notes) known_.LearnText(note);
  }
  std::string Text(std::string_view text) const { return known_.Redact(text); }
  void Words(JsonWriter& json, const std::vector<std::string>& words) const {
    json.BeginArray();
    for (const auto& word : RedactLine(known_, words)) json.String(word);
    json.EndArray();
  }
  void IfSaid(JsonWriter& json, std::string_view key, const std::string& text) const {
    if (!text.empty()) json.Key(key).String(Text(text));
  }

 private:
  PrivateWords known_;
};

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

void WriteRun(JsonWriter& json, const RunManifest& manifest, const ManifestWriter& redacted) {
  json.Key("command");
  redacted.Words(json, manifest.command);
  redacted.IfSaid(json, "directory", manifest.directory);
  json.Key("tool").String(manifest.tool).Key("versions").BeginObject();
  for (const auto& [name, version] : manifest.versions) json.Key(name).String(version);
  json.EndObject().Key("tool_commands").BeginArray();
  for (const auto& line : manifest.tool_commands) redacted.Words(json, line);
  json.EndArray();
  json.Key("started_unix_ms").Int(manifest.started_unix_ms);
  if (manifest.ended_unix_ms) json.Key("ended_unix_ms").Int(*manifest.ended_unix_ms);
  if (manifest.exit_code) json.Key("exit_code").Int(*manifest.exit_code);
  if (manifest.signal) json.Key("signal").Int(*manifest.signal);
  if (manifest.git_commit.empty()) return;
  json.Key("git").BeginObject().Key("commit").String(manifest.git_commit);
  json.Key("branch").String(redacted.Text(manifest.git_branch));
  if (manifest.git_dirty) json.Key("dirty").Bool(*manifest.git_dirty);
  json.EndObject();
}

}  // namespace

std::vector<std::string> RedactCommandLine(const std::vector<std::string>& words,
                                           const std::map<std::string, std::string>& environment) {
  PrivateWords known;
  for (const auto& [name, value] : environment) known.LearnValue(name, value);
  Learn(known, words);
  return RedactLine(known, words);
}

std::string RenderRunManifest(const RunManifest& manifest) {
  const ManifestWriter redacted(manifest);
  JsonWriter json;
  json.BeginObject().Key("format").String("alt_las.profile_run").Key("version").Int(1);
  json.Key("status").String(manifest.status);
  WriteRun(json, manifest, redacted);
  WriteMachine(json, manifest);
  json.Key("environment").BeginObject();
  for (const auto& [name, value] : RedactEnvironment(manifest.environment))
    json.Key(name).String(redacted.Text(value));
  json.EndObject().Key("notes").BeginArray();
  for (const auto& note : manifest.notes) json.String(redacted.Text(note));
  json.EndArray().Key("files").BeginArray();
  for (const auto& file : manifest.files) {
    json.BeginObject().Key("name").String(redacted.Text(file.name)).Key("what").String(file.what);
    json.Key("bytes").Unsigned(file.bytes).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace altlas::profile
