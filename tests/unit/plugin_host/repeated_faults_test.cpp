// What the log says of a driver that does the same wrong again and again.
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "base/log.hpp"
#include "plugin_host/plugin_host.hpp"

namespace syspulse::plugin_host {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

struct StandingClock : platform::Clock {
    Now now() const override { return at; }
    Now at = platform::make_system_clock()->now();
};

class RepeatedFaults : public testing::Test, public platform::ProcessObserver {
  protected:
    void SetUp() override {
        HostOptions options;
        options.search_paths = {GOOD_PLUGINS};
        host_ = *PluginHost::create(*loop_, clock_, std::move(options));
        host_->processes().set_observer(this);
    }

    void spawned(RunId, const platform::SpawnedProcess&) override { loop_->stop(); }
    void spawn_failed(RunId, const Error&) override { loop_->stop(); }
    void spawn_in_doubt(RunId, const Error&) override { loop_->stop(); }
    void recover_failed(RunId, const Error&) override { loop_->stop(); }
    void exited(RunId, const ExitStatus&) override {}

    // What is logged while the driver is asked to start this.
    std::string log_of(const std::string& how) {
        testing::internal::CaptureStderr();
        platform::SpawnRequest request;
        request.run = RunId{++last_run_};
        request.run_id = "run-" + std::to_string(last_run_);
        request.unit = "web";
        request.driver = "fake";
        request.argv = {how};
        host_->processes().spawn(request);
        const auto limit = loop_->start_timer(system_->now().mono + std::chrono::seconds{60},
                                              [this] { loop_->stop(); });
        loop_->run();
        loop_->cancel_timer(limit);
        return testing::internal::GetCapturedStderr();
    }

    StandingClock clock_;
    std::unique_ptr<platform::Clock> system_ = platform::make_system_clock();
    std::unique_ptr<platform::EventLoop> loop_ = *platform::make_event_loop(*system_);
    std::unique_ptr<PluginHost> host_;
    std::uint64_t last_run_ = 0;
};

TEST_F(RepeatedFaults, are_told_once_a_second_after_the_first_with_how_many_there_were) {
    log::set_level(log::Level::warn);
    constexpr const char* alone = "the driver reported process 1; it is looked for\n";
    for (int i = 0; i < 5; ++i) EXPECT_THAT(log_of("init-pid"), EndsWith(alone)) << i;
    EXPECT_EQ(log_of("init-pid"), "");
    clock_.at.mono += std::chrono::milliseconds{999};
    EXPECT_EQ(log_of("init-pid"), "");
    clock_.at.mono += std::chrono::milliseconds{1};
    EXPECT_THAT(log_of("init-pid"), EndsWith("it is looked for, and 2 more like it before\n"));
    EXPECT_EQ(log_of("init-pid"), "");
    clock_.at.mono += std::chrono::minutes{1};
    EXPECT_THAT(log_of("init-pid"), EndsWith("it is looked for, and 1 more like it before\n"));
    EXPECT_THAT(log_of("init-pid"), EndsWith(alone));
    log::set_level(log::Level::off);
}

// Another fault is no repetition.
TEST_F(RepeatedFaults, hide_no_other_fault) {
    log::set_level(log::Level::warn);
    for (int i = 0; i < 6; ++i) static_cast<void>(log_of("init-pid"));
    EXPECT_THAT(log_of("wrong-type"), HasSubstr("with the wrong function"));
    log::set_level(log::Level::off);
}

}  // namespace
}  // namespace syspulse::plugin_host
