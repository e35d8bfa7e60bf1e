#include "cli/parser.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cli/text.hpp"
#include "config/suggest.hpp"

namespace syspulse::cli {
namespace {

std::string in_quotes(std::string_view text) {
    return "\"" + printable(text) + "\"";
}

const OptionSpec* match(std::span<const OptionSpec> table, std::string_view word) {
    for (const OptionSpec& option : table) {
        const bool is_short =
            word.size() == 2 && word[0] == '-' && option.letter != 0 && word[1] == option.letter;
        const bool is_long = word.substr(0, 2) == "--" && word.substr(2) == option.name;
        if (is_short || is_long) {
            return &option;
        }
    }
    return nullptr;
}

// Where the command's name stands: the first word that is neither an option nor a global option's
// value.
std::optional<std::size_t> command_position(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].empty() || words[i][0] != '-' || words[i] == "-") {
            return i;
        }
        const OptionSpec* option = match(global_options(), words[i]);
        if (option != nullptr && option->kind != ValueKind::flag) {
            ++i;
        }
    }
    return std::nullopt;
}

// What `--format` asks for, found without parsing, so that a usage error comes in the format
// wanted.
Format wanted_format(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--format=json" ||
            (words[i] == "--format" && i + 1 < words.size() && words[i + 1] == "json")) {
            return Format::json;
        }
    }
    return Format::table;
}

std::optional<std::string> wrong_value(const OptionSpec& option, const std::string& value) {
    const std::string subject = "--" + std::string(option.name) + ": " + in_quotes(value);
    switch (option.kind) {
        case ValueKind::count:
            if (value.empty() || value.size() > 9 ||
                value.find_first_not_of("0123456789") != std::string::npos ||
                std::stoull(value) < option.least || std::stoull(value) > option.most) {
                return subject + " is not a whole number from " + std::to_string(option.least) +
                       " to " + std::to_string(option.most);
            }
            break;
        case ValueKind::seconds:
            if (!parse_seconds(value)) {
                return subject + " is not a plain number of seconds or a duration such as 1m30s";
            }
            break;
        case ValueKind::duration:
            if (!parse_duration(value)) {
                return subject + " is not a duration such as 10m or 1h30m";
            }
            break;
        case ValueKind::format:
            if (value != "table" && value != "json") {
                return subject + " is not a format; use table or json";
            }
            break;
        case ValueKind::file:
        case ValueKind::directory:
        case ValueKind::daemon:
            if (value.empty()) {
                return "--" + std::string(option.name) + ": the value is empty";
            }
            break;
        case ValueKind::flag:
        case ValueKind::text:
        case ValueKind::rest:
            break;
    }
    return std::nullopt;
}

// One CLI11 application for one command: the global options, its own, and its positionals.
class CommandLine {
  public:
    explicit CommandLine(const Command* command)
        : app_("syspulse", "syspulse"), has_command_(command != nullptr) {
        app_.set_help_flag();
        app_.allow_extras();
        const auto globals = global_options();
        options_.assign(globals.begin(), globals.end());
        if (command != nullptr) {
            const auto own = options_of(*command);
            options_.insert(options_.end(), own.begin(), own.end());
        }
        values_.resize(options_.size());
        for (std::size_t i = 0; i < options_.size(); ++i) {
            add(i);
        }
    }

    // Returns what is wrong, or nothing.
    std::optional<std::string> parse(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());  // CLI11 takes them from the back.
        try {
            app_.parse(std::move(words));
        } catch (const CLI::Error& error) {
            return std::string(error.what());
        }
        // Not by a positional option: CLI11 would take the brackets off the pattern [abc].
        for (const std::string& extra : app_.remaining()) {
            const bool option = extra.size() > 1 && extra[0] == '-';
            if (option || !has_command_) {
                return unknown(extra);
            }
            positionals_.push_back(extra);
        }
        for (std::size_t i = 0; i < options_.size(); ++i) {
            for (const std::string& value : values_[i]) {
                if (auto wrong = wrong_value(options_[i], value)) {
                    return wrong;
                }
            }
            if (values_[i].size() > 1 && !options_[i].repeats) {
                return "--" + std::string(options_[i].name) + " is given more than once";
            }
        }
        return std::nullopt;
    }

    Arguments arguments() const {
        Arguments result;
        result.positionals = positionals_;
        for (std::size_t i = 0; i < options_.size(); ++i) {
            if (handles_[i]->count() > 0) {
                result.set(options_[i].name, values_[i]);
            }
        }
        return result;
    }

  private:
    void add(std::size_t i) {
        const OptionSpec& spec = options_[i];
        std::string names = "--" + std::string(spec.name);
        if (spec.letter != 0) {
            names.insert(0, {'-', spec.letter, ','});
        }
        if (spec.kind == ValueKind::flag) {
            handles_.push_back(app_.add_flag(names));
        } else {
            handles_.push_back(app_.add_option(names, values_[i])->allow_extra_args(false));
        }
    }

    std::string unknown(const std::string& word) const {
        if (word.empty() || word[0] != '-') {
            return "unexpected argument " + in_quotes(word);
        }
        std::vector<std::string> names;
        for (const OptionSpec& option : options_) {
            names.push_back("--" + std::string(option.name));
        }
        const std::vector<std::string_view> candidates(names.begin(), names.end());
        return "unknown option " + in_quotes(word) + config::suggestion(word, candidates);
    }

    CLI::App app_;
    bool has_command_;
    std::vector<OptionSpec> options_;
    std::vector<std::vector<std::string>> values_;
    std::vector<CLI::Option*> handles_;
    std::vector<std::string> positionals_;
};

GlobalOptions globals_of(const Arguments& arguments) {
    GlobalOptions globals;
    globals.data_dir = arguments.text("data-dir");
    globals.socket = arguments.text("socket");
    globals.format = arguments.text("format") == "json" ? Format::json : Format::table;
    globals.no_color = arguments.has("no-color");
    globals.verbose = arguments.has("verbose");
    globals.quiet = arguments.has("quiet");
    return globals;
}

std::optional<std::string> wrong_positionals(const Command& command, const Arguments& arguments) {
    const PositionalSpec& spec = command.positional;
    const auto& words = arguments.positionals;
    const bool selected = command.selects && (arguments.has("tag") || arguments.has("all"));
    // Daemons that are selected otherwise need no name; other positionals (a signal) are still
    // needed.
    const std::size_t least = selected && spec.min > 0 ? spec.min - 1 : spec.min;
    if (command.selects && arguments.has("tag") && arguments.has("all")) {
        return "--tag chooses some daemons and --all chooses all: give one of them";
    }
    if (words.size() < least) {
        const std::string more = command.selects ? " (or use --tag TAG or --all)" : "";
        return "missing argument: " + std::string(command.name) + " needs " +
               std::string(spec.usage) + more;
    }
    if (words.size() > spec.max) {
        const bool split = command.name == "schedule";  // The shell saw several words in it.
        return "unexpected argument " + in_quotes(words[spec.max]) +
               (split ? "; put quotes around the expression" : "");
    }
    const bool named = spec.kind == ValueKind::daemon || spec.kind == ValueKind::file;
    if (named && std::find(words.begin(), words.end(), "") != words.end()) {
        return std::string(spec.kind == ValueKind::daemon ? "a name" : "the name of a file") +
               " must not be empty";
    }
    if (!spec.words.empty() && !words.empty() &&
        std::find(spec.words.begin(), spec.words.end(), words[0]) == spec.words.end()) {
        return "unknown word " + in_quotes(words[0]) + " after " + std::string(command.name) +
               config::suggestion(words[0], spec.words);
    }
    return std::nullopt;
}

// Takes an option that swallows the rest of the line out of `words`.
std::optional<std::string> take_rest(
    const Command& command, std::vector<std::string>& words,
    std::optional<std::pair<std::string_view, std::vector<std::string>>>& rest) {
    for (const OptionSpec& option : command.options) {
        if (option.kind != ValueKind::rest) {
            continue;
        }
        const auto at = std::find(words.begin(), words.end(), "--" + std::string(option.name));
        if (at == words.end()) {
            return std::nullopt;
        }
        rest.emplace(option.name, std::vector<std::string>(at + 1, words.end()));
        words.erase(at, words.end());
        if (rest->second.empty()) {
            return "--" + std::string(option.name) + " needs at least one word after it";
        }
    }
    return std::nullopt;
}

std::string unknown_command(const std::string& word) {
    std::vector<std::string_view> names;
    for (const Command* command : all_commands()) {
        names.push_back(command->name);
    }
    return "unknown command " + in_quotes(word) + config::suggestion(word, names) +
           "\nrun \"syspulse --help\" for the list";
}

Parsed parse_for(const Command* command, std::vector<std::string> words, Format format) {
    const std::string hint =
        command == nullptr
            ? "\nrun \"syspulse --help\" for the list of commands"
            : "\nrun \"syspulse " + std::string(command->name) + " --help\" for its usage";
    std::optional<std::pair<std::string_view, std::vector<std::string>>> rest;
    if (command != nullptr) {
        if (const auto wrong = take_rest(*command, words, rest)) {
            return UsageError{*wrong + hint, format};
        }
    }
    // What follows "--" is taken as it is.
    const auto dashes = std::find(words.begin(), words.end(), "--");
    const std::vector<std::string> literal(dashes == words.end() ? dashes : dashes + 1,
                                           words.end());
    words.erase(dashes, words.end());
    CommandLine line(command);
    const auto wrong = line.parse(std::move(words));
    Invocation invocation{command, {}, line.arguments()};
    auto& positionals = invocation.arguments.positionals;
    positionals.insert(positionals.end(), literal.begin(), literal.end());
    // Somebody who asks for help gets it, whatever else is wrong with the line.
    if (invocation.arguments.has("help")) {
        return HelpWanted{command};
    }
    if (wrong) {
        return UsageError{*wrong + hint, format};
    }
    if (invocation.arguments.has("version")) {
        return VersionWanted{};
    }
    if (command == nullptr) {
        return UsageError{"no command given" + hint, format};
    }
    if (const auto bad = wrong_positionals(*command, invocation.arguments)) {
        return UsageError{*bad + hint, format};
    }
    if (rest) {
        invocation.arguments.set(rest->first, std::move(rest->second));
    }
    invocation.globals = globals_of(invocation.arguments);
    return invocation;
}

}  // namespace

Parsed parse_command_line(const std::vector<std::string>& words) {
    const Format format = wanted_format(words);
    const auto position = command_position(words);
    if (!position) {
        return parse_for(nullptr, words, format);
    }
    const Command* command = find_command(words[*position]);
    if (command == nullptr) {
        return UsageError{unknown_command(words[*position]), format};
    }
    std::vector<std::string> others = words;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(*position));
    return parse_for(command, std::move(others), format);
}

}  // namespace syspulse::cli
