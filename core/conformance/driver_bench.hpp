// A driver under test with everything that is needed to run small programs with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conformance/case.hpp"
#include "conformance/programs.hpp"

namespace syspulse::conformance {

struct Running {
    sysp_proc proc = 0;
    std::string run_id;
    std::int64_t pid = 0;
    std::string token;
    sysp_status accepted = SYSP_OK;  // What spawn() or recover() itself said.
    bool refused = false;            // It said no.
    std::optional<Event> answer;     // Nothing when it did not come.

    bool up() const { return answer && !answer->error; }
    // Why it is not up; nothing when there was no answer.
    std::optional<std::int32_t> error() const {
        if (refused) return accepted;
        return answer ? answer->error : std::nullopt;
    }
};

class DriverBench {
  public:
    explicit DriverBench(Case& c);
    // Kills what still runs.
    ~DriverBench();
    DriverBench(const DriverBench&) = delete;
    DriverBench& operator=(const DriverBench&) = delete;

    bool ready() const { return trial && trial->created(); }
    Duration within(Duration limit) const { return case_.within(limit); }

    Running spawn(const Words& argv);
    Running recover(const std::string& run_id, const std::string& token);
    // The answer to one of the plain operations; nothing when it does not come.
    std::optional<Event> signal(sysp_proc proc, std::int32_t kind, std::int32_t number = 0);
    std::optional<Event> inspect(sysp_proc proc);
    std::optional<Event> stats(sysp_proc proc);
    void release(sysp_proc proc) { trial->driver().release(trial->self(), proc); }
    std::optional<Event> exit_of(const Running& run);
    // Options of the processes that are started from now on.
    void use(plugin_host::PluginConfig options) { options_ = std::move(options); }
    // A fresh instance in place of the present one.
    void renew();
    // What the last programs wrote to standard output.
    std::string output() const { return output_of(streams_); }
    bool wait_for_output(const std::string& text);

    KitHost host;
    std::unique_ptr<Trial> trial;
    Words env = plain_environment();
    std::string refusal;               // What the driver said of the last start that failed.
    std::int32_t* pid_slot = nullptr;  // Of the starts that follow.
    sysp_limits limits{};              // Likewise.

  private:
    std::optional<Event> answered(sysp_op op, sysp_status accepted);
    Running started(sysp_op op, Running run, sysp_status accepted);
    void leave_no_traces();

    Case& case_;
    ProgramStreams streams_ = make_program_streams();
    plugin_host::PluginConfig options_;
    std::vector<Running> started_;
    int runs_ = 0;
};

// One ordinary use of the kind under test.
void exercise(Case& c);

constexpr Duration bench_patience = std::chrono::seconds{15};

// An item that begins with a working driver.
template <Verdict (*Body)(DriverBench&)>
Verdict with_driver(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    DriverBench bench(c);
    if (!bench.ready()) return skip("create fails");
    Verdict verdict = Body(bench);
    const bool told = verdict.message.find(bench.refusal) != std::string::npos;
    if (verdict.outcome == Outcome::fail && !told) verdict.message += ": " + bench.refusal;
    return verdict;
}

}  // namespace syspulse::conformance
