// A command as data: parsing, --help, completion scripts and the checks of the man page all come
// from these tables, so that they cannot drift apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "cli/context.hpp"
#include "cli/exit_code.hpp"

namespace syspulse::cli {

// What a value is, for checking it and for completing it.
enum class ValueKind : std::uint8_t {
    flag,  // No value.
    text,
    count,     // A whole number, zero or more.
    seconds,   // Seconds, or a duration such as 1m30s; zero is allowed.
    duration,  // A positive duration.
    format,    // table or json.
    file,
    directory,
    daemon,  // The name of a daemon.
    rest,    // All that follows, whatever it looks like.
};

struct OptionSpec {
    char letter = 0;         // Zero: no short form.
    std::string_view name;   // Without dashes.
    std::string_view value;  // How --help calls the value; empty for flags.
    std::string_view help;
    ValueKind kind = ValueKind::flag;
    bool repeats = false;
    // Of a count.
    std::uint64_t least = 0;
    std::uint64_t most = 999'999'999;
};

struct PositionalSpec {
    std::string_view usage;  // "NAME..."; empty when the command takes none.
    std::size_t min = 0;
    std::size_t max = 0;
    ValueKind kind = ValueKind::text;
    std::span<const std::string_view> words = {};  // The only words allowed first, when not empty.
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

// The values found on the command line, by option name. All values have been checked for their
// kind.
class Arguments {
  public:
    std::vector<std::string> positionals;

    void set(std::string_view name, std::vector<std::string> values);
    bool has(std::string_view name) const;
    std::optional<std::string> text(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    std::optional<std::uint64_t> count(std::string_view name) const;
    std::optional<Duration> duration(std::string_view name) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
    std::string_view name;
    std::string_view summary;  // One line, begins with a verb.
    PositionalSpec positional;
    std::span<const OptionSpec> options;
    bool selects = false;                 // Takes --tag and --all beside names.
    std::string_view details;             // Paragraphs below the usage line.
    std::string_view examples;            // One a line.
    std::string_view windows_examples{};  // In place of those, where paths are others there.
    ExitCode (*run)(Context& context, const Arguments& arguments) = nullptr;
};

// The options that every command takes, before or after its name.
std::span<const OptionSpec> global_options() noexcept;

// The options that stand beside names where Command::selects.
std::span<const OptionSpec> selection_options() noexcept;

// In the order of --help.
std::span<const Command* const> all_commands() noexcept;

const Command* find_command(std::string_view name) noexcept;

// Both tables of a command's own options, without the global ones.
std::vector<OptionSpec> options_of(const Command& command);

// A number of seconds or a duration; zero is allowed.
Result<Duration> parse_seconds(std::string_view text);

}  // namespace syspulse::cli
