// A runner of processes on plugins made for the tests, and what its observer hears.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "host_fixture.hpp"

namespace syspulse::plugin_host {

class ProcessRunnerTest : public HostTest, public platform::ProcessObserver {
  protected:
    void use(const char* folder, Duration deadline = std::chrono::seconds{60}) {
        HostOptions options;
        options.search_paths = {folder};
        options.operation_deadline = deadline;
        host_ = *PluginHost::create(*loop_, *clock_, std::move(options));
        host_->processes().set_observer(this);
    }
    void SetUp() override { use(GOOD_PLUGINS); }

    void measure() {
        host_->processes().stats(RunId{1}, [this](const Result<platform::ProcessStats>& measured) {
            hear(measured ? "measured" : measured.error().message);
        });
    }
    void recover(std::uint64_t run, const std::string& token) {
        platform::RecoverRequest request;
        request.driver = "fake";
        request.run = RunId{run};
        request.token = token;
        host_->processes().recover(request);
    }
    void spawn(const std::string& how, std::uint64_t run = 1) {
        platform::SpawnRequest request;
        request.run = RunId{run};
        request.run_id = "run-" + std::to_string(run);
        request.unit = "web";
        request.driver = "fake";
        request.argv = {how};
        host_->processes().spawn(request);
    }

    void spawned(RunId run, const platform::SpawnedProcess& process) override {
        pid_ = process.pid;
        frozen_ = process.frozen;
        hear("spawned " + std::to_string(run.value));
    }
    void spawn_failed(RunId run, const Error& error) override {
        hear("failed " + std::to_string(run.value) + ": " + error.message);
    }
    void spawn_in_doubt(RunId run, const Error& error) override {
        hear("in doubt " + std::to_string(run.value) + ": " + error.message);
    }
    void recover_failed(RunId run, const Error& error) override {
        hear("not recovered " + std::to_string(run.value) + ": " +
             std::string(to_string(error.code)) + ", " + error.message);
    }
    void exited(RunId run, const ExitStatus& status) override {
        exit_ = status;
        hear("exited " + std::to_string(run.value) + ": " + describe(status));
    }

    std::int64_t pid_ = 0;
    bool frozen_ = false;
    ExitStatus exit_;
};

}  // namespace syspulse::plugin_host
