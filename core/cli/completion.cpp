#include "cli/completion.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/command.hpp"

namespace syspulse::cli {
namespace {

std::vector<OptionSpec> options_with_globals(const Command& command) {
    std::vector<OptionSpec> all = options_of(command);
    const auto globals = global_options();
    all.insert(all.end(), globals.begin(), globals.end());
    return all;
}

std::string words_of(const std::vector<OptionSpec>& options) {
    std::string text;
    for (const OptionSpec& option : options) {
        text.append(text.empty() ? "--" : " --").append(option.name);
        if (option.letter != 0) {
            text.append(" -").push_back(option.letter);
        }
    }
    return text;
}

// What completes a positional, as a bash command substitution; empty for nothing.
std::string positional_words(const PositionalSpec& positional) {
    std::string text;
    for (const std::string_view word : positional.words) {
        text.append(text.empty() ? "" : " ").append(word);
    }
    return positional.kind == ValueKind::daemon ? "$(syspulse list --quiet 2>/dev/null)" : text;
}

// Text inside single quotes of fish and zsh.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result.append(c == '\'' ? "'\\''" : std::string(1, c));
    }
    return result;
}

// One line of `case` for every option whose value can be completed.
std::string value_cases() {
    std::string text;
    std::vector<std::string_view> seen;
    for (const Command* command : all_commands()) {
        for (const OptionSpec& option : options_with_globals(*command)) {
            const bool known = std::find(seen.begin(), seen.end(), option.name) != seen.end();
            std::string reply;
            if (option.kind == ValueKind::file) {
                reply = "-f";
            } else if (option.kind == ValueKind::directory) {
                reply = "-d";
            } else if (option.kind == ValueKind::format) {
                reply = "-W 'table json'";
            } else if (option.kind == ValueKind::daemon) {
                reply = "-W \"$(syspulse list --quiet 2>/dev/null)\"";
            }
            if (!known && !reply.empty()) {
                seen.push_back(option.name);
                text.append("        --")
                    .append(option.name)
                    .append(") COMPREPLY=($(compgen ")
                    .append(reply);
                text.append(" -- \"$cur\")); return ;;\n");
            }
        }
    }
    return text;
}

std::string command_words() {
    std::string text;
    for (const Command* command : all_commands()) {
        text.append(text.empty() ? "" : " ").append(command->name);
    }
    return text;
}

std::string bash_function() {
    std::string script =
        "_syspulse() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd= i\n"
        "    case $prev in\n" +
        value_cases() +
        "    esac\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in\n"
        "            --data-dir|--socket|--format) ((i++)) ;;\n"
        "            -*) ;;\n"
        "            *) cmd=${COMP_WORDS[i]}; break ;;\n"
        "        esac\n"
        "    done\n"
        "    local words= names=\n"
        "    case $cmd in\n"
        "        '') names='" +
        command_words() + "'; words='" +
        words_of({global_options().begin(), global_options().end()}) + "' ;;\n";
    for (const Command* command : all_commands()) {
        script.append("        ").append(command->name).append(") words='");
        script.append(words_of(options_with_globals(*command))).append("'");
        if (command->positional.kind == ValueKind::file) {
            script.append("; names=$(compgen -f -- \"$cur\")");
        } else if (const std::string names = positional_words(command->positional);
                   !names.empty()) {
            script.append("; names=\"").append(names).append("\"");
        } else if (command->name == "help") {
            script.append("; names='").append(command_words()).append("'");
        }
        script.append(" ;;\n");
    }
    return script +
           "    esac\n"
           "    if [[ $cur == -* ]]; then names=$words; fi\n"
           "    COMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
           "}\n";
}

void fish_option(std::string& script, std::string_view condition, const OptionSpec& option) {
    script.append("complete -c syspulse").append(condition).append(" -l ").append(option.name);
    if (option.letter != 0) {
        script.append(" -s ").push_back(option.letter);
    }
    if (option.kind == ValueKind::format) {
        script.append(" -x -a 'table json'");
    } else if (option.kind == ValueKind::daemon) {
        script.append(" -x -a '(syspulse list --quiet 2>/dev/null)'");
    } else if (option.kind == ValueKind::file || option.kind == ValueKind::directory) {
        script.append(" -r -F");
    } else if (option.kind != ValueKind::flag) {
        script.append(" -x");
    }
    script.append(" -d '").append(escaped(option.help)).append("'\n");
}

}  // namespace

std::string bash_completion() {
    return "# bash completion for syspulse\n" + bash_function() +
           "complete -F _syspulse syspulse\n";
}

std::string zsh_completion() {
    // zsh runs bash's way of completing; one function serves both shells.
    return "#compdef syspulse\n"
           "autoload -U +X bashcompinit && bashcompinit\n" +
           bash_function() + "complete -F _syspulse syspulse\n";
}

std::string fish_completion() {
    std::string script = "# fish completion for syspulse\ncomplete -c syspulse -f\n";
    for (const OptionSpec& option : global_options()) {
        fish_option(script, {}, option);
    }
    for (const Command* command : all_commands()) {
        const std::string name(command->name);
        script += "complete -c syspulse -n __fish_use_subcommand -a " + name + " -d '" +
                  escaped(command->summary) + "'\n";
        const std::string condition = " -n '__fish_seen_subcommand_from " + name + "'";
        for (const OptionSpec& option : options_of(*command)) {
            fish_option(script, condition, option);
        }
        if (command->positional.kind == ValueKind::file) {
            script += "complete -c syspulse" + condition + " -F\n";
        } else if (command->positional.kind == ValueKind::daemon) {
            script +=
                "complete -c syspulse" + condition + " -a '(syspulse list --quiet 2>/dev/null)'\n";
        } else if (!command->positional.words.empty()) {
            script += "complete -c syspulse" + condition + " -a '" +
                      positional_words(command->positional) + "'\n";
        }
    }
    return script;
}

}  // namespace syspulse::cli
