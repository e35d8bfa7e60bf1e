// A conductor on the simulated platform, for its tests.
#pragma once

#include "manager/conductor.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/sim/sim_world.hpp"
#include "simulation/memory_journal.hpp"

namespace syspulse::manager {

using model::State;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Words = std::vector<std::string>;

inline model::DaemonSpec make_spec(const std::string& name) {
    model::DaemonSpec spec;
    spec.name = name;
    spec.command = {"/bin/" + name};
    return spec;
}

// How often a request was answered, and with what.
struct Answer {
    int times = 0;
    Result<void> result;
    Done callback() {
        return [this](Result<void> told) {
            ++times;
            result = std::move(told);
        };
    }
    bool done() const { return times == 1 && result.has_value(); }
};

class ManagerConductor : public testing::Test {
  protected:
    ManagerConductor() { boot(); }

    // A new manager takes over what the last one left.
    void boot(bool continued = false) {
        if (conductor_ != nullptr) {
            conductor_.reset();
            world_.detach();
        }
        ConductorOptions options;
        options.make_uuid = [this] { return "uuid-" + std::to_string(++uuids_); };
        options.boot = machine_life_;
        options.set_up_user = [this](const std::string&) -> Result<UserSetup> {
            if (!users_known_) return Error{ErrorCode::unavailable, "nobody knows users now"};
            return UserSetup{std::nullopt, {{"PATH", "/bin"}, {"A", "base"}}};
        };
        if (adjust_) adjust_(options);
        conductor_ = std::make_unique<Conductor>(
            Ports{clock_, loop_, journal_, processes_, checks_, capture_}, std::move(options));
        ASSERT_TRUE(conductor_->load().has_value());
        conductor_->begin(true, continued);
        pass(milliseconds{1});
    }
    void pass(Duration time) { loop_.run_until(clock_.now().mono + time); }
    void add(const std::string& name) {
        ASSERT_TRUE(conductor_->add({make_spec(name)}, false, "tester").has_value());
    }
    void add_restarting(const std::string& name) {
        model::DaemonSpec spec = make_spec(name);
        spec.restart.kind = model::RestartPolicy::Kind::always;
        ASSERT_TRUE(conductor_->add({spec}, false, "tester").has_value());
    }
    // What the history has of one kind: "FROM>TO", or "TO: REASON" without a state before.
    Words told_in_history(const std::string& kind) {
        Words told;
        const auto history = journal_.history({}).value();
        for (const auto& entry : history) {
            if (entry.kind != kind) continue;
            told.push_back(entry.from.empty() ? entry.to + ": " + entry.reason
                                              : entry.from + ">" + entry.to);
        }
        return told;
    }
    void start(const std::string& name) {
        Answer answer;
        conductor_->start(name, false, std::nullopt, "tester", answer.callback());
        pass(seconds{1});
        ASSERT_TRUE(answer.done()) << name;
    }
    RunId processes_run(const std::string& name) { return conductor_->view(name).value().run; }
    State state(const std::string& name) { return conductor_->view(name).value().state; }
    std::size_t specs_kept() { return journal_.load().value().specs.size(); }
    void disk_full(bool full) { journal_.write_fails = full ? 1.1 : 0; }

    Random random_{1};
    platform::sim::SimClock clock_;
    platform::sim::SimLoop loop_{clock_, random_};
    platform::sim::SimWorld world_{clock_, loop_, random_};
    platform::sim::SimProcessRunner processes_{world_};
    platform::sim::SimCheckRunner checks_{world_};
    platform::sim::SimCapture capture_;
    simulation::MemoryJournal journal_{random_};
    std::unique_ptr<Conductor> conductor_;
    std::size_t uuids_ = 0;
    std::string machine_life_ = "first";
    bool users_known_ = true;
    std::function<void(ConductorOptions&)> adjust_;  // What else a manager is given at boot().
};

}  // namespace syspulse::manager
