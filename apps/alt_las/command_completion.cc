// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "output.h"
#include "store/records.h"

namespace altlas::app {
namespace {

constexpr const char* kShells[] = {"bash", "zsh"};

std::vector<std::string> Words(const CLI::App& app) {
  std::vector<std::string> words;
  if (app.get_name() == "completion") words.assign(std::begin(kShells), std::end(kShells));
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    words.push_back(sub->get_name());
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

void AppendCases(const CLI::App& app, const std::string& path, std::string& out) {
  std::string words;
  for (const auto& word : Words(app)) words += (words.empty() ? "" : " ") + word;
  out += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words);
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    AppendCases(*sub, path + (path.empty() ? "" : " ") + sub->get_name(), out);
}

// "--config|--state|...": the options, of any command, that take a value.
void AppendOptionsWithValue(const CLI::App& app, std::string& out) {
  for (const auto* option : app.get_options()) {
    if (option->get_items_expected_max() == 0) continue;
    for (const auto& name : option->get_lnames()) {
      const auto whole = "--" + name;
      if (("|" + out + "|").find("|" + whole + "|") == std::string::npos)
        out += (out.empty() ? "" : "|") + whole;
    }
  }
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    AppendOptionsWithValue(*sub, out);
}

// Bash; zsh reads it through bashcompinit.
std::string Script(const CLI::App& root) {
  std::string cases;
  AppendCases(root, "", cases);
  std::string with_value;
  AppendOptionsWithValue(root, with_value);
  std::string scopes;
  for (const auto name : store::ScopeNames(store::ScopeSet::All()))
    scopes += (scopes.empty() ? "" : " ") + std::string(name);
  // Bash cuts words at colons and equal signs too: "--listen 127.0.0.1:80" is four of them.
  return "_alt_las() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path=\"\" words=\"\" word skip=\"\" before=\"\"\n"
         "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
         "    --config) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
         "    --state) COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n"
         "    --scopes) [[ $current == *,* ]] && before=\"${current%,*},\"\n"
         "      COMPREPLY=($(compgen -P \"$before\" -W \"" +
         scopes +
         "\" -- \"${current##*,}\")); return ;;\n"
         "    " +
         with_value +
         ") COMPREPLY=(); return ;;\n"
         "  esac\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in\n"
         "      :|=) skip=1; continue ;;\n"
         "    esac\n"
         "    if [ -n \"$skip\" ]; then skip=\"\"; continue; fi\n"
         "    case \"$word\" in\n"
         "      " +
         with_value +
         ") skip=1 ;;\n"
         "      -*) ;;\n"
         "      *) path=\"${path:+$path }$word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _alt_las alt_las\n";
}

}  // namespace

void AddCompletion(CLI::App& root, Command& run) {
  auto* command = root.add_subcommand("completion", "Print a completion script for the shell");
  auto shell = std::make_shared<std::string>("bash");
  command->add_option("shell", *shell, "bash or zsh")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kShells), std::end(kShells))))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  source <(alt_las completion bash)\n"
      "  source <(alt_las completion zsh)\n" +
      std::string(kExitCodes));
  command->callback([&run, &root, shell] {
    run = [&root, shell] {
      if (*shell == "zsh") WriteOut("autoload -Uz bashcompinit && bashcompinit\n");
      WriteOut(Script(root));
      return 0;
    };
  });
}

}  // namespace altlas::app
