// One plugin host process as the manager sees it: the process, the channel to it, and a watchdog.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/helper_process.hpp"
#include "platform/peer_channel.hpp"
#include "plugin_host/isolation/frame.hpp"
#include "plugin_host/isolation/policy.hpp"

namespace syspulse::plugin_host {

// [loop thread]
class HostConnection {
  public:
    struct Events {
        std::function<void(Frame)> frame;
        // The process has ended and is collected. The connection may be destroyed from in here.
        std::function<void(Error)> lost;
    };

    static Result<std::unique_ptr<HostConnection>> open(platform::EventLoop& loop,
                                                        const platform::Clock& clock,
                                                        const std::filesystem::path& program,
                                                        const std::filesystem::path& plugin,
                                                        const IsolationPolicy& policy,
                                                        Events events);
    // Ends the process: asks it to go, and kills it if it is still there after a short while.
    ~HostConnection();
    HostConnection(const HostConnection&) = delete;
    HostConnection& operator=(const HostConnection&) = delete;

    // Every frame to the host is to be followed by some frame from it within the watchdog's time.
    void send(std::string_view frame, std::span<const platform::NativeHandle> handles = {});
    // Has the host prove that it is alive.
    void ask_for_life();
    // Asks it to end; `lost` follows when it has.
    void say_goodbye();
    // Kills the process; `lost` follows with this reason.
    void kill(Error reason);

    std::int64_t pid() const { return process_.pid; }
    bool ready() const { return ready_; }                // Its first frame was heard.
    bool doomed() const { return reason_.has_value(); }  // It was killed.
    bool suspect() const { return pinged_ || doubted_ || reason_; }
    // Nothing was heard from it since then.
    bool silent_since(Instant when) const { return heard_ < when; }
    // It is suspect until it says something.
    void doubt() { doubted_ = true; }

    model::Misbehaviour misbehaviour;  // As the host has told.

  private:
    HostConnection(platform::EventLoop& loop, const platform::Clock& clock, Duration watchdog,
                   platform::HelperProcess process, Events events)
        : loop_(loop),
          clock_(clock),
          watchdog_(watchdog),
          process_(std::move(process)),
          events_(std::move(events)) {}

    Result<void> listen();
    void received(std::string_view bytes, std::vector<platform::OwnedHandle> handles);
    void closed();
    void ended();
    void finish();
    void arm();
    void look();

    platform::EventLoop& loop_;
    const platform::Clock& clock_;
    Duration watchdog_;
    platform::HelperProcess process_;
    Events events_;
    std::unique_ptr<platform::PeerChannel> channel_;
    FrameSplitter splitter_;
    platform::WatchId exit_watch_ = 0;
    platform::TimerId timer_ = 0;
    bool ready_ = false;
    bool unanswered_ = false;
    bool pinged_ = false;
    bool doubted_ = false;
    Instant heard_{};
    bool ended_ = false;
    bool channel_closed_ = false;
    ExitStatus status_;
    std::optional<Error> reason_;  // Why it was killed.
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace syspulse::plugin_host
