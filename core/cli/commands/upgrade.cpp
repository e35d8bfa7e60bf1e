// syspulse upgrade
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <system_error>

#include "base/path_text.hpp"
#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/failure.hpp"

namespace syspulse::cli {
namespace {

constexpr Duration timeout_default = std::chrono::seconds{60};
// Longer than the new program may take: when that is given up, the old one has to start, too.
constexpr Duration grace = std::chrono::seconds{60};
constexpr Duration between_looks = std::chrono::milliseconds{20};

constexpr std::array options{
    OptionSpec{0, "timeout", "SECS",
               "go back to the old program when the new one does not serve within this time "
               "(default: 60)",
               ValueKind::seconds},
};

struct About {
    std::int64_t pid = 0;
    std::uint32_t failed = 0;
    std::string failure;  // Of the last one that failed.
    std::string version;
};

std::optional<About> look(const Context& context) {
    const Answer answer = call(context, {.target = "/v1/info", .timeout = std::chrono::seconds{5}});
    if (!answer) return std::nullopt;
    const auto info = nlohmann::json::parse(answer.body, nullptr, false);
    if (!info.is_object()) return std::nullopt;
    const auto failure = info.find("upgrade_failure");
    return About{info.value("pid", std::int64_t{0}), info.value("failed_upgrades", 0U),
                 failure != info.end() && failure->is_string() ? failure->get<std::string>() : "",
                 info.value("version", "")};
}

// The next manager, whichever program it runs.
std::optional<About> next_manager(Context& context, const About& before, Duration patience) {
    const Instant end = context.now().mono + patience;
    while (context.now().mono < end) {
        const auto now = look(context);
        if (now && now->pid != before.pid) return now;
        context.pause(between_looks);
    }
    return std::nullopt;
}

Failure given_up(const About& after, Duration timeout) {
    if (after.failure == "timeout") {
        return {ExitCode::timed_out, 504, "timeout",
                "cannot upgrade: the new program did not serve within " + seconds_text(timeout) +
                    " s and was ended; the old one goes on"};
    }
    return {ExitCode::failed, 500, "internal",
            "cannot upgrade: the new program could not serve, and the old one goes on; the "
            "manager's output says why"};
}

ExitCode run(Context& context, const Arguments& arguments) {
    const auto timeout = arguments.duration("timeout");
    const auto before = look(context);
    nlohmann::json body = nlohmann::json::object();
    if (!arguments.positionals.empty()) {
        const auto program = path_from_utf8(arguments.positionals.front());
        std::error_code failed;
        const auto whole = absolute_path(program, failed);
        body["program"] = (failed ? program : whole).string();
    }
    if (timeout) body["timeout_secs"] = std::chrono::duration<double>(*timeout).count();
    const Answer answer = call(context, {"POST", "/v1/upgrade", body.dump(), std::nullopt});
    if (!answer) return report(context, not_of_a_daemon(*answer.failure));
    const Duration limit = timeout.value_or(timeout_default);
    const auto after = next_manager(context, before.value_or(About{}), limit + grace);
    if (!after) {
        return report(context, {ExitCode::timed_out, 504, "timeout",
                                "the manager did not come back; see its output"});
    }
    if (before && after->failed != before->failed) return report(context, given_up(*after, limit));
    if (context.json()) {
        context.out << nlohmann::json{{"pid", after->pid}, {"version", after->version}}.dump()
                    << '\n';
    } else if (!context.globals.quiet) {
        context.out << "manager runs version " << after->version << ", pid " << after->pid << '\n';
    }
    context.out << std::flush;
    return ExitCode::done;
}

}  // namespace

constinit const Command upgrade_command{
    .name = "upgrade",
    .summary = "go on with a new program, daemons untouched",
    .positional = {"[PROGRAM]", 0, 1, ValueKind::file},
    .options = options,
    .details =
        "Starts PROGRAM, or the file that the running manager came from, as the next manager, with "
        "plugins loaded anew, and on Linux as the keeper, too; on Windows the keeper stays. "
        "Daemons go on and their output waits. When the new "
        "program cannot serve, the old one goes on; the manager's output says why. One that "
        "neither serves within --timeout nor ends is ended for that. One that does not fit the "
        "running keeper is started after shutdown --keep-running instead, which "
        "leaves daemons running, too. A registry of an older layout is brought to the new one, "
        "after a copy was made.",
    .examples =
        "syspulse upgrade\n"
        "syspulse upgrade /opt/syspulse/bin/syspulse",
    .windows_examples =
        "syspulse upgrade\n"
        "syspulse upgrade C:\\syspulse-next\\bin\\syspulse.exe",
    .run = run,
};

}  // namespace syspulse::cli
