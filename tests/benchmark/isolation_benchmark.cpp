// What isolation costs: the same plugin inside of this process and in one of its own, measured in
// turns. Prints the medians, their difference and their ratio, and ends with 1 when --enforce is
// given and a budget is exceeded; with --json what scripts/bench shows.
//
// isolation_benchmark SYSPULSE PLUGIN_DIRECTORY [--enforce | --json]
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "plugin_host/isolation/policy.hpp"
#include "plugin_host/plugin_host.hpp"

namespace {

using namespace syspulse;

constexpr int checks = 2000;
constexpr int spawns = 200;
constexpr double check_budget_us = 200;
constexpr double spawn_budget_us = 1000;
constexpr double load_budget_us = 5000;

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

class Side final : public platform::ProcessObserver, public platform::CheckObserver {
  public:
    Side(const char* program, const char* folder, bool isolated)
        : clock_(platform::make_system_clock()), loop_(*platform::make_event_loop(*clock_)) {
        plugin_host::HostOptions options;
        options.search_paths = {folder};
        if (isolated) {
            options.isolation.emplace();
            options.isolation->program = program;
            options.isolation->policy = [](const plugin_host::PluginInfo&) {
                return plugin_host::IsolationPolicy{};
            };
        }
        const Instant began = now();
        host_ = std::move(*plugin_host::PluginHost::create(*loop_, *clock_, std::move(options)));
        host_->processes().set_observer(this);
        host_->checks().set_observer(this);
        check();  // Creates the instance.
        load_us = micros(now() - began);
    }

    double check() {
        const Instant began = now();
        platform::CheckRequest request;
        request.check = CheckId{++count_};
        request.daemon = DaemonKey{1};
        request.unit = "benchmark";
        request.checker = "mock";
        request.target = "pass";
        request.options_json = R"({"word": "pass"})";
        request.pid = -1;
        request.timeout = std::chrono::seconds{10};
        host_->checks().start(request);
        loop_->run();
        return micros(now() - began);
    }

    double spawn() {
        const Instant began = now();
        platform::SpawnRequest request;
        request.run = RunId{++count_};
        request.run_id = "benchmark-" + std::to_string(count_);
        request.unit = "benchmark";
        request.driver = "mock";
        request.argv = {"/bin/true"};
        request.env = {"PATH=/bin"};
        request.working_dir = "/";
        host_->processes().spawn(request);
        loop_->run();
        const double took = micros(now() - began);
        loop_->run();  // Its exit.
        host_->processes().release(request.run);
        return took;
    }

    void spawned(RunId, const platform::SpawnedProcess&) override { loop_->stop(); }
    void spawn_failed(RunId, const Error& error) override {
        std::fprintf(stderr, "%s\n", error.message.c_str());
        std::exit(2);
    }
    void recover_failed(RunId run, const Error& error) override { spawn_failed(run, error); }
    void exited(RunId, const ExitStatus&) override { loop_->stop(); }
    void checked(CheckId, const platform::CheckReport&) override { loop_->stop(); }

    double load_us = 0;

  private:
    Instant now() const { return clock_->now().mono; }
    static double micros(Duration duration) {
        return std::chrono::duration<double, std::micro>(duration).count();
    }

    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<platform::EventLoop> loop_;
    std::unique_ptr<plugin_host::PluginHost> host_;
    std::uint64_t count_ = 0;
};

bool report(const char* what, double inside, double isolated, double budget) {
    const double more = isolated - inside;
    std::printf("%-6s inside %8.1f us, isolated %8.1f us: %+8.1f us, x %.2f (budget %+.0f us)%s\n",
                what, inside, isolated, more, isolated / inside, budget,
                more <= budget ? "" : "  EXCEEDED");
    return more <= budget;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s SYSPULSE PLUGIN_DIRECTORY [--enforce | --json]\n", argv[0]);
        return 2;
    }
    Side inside(argv[1], argv[2], false);
    Side isolated(argv[1], argv[2], true);
    std::vector<double> values[4];
    for (int i = 0; i < checks; ++i) {
        values[0].push_back(inside.check());
        values[1].push_back(isolated.check());
    }
    for (int i = 0; i < spawns; ++i) {
        values[2].push_back(inside.spawn());
        values[3].push_back(isolated.spawn());
    }
    const std::string mode = argc > 3 ? argv[3] : "";
    if (mode == "--json") {
        std::printf(
            "{\"load_create_ms\": %.4f, \"check_more_us\": %.2f, \"spawn_more_us\": %.2f}\n",
            inside.load_us / 1000, median(values[1]) - median(values[0]),
            median(values[3]) - median(values[2]));
        return 0;
    }
    bool kept = report("check", median(values[0]), median(values[1]), check_budget_us);
    kept = report("spawn", median(values[2]), median(values[3]), spawn_budget_us) && kept;
    std::printf(
        "load + create inside %.1f us (budget %.0f us), look + load + create isolated %.1f us\n",
        inside.load_us, load_budget_us, isolated.load_us);
    kept = inside.load_us <= load_budget_us && kept;
    return mode == "--enforce" && !kept ? 1 : 0;
}
