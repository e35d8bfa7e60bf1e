#include "cli/daemon_detail.hpp"

#include <sstream>
#include <utility>

#include "base/exit_status.hpp"
#include "cli/detail_lines.hpp"
#include "cli/line_splitter.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

constexpr std::size_t runs_shown = 3;

std::string duration(double seconds) {
    return format_duration(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

// "2026-01-01T00:00:00.000Z (3m 20s ago)", or "(in 3m 20s)".
std::string moment(const std::string& at, WallTime now) {
    const auto time = parse_rfc3339(at);
    if (!time) {
        return at;
    }
    const bool past = *time <= now;
    const Duration distance = past ? now - *time : *time - now;
    return at + (past ? " (" + format_duration(distance) + " ago)"
                      : " (in " + format_duration(distance) + ")");
}

// A word as a shell would need it.
std::string quoted(const std::string& word) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
        return word;
    }
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return text + "'";
}

std::string command(const Json& spec) {
    std::vector<std::string> words;
    for (const Json& word : member(spec, "command")) {
        words.push_back(quoted(word.is_string() ? word.get<std::string>() : word.dump()));
    }
    return join(words, " ");
}

std::string state(const Json& daemon, WallTime now) {
    std::string line = text(daemon, "state");
    if (member(daemon, "paused") == true) {
        line += ", paused";
    }
    if (has_number(daemon, "pid")) {
        line += ", pid " + member(daemon, "pid").dump();
    }
    if (has_number(daemon, "uptime_secs")) {
        line += ", for " + duration(number(daemon, "uptime_secs"));
    } else if (const std::string since = text(daemon, "stopped_at"); !since.empty()) {
        line += " since " + moment(since, now);
    }
    const std::string waits = text(daemon, "waiting_for");
    return line + (waits.empty() ? "" : ", waits for " + waits);
}

// With what is wrong with the process that it runs in, if anything is.
std::string driver(const Json& daemon) {
    const std::string name = text(daemon, "driver");
    const Json& host = member(daemon, "driver_host");
    if (!host.is_object()) return name;
    const std::string state = text(host, "state");
    if (state == "running" || state == "idle") return name;
    return name + ", whose process is " + state + ": " + text(host, "last_error");
}

std::string last_exit(const Json& daemon) {
    std::string line = text(daemon, "exit_signal");
    if (line.empty() && member(daemon, "exit_code").is_number_integer()) {
        line = "exit code " + exit_code_text(member(daemon, "exit_code").get<std::int64_t>());
    }
    if (member(daemon, "oom_killed") == true) {
        line += ", out of memory";
    }
    if (has_number(daemon, "killed_after_secs")) {
        line += ", as it did not end within " + duration(number(daemon, "killed_after_secs"));
    }
    return line;
}

std::string last_check(const Json& daemon, WallTime now) {
    const Json& check = member(daemon, "last_check");
    if (!check.is_object()) {
        return "";
    }
    std::string line = member(check, "missed") == true   ? "missed"
                       : member(check, "passed") == true ? "passed"
                                                         : "failed";
    line += " in " + duration(number(check, "latency_ms") / 1000);
    const auto at = parse_rfc3339(text(check, "at"));
    if (at && *at <= now) {
        line += ", " + format_duration(now - *at) + " ago";
    }
    if (const double failures = number(check, "consecutive_failures"); failures > 1) {
        line += ", " + member(check, "consecutive_failures").dump() + " failures in a row";
    }
    const std::string message = trimmed(text(check, "message"));
    return line + (message.empty() ? "" : ": " + message);
}

// "connect_seconds 0.002, used_bytes 4096".
std::string measured(const Json& daemon) {
    std::string line;
    for (const auto& [name, value] : member(member(daemon, "last_check"), "metrics").items()) {
        line += (line.empty() ? "" : ", ") + name + " " + value.dump();
    }
    return line;
}

std::string restart_policy(const Json& spec) {
    const Json& policy = member(spec, "restart_policy");
    std::string line = text(policy, "policy");
    if (line.empty() || line == "never") {
        return line;
    }
    if (has_number(policy, "max_retries")) {
        line += ", at most " + member(policy, "max_retries").dump() + " in a row";
    }
    return line + ", after " + duration(number(policy, "backoff_base_secs")) + " to " +
           duration(number(policy, "backoff_max_secs"));
}

std::string health_check(const Json& spec) {
    const Json& check = member(spec, "health_check");
    if (!check.is_object()) {
        return "";
    }
    std::string line = text(check, "type") + " " + text(check, "target");
    return trimmed(line) + ", every " + duration(number(check, "interval_secs")) + ", " +
           member(check, "retries").dump() + " failures until unhealthy";
}

std::string schedule(const Json& spec) {
    const Json& wanted = member(spec, "schedule");
    const std::string zone = text(wanted, "timezone");
    return text(wanted, "cron") + (zone.empty() ? "" : ", " + zone);
}

std::string memory(const Json& stats) {
    const auto bytes = [&](const char* key) {
        return format_bytes(static_cast<std::uint64_t>(number(stats, key)));
    };
    if (!has_number(stats, "memory_bytes")) {
        return "";
    }
    return bytes("memory_bytes") + (has_number(stats, "memory_peak_bytes")
                                        ? ", at most " + bytes("memory_peak_bytes")
                                        : "");
}

std::string pressure(const Json& stats, const char* key) {
    const Json& share = member(stats, key);
    const Json& some = share.contains("some") ? member(share, "some") : share;
    return has_number(some, "avg10") ? member(some, "avg10").dump() + "% over 10s" : "";
}

// Everything that is said in one line and left out when there is nothing to say.
void add_stats(Lines& lines, const Json& stats) {
    if (!stats.is_object()) {
        return;
    }
    lines.add("memory", memory(stats));
    if (has_number(stats, "cpu_secs")) {
        lines.add("cpu time", duration(number(stats, "cpu_secs")));
    }
    if (has_number(stats, "tasks")) {
        lines.add("tasks", member(stats, "tasks").dump());
    }
    if (has_number(stats, "io_read_bytes")) {
        const auto bytes = [&](const char* key) {
            return format_bytes(static_cast<std::uint64_t>(number(stats, key)));
        };
        lines.add("input/output",
                  bytes("io_read_bytes") + " read, " + bytes("io_write_bytes") + " written");
    }
    if (number(stats, "throttled_count") > 0) {
        lines.add("throttled", member(stats, "throttled_count").dump() + " times, for " +
                                   duration(number(stats, "throttled_secs")));
    }
    lines.add("cpu pressure", pressure(stats, "cpu_pressure"));
    lines.add("memory pressure", pressure(stats, "memory_pressure"));
    lines.add("io pressure", pressure(stats, "io_pressure"));
}

// The ends of the last runs, the newest first.
std::vector<std::string> last_runs(std::string_view events, WallTime now) {
    std::vector<std::string> runs;
    std::istringstream lines{std::string(events)};
    for (std::string line; std::getline(lines, line);) {
        const Json event = object_of(line);
        if (text(event, "kind") == "exit") {
            runs.insert(runs.begin(),
                        text(event, "reason") + ", " + moment(text(event, "at"), now));
        }
    }
    if (runs.size() > runs_shown) {
        runs.resize(runs_shown);
    }
    return runs;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> found;
    LineSplitter lines([&](std::string_view line) { found.emplace_back(line); });
    lines.feed(text);
    lines.finish();
    return found;
}

}  // namespace

std::vector<Field> describe_daemon(const DaemonTexts& texts, WallTime now) {
    const Json daemon = object_of(texts.daemon);
    const Json spec = object_of(texts.spec);
    Lines lines;
    lines.add("name", text(daemon, "name"));
    lines.add("description", text(daemon, "description"));
    lines.add("state", state(daemon, now));
    if (text(daemon, "health_status") != "not_configured") {
        lines.add("health", text(daemon, "health_status"));
    }
    lines.add("last check", last_check(daemon, now));
    lines.add("measured", measured(daemon));
    lines.add("options", text(daemon, "options_error"));
    lines.add("last error", text(daemon, "last_error"));
    lines.add("last exit", last_exit(daemon));
    if (number(daemon, "restart_count") > 0) {
        lines.add("restarts", member(daemon, "restart_count").dump());
    }
    lines.add("next restart", moment(text(daemon, "next_restart_at"), now));
    lines.add("next run", moment(text(daemon, "next_run_at"), now));
    add_stats(lines, member(daemon, "stats"));
    if (number(daemon, "output_dropped_bytes") > 0) {
        const auto lost = static_cast<std::uint64_t>(number(daemon, "output_dropped_bytes"));
        lines.add("output lost", format_bytes(lost) + "; its log files say where and why");
    }
    if (member(daemon, "spec_changed") == true) {
        lines.add("changed", "since it was started; restart it to apply what follows");
    }
    lines.add("command", command(spec));
    lines.add("user", text(spec, "user"));
    lines.add("directory", text(spec, "working_dir"));
    lines.add("driver", driver(daemon));
    lines.add("health check", health_check(spec));
    lines.add("restart policy", restart_policy(spec));
    if (member(spec, "schedule").is_object()) {
        lines.add("schedule", schedule(spec));
    }
    lines.add("depends on", list(daemon, "depends_on"));
    lines.add("tags", list(daemon, "tags"));
    lines.add("id", text(daemon, "id"));
    const std::string log = text(daemon, "stdout_log");
    lines.add("logs", log.empty() ? "not captured" : log);
    lines.add("", text(daemon, "stderr_log"));
    lines.add_all("last ends", last_runs(texts.events, now));
    lines.add_all("last output", lines_of(texts.logs));
    return lines.take();
}

}  // namespace syspulse::cli
