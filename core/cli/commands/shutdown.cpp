// syspulse shutdown
#include <array>
#include <future>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/line_splitter.hpp"
#include "cli/text.hpp"
#include "platform/system_words.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{0, "keep-running", "",
               "leave the daemons running; the next manager takes them over"},
};

// Stopping daemons takes as long as they take, so this ends when the endpoint is gone, not at a
// deadline. Only for a manager whose process cannot be watched.
void wait_until_gone(const Context& context) {
    constexpr Duration between_looks = std::chrono::milliseconds{20};
    for (;;) {
        const Answer answer =
            call(context, {.target = "/v1/ping", .timeout = std::chrono::seconds{5}});
        if (!answer && answer.failure->exit == ExitCode::unreachable) {
            return;
        }
        context.pause(between_looks);
    }
}

// What the manager tells of daemons that it cannot stop, until its end ends the answer.
class LeftBehind {
  public:
    // Returns when nothing will be missed.
    explicit LeftBehind(const Context& context) {
        constexpr std::chrono::seconds patience{5};
        auto begun = begun_.get_future();
        thread_ = std::jthread([this, &context] { follow(context); });
        begun.wait_for(patience);
    }
    std::vector<std::string> wait() {
        thread_.join();
        return std::move(told_);
    }

  private:
    void follow(const Context& context) {
        // The last event of the past comes first, and shows that the answer has begun.
        LineSplitter lines([this](std::string_view line) {
            if (!std::exchange(follows_, true)) {
                begun_.set_value();
                return;
            }
            const auto event = decode_event(line);
            if (event && event->kind == "manager" && event->to == "left behind") {
                told_.push_back(event->reason);
            }
        });
        if (auto connection = context.connect(context.globals)) {
            static_cast<void>((*connection)
                                  ->stream("/v1/events?follow=true&lines=1",
                                           [&](std::string_view piece) {
                                               lines.feed(piece);
                                               return true;
                                           })
                                  .has_value());
        }
        lines.finish();
        if (!follows_) {
            begun_.set_value();
        }
    }

    std::promise<void> begun_;
    bool follows_ = false;
    std::vector<std::string> told_;
    std::jthread thread_;
};

std::string done_text(bool keep) {
    if (!keep) return "manager and daemons stopped\n";
    const std::string_view cost = platform::system_words().cost_of_keeping;
    return "manager stopped, daemons keep running" + std::string(cost.empty() ? "" : "; ") +
           std::string(cost) + "\n";
}

ExitCode run(Context& context, const Arguments& arguments) {
    const bool keep = arguments.has("keep-running");
    const auto ended = context.watch_manager(context.globals);
    std::optional<LeftBehind> left;
    if (!keep) {
        left.emplace(context);
    }
    const Answer answer = call(
        context, {"POST", "/v1/shutdown",
                  keep ? "{\"keep_running\":true}" : "{\"keep_running\":false}", std::nullopt});
    if (!answer) {
        return report(context, *answer.failure);
    }
    if (ended) {
        (*ended)();
    } else {
        wait_until_gone(context);
    }
    const auto still_there = left ? left->wait() : std::vector<std::string>();
    if (!still_there.empty()) {
        return report(context, {ExitCode::failed, 500, "left_behind",
                                "the manager stopped, and left behind what it could not stop: " +
                                    join(still_there, "; ")});
    }
    if (context.json()) {
        context.out << "{\"keep_running\":" << (keep ? "true" : "false") << "}\n" << std::flush;
    } else if (!context.globals.quiet) {
        context.out << done_text(keep) << std::flush;
    }
    return ExitCode::done;
}

}  // namespace

constinit const Command shutdown_command{
    .name = "shutdown",
    .summary = "stop the manager",
    .positional = {},
    .options = options,
    .details =
        "Stops all daemons, dependents first, then the manager, and returns when its process is "
        "gone. What survives even a kill is left behind and named, and the exit code is 1 then.",
    .examples =
        "syspulse shutdown\n"
        "syspulse shutdown --keep-running",
    .run = run,
};

}  // namespace syspulse::cli
