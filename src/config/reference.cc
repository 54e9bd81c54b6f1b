// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/emit.h"
#include "config/format.h"
#include "config/key_spec.h"
#include "config/scalar.h"

namespace altlas::config {
namespace {

constexpr std::string_view kIntroduction =
    R"(# Configuration reference

<!-- Generated from the table in src/config/key_table.cc by `alt_las config reference`; do not edit by hand. -->

alt_las reads one YAML file: the one given with `--config PATH`, else the first `config.yaml` in the working directory, the
installation root and `/etc/alt_las`. Without any file the defaults below hold. Every key may be left out, a section or a list
may stand empty. A key that is unknown or stands twice, and a value of another type or out of range, is an error; all errors of
the file are shown at once, each with its place. What a right file names on this machine (certificates, models, the worker's
program, CPUs, devices) is checked in a second step. A file without any key is refused; `{}` asks for the defaults.

- **Check a file:** `alt_las --validate-config --config PATH`.
- **See the values in force** and where each comes from: `alt_las config show --effective`.
- **Complete and check in an editor:** `alt_las config schema` prints a JSON Schema.
- **Change at run time:** keys marked *yes* in the column "run time" take effect on a reload (SIGHUP, `systemctl reload`) and by
  the HTTP interface; the others at the next start, and a reload says so. A change kept with `persist` is written to
  `runtime.yaml` beside the file (without a file: in the state directory), which is read after it and wins. It names the file it
  belongs to in a comment: another configuration file in the same folder leaves it out with a warning and keeps no changes there.

How values are written:

- **Durations** are seconds (`0.1`, `3600`), or texts with a unit: `500ms`, `30s`, `10m`, `2h`, `7d`. The finest is 1 ms.
- **Sizes** are bytes, or texts with a unit: `64KiB`, `512MiB`, `2GiB` (powers of 1024), `10MB` (powers of 1000).
- **true and false** are written so; `yes`, `no`, `on` and `off` are refused, because YAML readers disagree about them. So are
  numbers with leading zeros, in hexadecimal, with underscores or in quotes, NaN and infinity.
- **Texts** that look like something else (`"8080"`, `"on"`, `"1.10"`) need quotes.
- **Paths** that are relative count from the folder of the file.
- Anchors and aliases work; merge keys (`<<`), tags and further documents are refused.
)";

std::string Cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.replace(at, 1, "\\|");
  return text;
}

std::string TypeText(const KeySpec& key) {
  switch (key.type) {
    case KeyType::kSection:
      return "section";
    case KeyType::kBool:
      return "true or false";
    case KeyType::kInt:
      return "whole number";
    case KeyType::kFloat:
      return "number";
    case KeyType::kText:
      return "text";
    case KeyType::kPath:
      return "path";
    case KeyType::kChoice:
      return fmt::format("`{}`", fmt::join(key.choices, "`, `"));
    case KeyType::kSeconds:
      return "duration";
    case KeyType::kBytes:
      return "size";
    case KeyType::kList:
      return "list of: " + TypeText(key.children.front());
    case KeyType::kMap:
      return "names, each with: " + TypeText(key.children.front());
    case KeyType::kObjects:
      return "list of items, see below";
  }
  return {};
}

std::string UnitAndRange(const KeySpec& key) {
  const bool holds = key.type == KeyType::kList || key.type == KeyType::kMap;
  auto text = RangeText(holds ? key.children.front() : key);
  const bool said = key.type == KeyType::kSeconds || key.type == KeyType::kBytes;
  if (key.type == KeyType::kSeconds) text += " s";
  if (!said && !key.unit.empty()) text += fmt::format(" ({})", key.unit);
  return text;
}

std::string DefaultText(const KeySpec& key, const Value& value) {
  if (key.required) return "must be given";
  if (value.IsNull()) return key.absent;
  if (key.type == KeyType::kBytes) return fmt::format("`{}`", FormatBytes(value.AsInt()));
  return fmt::format("`{}`", YamlText(key, value));
}

void Row(const KeySpec& key, const Value& value, bool with_run_time, std::string& out) {
  out += fmt::format("| `{}` | {} | {} | {} |", key.name, TypeText(key), UnitAndRange(key),
                     Cell(DefaultText(key, value)));
  if (with_run_time) out += key.run_time ? " yes |" : " |";
  out += fmt::format(" {} |\n", Cell(key.sentence));
}

void ItemTable(const KeySpec& objects, std::string& out) {
  out += fmt::format(
      "\n### Items of `{}`\n\n| key | type | range | default | what it does |\n|---|---|---|---|---|\n",
      objects.path);
  const auto defaults = objects.item_defaults().AsMap();
  for (std::size_t i = 0; i < objects.children.size(); ++i)
    Row(objects.children[i], defaults[i].value, false, out);
}

void SectionPage(const KeySpec& section, const void* owner, std::string& out) {
  out += fmt::format("\n## `{}`\n\n{}\n", section.path, section.sentence);
  std::string rows, items, sections;
  for (const auto& child : section.children) {
    if (child.type == KeyType::kSection) {
      SectionPage(child, child.member(const_cast<void*>(owner)), sections);
      continue;
    }
    Row(child, child.load(owner), true, rows);
    if (child.type == KeyType::kObjects) ItemTable(child, items);
  }
  if (!rows.empty())
    out += "\n| key | type | range | default | run time | what it does |\n|---|---|---|---|---|---|\n" + rows;
  out += items + sections;
}

}  // namespace

std::string FormatReference() {
  Config defaults;
  std::string out(kIntroduction);
  for (const auto& child : KeyTable().children) {
    if (child.type == KeyType::kSection) {
      SectionPage(child, child.member(&defaults), out);
    } else {
      out += fmt::format("\n## `{}`\n\n{}\n", child.path, child.sentence);
      ItemTable(child, out);
    }
  }
  return out;
}

}  // namespace altlas::config
