// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>
#include <filesystem>

#include "base/json_writer.h"
#include "output.h"
#include "profile/redact_file.h"
#include "profile_commands.h"
#include "profile_inputs.h"

namespace altlas::app {
namespace {

struct RedactOptions {
  std::string in;
  std::string out;
  bool json = false;
};

volatile std::sig_atomic_t stopping_signal = 0;
void NoteStop(int signal) { stopping_signal = signal; }

// While it lives the signals that end a program only ask for it, so that no half copy stays. Main thread
// only.
class StopOnSignal {
 public:
  StopOnSignal() {
    struct sigaction note {};
    note.sa_handler = &NoteStop;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaction(kSignals[i], nullptr, &before_[i]);
      // What is ignored (nohup) stays so.
      if (before_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &note, nullptr);
    }
  }
  ~StopOnSignal() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

Result<profile::RedactReport> Redact(const RedactOptions& options) {
  if (options.out.empty() || options.out == "-")
    return Fail(ErrorCode::kInvalidArgument,
                "--output {}: name a file; the copy is read again before it is given its name",
                options.out.empty() ? "is empty" : options.out);
  const StopOnSignal stop;
  ProgressBar bar("redacting " + std::filesystem::path(options.in).filename().string());
  const auto draw = bar.AsProgress();
  return profile::RedactFile(options.in, options.out, [&](std::uint64_t done, std::uint64_t all) {
    return draw(done, all) && stopping_signal == 0;
  });
}

void SayRedacted(const RedactOptions& options, const profile::RedactReport& report) {
  if (options.json) {
    JsonWriter w;
    w.BeginObject().Key("file").String(options.out).Key("format").String(report.format);
    w.Key("texts_changed")
        .Unsigned(report.texts_changed)
        .Key("outputs_dropped")
        .Unsigned(report.outputs_dropped);
    w.Key("private_words").Unsigned(report.private_words).Key("rows_left_out").Unsigned(report.rows_left_out);
    w.Key("notes").BeginArray();
    for (const auto& note : report.notes) w.String(note);
    Say("{}\n", w.EndArray().EndObject().Take());
    return;
  }
  Say("{}: a copy of {} ({}) without its secrets\n", options.out, options.in, report.format);
  Say("  texts changed             {}\n", report.texts_changed);
  Say("  program output dropped    {}\n", report.outputs_dropped);
  Say("  secrets and names learnt  {}, taken out wherever they stood\n", report.private_words);
  if (report.rows_left_out > 0)
    Say("  rows left out             {} (larger than 32 MiB, or no valid records)\n", report.rows_left_out);
  for (const auto& note : report.notes) Note("Note: {}\n", note);
  Say("The copy was searched for the secrets that were taken out. Look at it before you share it all the "
      "same: no\n"
      "program knows which of your words are private.\n");
}

}  // namespace

void AddProfileRedact(CLI::App& profile, Command& run) {
  auto* command = profile.add_subcommand("redact", "Copy a capture without its secrets, to share it");
  auto options = std::make_shared<RedactOptions>();
  command
      ->add_option(
          "FILE", options->in,
          "The capture: nsys SQLite export, PyTorch trace, ncu CSV, the built-in collector's, or text")
      ->required();
  command->add_option("-o,--output", options->out, "The copy; it must not exist yet")
      ->required()
      ->type_name("FILE");
  command->add_flag("--json", options->json, "What was done, as JSON");
  command->footer(
      "Captures hold more than times: every environment variable of the program, its output, user and host "
      "names.\n"
      "Taken out are variables by name (TOKEN, SECRET, KEY, ...) and by shape (keys of cloud services, JWTs, "
      "passwords\n"
      "in URLs, private keys, random strings), users, hosts, and what the program printed. Figures and the "
      "names of\n"
      "kernels stay.\n"
      "Examples:\n"
      "  alt_las profile redact capture.sqlite -o shareable.sqlite\n"
      "  alt_las profile redact trace.json.gz -o shareable.json.gz\n" +
      std::string(kExitCodes));
  command->callback([&run, options] {
    run = [options] {
      const auto report = Redact(*options);
      // By the signal itself: a shell's loop ends with it.
      if (!report.has_value() && stopping_signal != 0) std::raise(stopping_signal);
      if (!report.has_value()) return Complain(report.error());
      SayRedacted(*options, *report);
      return 0;
    };
  });
}

}  // namespace altlas::app
