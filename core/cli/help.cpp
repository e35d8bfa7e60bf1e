#include "cli/help.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "platform/system_words.hpp"

namespace syspulse::cli {
namespace {

constexpr std::size_t page_width = 80;

// Appends `text` in lines that fit, each after the first indented by `indent`. `column` is where
// the first begins.
void wrap(std::string& page, std::string_view text, std::size_t indent, std::size_t column) {
    bool line_start = true;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line_start && column + 1 + word.size() > page_width) {
            page.append("\n").append(indent, ' ');
            column = indent;
            line_start = true;
        }
        if (!line_start) {
            page.push_back(' ');
            ++column;
        }
        page.append(word);
        column += word.size();
        line_start = false;
    }
    page.push_back('\n');
}

std::string names_of(const OptionSpec& option) {
    std::string text =
        option.letter != 0 ? std::string{'-', option.letter, ',', ' '} : std::string("    ");
    text.append("--").append(option.name);
    if (!option.value.empty()) {
        text.append(" ").append(option.value);
    }
    return text;
}

void list_options(std::string& page, std::span<const OptionSpec> options) {
    std::size_t width = 0;
    for (const OptionSpec& option : options) {
        width = std::max(width, names_of(option).size());
    }
    for (const OptionSpec& option : options) {
        const std::string names = names_of(option);
        page.append("  ").append(names).append(width - names.size() + 2, ' ');
        wrap(page, option.help, width + 4, width + 4);
    }
}

void paragraphs(std::string& page, std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        page.push_back('\n');
        wrap(page, text.substr(0, end), 0, 0);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

std::string overview_help() {
    std::string page =
        "syspulse - supervise daemons, with plugins for how they run and how they are checked\n"
        "\nUsage: syspulse [OPTIONS] COMMAND [ARGUMENTS]\n"
        "\nCommands:\n";
    for (const Command* command : all_commands()) {
        page.append("  ").append(command->name).append(12 - command->name.size(), ' ');
        page.append(command->summary).append("\n");
    }
    page.append("\nOptions, before or after the command:\n");
    list_options(page, global_options());
    page.append(
        "\nNAME may be a shell-style pattern such as 'web-*'; --tag TAG and --all select\n"
        "daemons in every command that takes names.\n"
        "\nExit codes: 0 done, 1 failed, 2 usage or invalid spec, 3 manager not reachable,\n"
        "4 no such daemon, 5 conflict, 6 timed out, 7 permission denied.\n"
        "\nRun \"syspulse COMMAND --help\" for a command; see also syspulse(1) "
        "and\nsyspulse.yaml(5).\n");
    return page;
}

std::string command_help(const Command& command) {
    std::string page = "syspulse " + std::string(command.name) + " - ";
    page.append(command.summary)
        .append("\n\nUsage: syspulse ")
        .append(command.name)
        .append(" [OPTIONS]");
    if (!command.positional.usage.empty()) {
        page.append(" ").append(command.positional.usage);
    }
    page.push_back('\n');
    paragraphs(page, command.details);
    if (const auto options = options_of(command); !options.empty()) {
        page.append("\nOptions:\n");
        list_options(page, options);
    }
    page.append("\nGlobal options:\n");
    list_options(page, global_options());
    const bool of_windows =
        platform::system_words().windows_files && !command.windows_examples.empty();
    const std::string_view examples = of_windows ? command.windows_examples : command.examples;
    if (!examples.empty()) {
        page.append("\nExamples:\n");
        std::string_view rest = examples;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            page.append("  ").append(rest.substr(0, end)).append("\n");
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return page;
}

std::string version_text() {
    return "syspulse " SYSPULSE_VERSION "\n";
}

}  // namespace syspulse::cli
