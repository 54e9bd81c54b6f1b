// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "../cli_checks.h"
#include "bench.h"
#include "commands.h"

int main(int argc, char** argv) {
  using namespace altlas::worker_app;
  using altlas::app::NotEmpty;
  using altlas::app::Number;
  CLI::App app{
      "One process that owns one device and runs models on it. A manager (alt_las serve) starts it and talks "
      "to it over\n"
      "a Unix socket; people use it to run a model without a manager.",
      "alt_las_worker"};
  app.set_version_flag("--version", std::string("alt_las_worker ") + ALTLAS_VERSION);
  app.footer(
      "Examples:\n"
      "  alt_las_worker --generate models/alt-las-tiny --prompt \"Once upon a time\" --max-length 50\n"
      "  alt_las_worker --embed models/my-bert --prompt \"Hello, world\"\n"
      "  alt_las_worker --tokenize models/alt-las-tiny --prompt \"Hello, world\"\n"
      "  alt_las_worker --socket /var/lib/alt_las/workers.sock --device gpu_0     (with ALTLAS_WORKER_TOKEN "
      "set)\n"
      "Exit codes: 0 done, drained or asked to stop; 1 failed; 2 wrong usage; 3 refused by the manager; 4 no "
      "manager; 5 out of memory (--measure).");
  Arguments arguments;
  auto* serve = app.add_option_group("With a manager");
  auto* socket = serve->add_option("--socket", arguments.socket, "The manager's Unix socket")
                     ->check(NotEmpty())
                     ->type_name("PATH");
  auto* device = serve->add_option("--device", arguments.device, "The device's id, e.g. gpu_0")
                     ->check(NotEmpty())
                     ->type_name("ID");
  socket->needs(device);
  device->needs(socket);
  auto* people = app.add_option_group("Without a manager");
  auto* generate =
      people->add_option("--generate", arguments.generate, "Write on from --prompt with this model")
          ->check(NotEmpty())
          ->type_name("FOLDER");
  auto* embed = people->add_option("--embed", arguments.embed, "Show the vector of --prompt, as JSON")
                    ->check(NotEmpty())
                    ->type_name("FOLDER");
  auto* tokenize = people->add_option("--tokenize", arguments.tokenize, "Show the tokens of --prompt")
                       ->check(NotEmpty())
                       ->type_name("FOLDER");
  auto* bench = people
                    ->add_option("--bench", arguments.bench,
                                 "Measure tokens per second, by default of one stream and of eight")
                    ->check(NotEmpty())
                    ->type_name("FOLDER");
  people->add_option("--streams", arguments.streams, "Of --bench: sequences at once")
      ->check(CLI::Range(1, 1024))
      ->expected(1, 16)
      ->needs(bench);
  auto* copies =
      people->add_flag("--copies", arguments.copies, "How fast memory is copied to the GPU, as JSON");
  auto* measure = people
                      ->add_option("--measure", arguments.measure,
                                   "Run a step and say what memory it took at its peak, as JSON")
                      ->check(NotEmpty())
                      ->type_name("FOLDER");
  people->add_option("--work", arguments.work, "Of --measure: a training step, or a full batch of answers")
      ->check(CLI::IsMember({"training", "serving"}))
      ->needs(measure)
      ->capture_default_str();
  people->add_option("--batch", arguments.batch, "Of --measure: samples in the step")
      ->check(CLI::Range(1, 1 << 24))
      ->needs(measure)
      ->capture_default_str();
  people->add_option("--length", arguments.length, "Of --measure: tokens of a sample")
      ->check(CLI::Range(2, 1 << 20))
      ->needs(measure)
      ->capture_default_str();
  people->add_option("--steps", arguments.steps, "Of --measure: steps; the time is that of the quickest")
      ->check(CLI::Range(1, 1000))
      ->needs(measure)
      ->capture_default_str();
  auto* allocator = people->add_flag("--allocator", arguments.allocator,
                                     "What the GPU memory allocator is set to in this environment, as JSON");
  auto* prompt = people->add_option("--prompt", arguments.prompt, "The text to start from");
  people->add_option("--max-length", arguments.max_length, "New tokens at most")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  people
      ->add_option("--temperature", arguments.temperature,
                   "0: always the likeliest token (default: the model's own)")
      ->check(Number(0, 1e6));
  people
      ->add_option("--top-k", arguments.top_k,
                   "Choose among so many of the likeliest; 0: off (default: the model's own)")
      ->check(CLI::NonNegativeNumber);
  people
      ->add_option("--top-p", arguments.top_p,
                   "Choose among the likeliest of this mass (default: the model's own)")
      ->check(Number(0, 1));
  people->add_option("--seed", arguments.seed, "The same seed gives the same text")->capture_default_str();
  people->add_option("--dtype", arguments.dtype, "float32, bfloat16 or float16")->capture_default_str();
  app.add_option("--accelerator", arguments.accelerator,
                 "What computes: cpu, or cuda for the first GPU that CUDA_VISIBLE_DEVICES shows")
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--threads", arguments.threads,
                 "Threads for computing; 0: every core. A manager's setting wins")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  generate->needs(prompt)->excludes(embed)->excludes(tokenize)->excludes(bench)->excludes(socket);
  embed->needs(prompt)->excludes(tokenize)->excludes(bench)->excludes(socket);
  tokenize->needs(prompt)->excludes(bench)->excludes(socket);
  bench->excludes(socket);
  measure->excludes(generate)->excludes(embed)->excludes(tokenize)->excludes(bench)->excludes(socket);
  copies->excludes(generate)
      ->excludes(embed)
      ->excludes(tokenize)
      ->excludes(bench)
      ->excludes(socket)
      ->excludes(measure);
  allocator->excludes(generate)
      ->excludes(embed)
      ->excludes(tokenize)
      ->excludes(bench)
      ->excludes(socket)
      ->excludes(measure);
  std::function<int()> scenario;
  AddBenchScenarios(app, scenario);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (scenario) return scenario();
  if (!arguments.socket.empty()) return Serve(arguments);
  if (!arguments.generate.empty()) return Generate(arguments);
  if (!arguments.embed.empty()) return Embed(arguments);
  if (!arguments.tokenize.empty()) return Tokenize(arguments);
  if (!arguments.bench.empty()) return Bench(arguments);
  if (!arguments.measure.empty()) return Measure(arguments);
  if (arguments.copies) return MeasureCopies(arguments);
  if (arguments.allocator) return ShowAllocator(arguments);
  std::fputs(
      "alt_las_worker: say what to do: --socket, --generate, --embed, --tokenize, --bench, --measure, "
      "--allocator, --copies or bench SCENARIO\n\n",
      stderr);
  std::fputs(app.help().c_str(), stderr);
  return kUsage;
}
