// The real event loop, a host of plugins on it, and what was heard of them in the order in which it
// came.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugin_host/plugin_host.hpp"

namespace syspulse::plugin_host {

class HostTest : public testing::Test {
  protected:
    // Runs the loop until `count` events were heard, or for a minute.
    void until(std::size_t count) {
        wanted_ = count;
        if (heard_.size() >= count) return;
        const auto limit = loop_->start_timer(clock_->now().mono + std::chrono::seconds{60},
                                              [this] { loop_->stop(); });
        loop_->run();
        loop_->cancel_timer(limit);
    }
    void hear(std::string event) {
        heard_.push_back(std::move(event));
        if (heard_.size() >= wanted_) loop_->stop();
    }
    // Serves everything that is queued by now and what follows from it at once.
    void settle() {
        for (int turn = 0; turn < 4; ++turn) {
            loop_->post([this] { loop_->stop(); });
            loop_->run();
        }
    }

    std::unique_ptr<platform::Clock> clock_ = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop_ = *platform::make_event_loop(*clock_);
    std::unique_ptr<PluginHost> host_;
    std::vector<std::string> heard_;
    std::size_t wanted_ = 0;
};

}  // namespace syspulse::plugin_host
