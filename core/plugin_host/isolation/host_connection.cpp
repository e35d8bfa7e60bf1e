#include "plugin_host/isolation/host_connection.hpp"

#include <utility>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "plugin_host/isolation/host_arguments.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t waiting_bytes_max = 64UL * 1024 * 1024;
constexpr Duration farewell = std::chrono::milliseconds{500};
constexpr const char* closed_channel = "it closed its channel";

}  // namespace

Result<std::unique_ptr<HostConnection>> HostConnection::open(
    platform::EventLoop& loop, const platform::Clock& clock, const std::filesystem::path& program,
    const std::filesystem::path& plugin, const IsolationPolicy& policy, Events events) {
    auto process = platform::start_helper(program, serve_arguments(plugin, policy));
    if (!process) return process.error();
    std::unique_ptr<HostConnection> made(
        new HostConnection(loop, clock, policy.watchdog, std::move(*process), std::move(events)));
    if (auto listening = made->listen(); !listening) return listening.error();
    return made;
}

Result<void> HostConnection::listen() {
    auto channel = platform::open_peer_channel(
        loop_, std::move(process_.channel),
        {[this](std::string_view bytes, std::vector<platform::OwnedHandle> handles) {
             received(bytes, std::move(handles));
         },
         [this] { closed(); }},
        process_.process.get());
    if (!channel) return channel.error();
    channel_ = std::move(*channel);
    auto watched = loop_.watch(process_.process.get(), platform::ready_read,
                               [this](std::uint32_t) { ended(); });
    if (!watched) return watched.error();
    exit_watch_ = *watched;
    return {};
}

HostConnection::~HostConnection() {
    *alive_ = false;
    if (timer_ != 0) loop_.cancel_timer(timer_);
    if (exit_watch_ != 0) loop_.unwatch(exit_watch_);
    if (ended_) return;
    if (channel_ && !reason_) channel_->send(FrameWriter(FrameType::goodbye, 0).take(), {});
    channel_.reset();
    if (reason_ || !platform::wait_for_exit(process_.process.get(), farewell)) {
        platform::signal_process(process_.process.get(), kill_number);
        platform::wait_for_exit(process_.process.get(), farewell);
    }
    platform::collect_exit(process_.process.get());
}

void HostConnection::send(std::string_view frame, std::span<const platform::NativeHandle> handles) {
    if (!channel_ || reason_) return;
    channel_->send(frame, handles);
    unanswered_ = true;
    if (channel_->waiting_bytes() > waiting_bytes_max) {
        return kill({ErrorCode::unavailable, "it does not take what it is sent"});
    }
    arm();
}

void HostConnection::ask_for_life() {
    send(FrameWriter(FrameType::ping, 0).take());
}

void HostConnection::say_goodbye() {
    send(FrameWriter(FrameType::goodbye, 0).take());
}

void HostConnection::arm() {
    if (timer_ != 0) return;
    timer_ = loop_.start_timer(clock_.now().mono + watchdog_ / 2, [this] {
        timer_ = 0;
        look();
    });
}

// Runs only after something was sent: a host that nobody asks anything is not woken.
void HostConnection::look() {
    if (!unanswered_ || reason_) return;
    if (pinged_) {
        return kill({ErrorCode::timed_out,
                     "it did not answer for " + format_duration(watchdog_) + " and was killed"});
    }
    pinged_ = true;
    ask_for_life();
}

void HostConnection::kill(Error reason) {
    if (reason_ || ended_) return;
    reason_ = std::move(reason);
    platform::signal_process(process_.process.get(), kill_number);
}

void HostConnection::received(std::string_view bytes, std::vector<platform::OwnedHandle> handles) {
    if (reason_) return;
    const std::shared_ptr<bool> alive = alive_;
    unanswered_ = false;
    pinged_ = false;
    doubted_ = false;
    heard_ = clock_.now().mono;
    splitter_.add(bytes, std::move(handles));
    for (;;) {
        auto frame = splitter_.next();
        if (!frame) return kill(frame.error().with("it was killed"));
        if (!*frame) return;
        ready_ = true;
        const bool only_life = (*frame)->type == FrameType::pong && (*frame)->id == 0;
        if (!only_life) events_.frame(std::move(**frame));
        if (!*alive || reason_) return;
    }
}

// It may have closed the channel and live on.
void HostConnection::closed() {
    channel_closed_ = true;
    if (ended_) return finish();
    kill({ErrorCode::unavailable, closed_channel});
}

// What it said last may still be on its way: the channel is read to its end, unless some other
// process holds it open.
void HostConnection::ended() {
    if (std::exchange(ended_, true)) return;
    loop_.unwatch(std::exchange(exit_watch_, 0));
    status_ = platform::collect_exit(process_.process.get()).value_or(ExitStatus::unknown());
    if (channel_closed_ || reason_) return finish();
    if (timer_ != 0) loop_.cancel_timer(timer_);
    timer_ = loop_.start_timer(clock_.now().mono + farewell, [this] { finish(); });
}

void HostConnection::finish() {
    if (timer_ != 0) loop_.cancel_timer(std::exchange(timer_, 0));
    // That it closed its channel is only how its end was noticed.
    const bool by_us = reason_ && reason_->message != closed_channel;
    Error error{ErrorCode::unavailable, "it ended with " + describe(status_)};
    if (by_us) error = *reason_;
    const auto lost = std::move(events_.lost);
    channel_.reset();
    lost(std::move(error));
}

}  // namespace syspulse::plugin_host
