#include "cli/daemon_table.hpp"

#include <cmath>
#include <ostream>

#include "base/exit_status.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

std::string or_dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

std::string pid_of(const DaemonInfo& daemon) {
    return daemon.pid ? std::to_string(*daemon.pid) : "-";
}

std::string uptime_of(const DaemonInfo& daemon) {
    if (!daemon.uptime_secs || !std::isfinite(*daemon.uptime_secs) || *daemon.uptime_secs < 0 ||
        *daemon.uptime_secs > 1e9) {
        return "-";
    }
    const auto whole = static_cast<std::int64_t>(*daemon.uptime_secs);
    return whole == 0 ? "0s" : format_duration(std::chrono::seconds{whole});
}

Cell health_cell(const DaemonInfo& daemon) {
    // Nothing to see where nothing is checked.
    const bool checked = !daemon.health.empty() && daemon.health != "not_configured";
    return {checked ? daemon.health : "-", state_color(daemon.health)};
}

// "in 5m 3s", or "now" when the moment has come.
std::string until(const std::string& moment, WallTime now) {
    const auto at = parse_rfc3339(moment);
    if (!at) {
        return moment;
    }
    constexpr auto second = std::chrono::seconds{1};
    const auto left = *at - now;
    if (left < second) {
        return left.count() > 0 ? "in under 1s" : "now";
    }
    return "in " + format_duration(std::chrono::ceil<std::chrono::seconds>(left));
}

std::string exit_text(const DaemonInfo& daemon) {
    if (!daemon.exit_signal.empty()) {
        return "ended by " + daemon.exit_signal;
    }
    return daemon.exit_code ? "exit code " + exit_code_text(*daemon.exit_code) : std::string();
}

}  // namespace

std::string remark(const DaemonInfo& daemon, WallTime now) {
    std::string text;
    const auto also = [&](const std::string& part) {
        if (!part.empty()) {
            text.append(text.empty() ? "" : "; ").append(part);
        }
    };
    if (daemon.paused) {
        also("paused");
    }
    if (daemon.spec_changed) {
        also("changed since it was started");
    }
    if (daemon.state == "backoff" && !daemon.next_restart_at.empty()) {
        also("restart " + until(daemon.next_restart_at, now));
    }
    if (!daemon.waiting_for.empty()) {
        also("waits for " + daemon.waiting_for);
    }
    if (!daemon.driver_error.empty()) {
        also("the process of its driver is " + daemon.driver_error);
    }
    if (!daemon.options_error.empty()) {
        also("its options do not fit: " + daemon.options_error);
    } else if (daemon.state == "running" && !daemon.not_checked.empty()) {
        also("cannot be checked: " + daemon.not_checked);
    }
    if (daemon.state != "running" && daemon.state != "starting") {
        also(daemon.last_error.empty() ? exit_text(daemon) : daemon.last_error);
    }
    if (!daemon.next_run_at.empty()) {
        also("next run " + until(daemon.next_run_at, now));
    }
    return text;
}

void print_status_table(const Context& context, const std::vector<DaemonInfo>& daemons) {
    const WallTime now = context.now().wall;
    Table table({"NAME", "STATE", "HEALTH", "PID", "UPTIME", "RESTARTS", "INFO"});
    for (const DaemonInfo& daemon : daemons) {
        table.add({{daemon.name},
                   {or_dash(daemon.state), state_color(daemon.state)},
                   health_cell(daemon),
                   {pid_of(daemon)},
                   {uptime_of(daemon)},
                   {std::to_string(daemon.restart_count)},
                   {remark(daemon, now)}});
    }
    table.print(context, context.out);
    context.out << std::flush;
}

void print_list_table(const Context& context, const std::vector<DaemonInfo>& daemons) {
    Table table({"NAME", "STATE", "HEALTH", "PID", "DRIVER", "TAGS", "DESCRIPTION"});
    for (const DaemonInfo& daemon : daemons) {
        table.add({{daemon.name},
                   {or_dash(daemon.state), state_color(daemon.state)},
                   health_cell(daemon),
                   {pid_of(daemon)},
                   {or_dash(daemon.driver)},
                   {or_dash(join(daemon.tags, ","))},
                   {daemon.description}});
    }
    table.print(context, context.out);
    context.out << std::flush;
}

void print_names(const Context& context, const std::vector<DaemonInfo>& daemons) {
    for (const DaemonInfo& daemon : daemons) {
        context.out << printable(daemon.name) << '\n';
    }
    context.out << std::flush;
}

}  // namespace syspulse::cli
