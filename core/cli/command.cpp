#include "cli/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "cli/commands/commands.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array global_table{
    OptionSpec{0, "data-dir", "PATH",
               "data directory (default: $SYSPULSE_DATA_DIR, else " SYSPULSE_DATA_DIRECTORY ")",
               ValueKind::directory},
    OptionSpec{0, "socket", "PATH", "control endpoint (default: " SYSPULSE_ENDPOINT ")",
               ValueKind::file},
    OptionSpec{0, "format", "FORMAT", "table for people or json for programs (default: table)",
               ValueKind::format},
    OptionSpec{0, "no-color", "", "never use colours (also: NO_COLOR in the environment)"},
    OptionSpec{'v', "verbose", "", "say more in the log of daemon and up"},
    OptionSpec{'q', "quiet", "", "say less: no success messages; status and list print names only"},
    OptionSpec{0, "version", "", "print the version and exit"},
    OptionSpec{'h', "help", "", "print this help and exit"},
};

constexpr std::array selection_table{
    OptionSpec{0, "tag", "TAG", "select the daemons that have this tag (may be repeated)",
               ValueKind::text, true},
    OptionSpec{0, "all", "", "select every daemon"},
};

constexpr std::array<const Command*, 26> commands{
    &daemon_command,  &up_command,       &start_command,  &stop_command,     &restart_command,
    &status_command,  &list_command,     &logs_command,   &add_command,      &remove_command,
    &init_command,    &validate_command, &events_command, &signal_command,   &pause_command,
    &resume_command,  &schedule_command, &plugin_command, &shutdown_command, &upgrade_command,
    &service_command, &ping_command,     &info_command,   &spec_command,     &completion_command,
    &help_command,
};

}  // namespace

std::span<const OptionSpec> global_options() noexcept {
    return global_table;
}

std::span<const OptionSpec> selection_options() noexcept {
    return selection_table;
}

std::span<const Command* const> all_commands() noexcept {
    return commands;
}

const Command* find_command(std::string_view name) noexcept {
    const auto* found = std::find_if(commands.begin(), commands.end(),
                                     [&](const Command* c) { return c->name == name; });
    return found == commands.end() ? nullptr : *found;
}

std::vector<OptionSpec> options_of(const Command& command) {
    std::vector<OptionSpec> all(command.options.begin(), command.options.end());
    if (command.selects) {
        all.insert(all.end(), selection_table.begin(), selection_table.end());
    }
    return all;
}

Result<Duration> parse_seconds(std::string_view text) {
    if (!text.empty() && text.find_first_not_of("0.") == std::string_view::npos &&
        text.front() == '0') {
        return Duration{0};
    }
    return parse_duration(text);
}

void Arguments::set(std::string_view name, std::vector<std::string> values) {
    values_.insert_or_assign(std::string(name), std::move(values));
}

bool Arguments::has(std::string_view name) const {
    return values_.find(name) != values_.end();
}

std::optional<std::string> Arguments::text(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty()) {
        return std::nullopt;
    }
    return found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::uint64_t> Arguments::count(std::string_view name) const {
    const auto value = text(name);
    if (!value) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    const auto end = value->data() + value->size();
    const auto [rest, error] = std::from_chars(value->data(), end, number);
    return error == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

std::optional<Duration> Arguments::duration(std::string_view name) const {
    const auto value = text(name);
    if (!value) {
        return std::nullopt;
    }
    const auto parsed = parse_seconds(*value);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

}  // namespace syspulse::cli
