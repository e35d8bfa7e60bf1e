// platform::ProcessRunner on driver plugins: one driver instance per driver kind, at most one
// operation at a time per process, a deadline for each.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "platform/process_runner.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/plugin_catalog.hpp"

namespace syspulse::plugin_host {

// [loop thread]
class PluginProcessRunner final : public platform::ProcessRunner, private CompletionSink {
  public:
    PluginProcessRunner(std::shared_ptr<HostCore> core, const PluginCatalog& catalog,
                        Duration deadline);
    ~PluginProcessRunner() override;

    void set_observer(platform::ProcessObserver* observer) override { observer_ = observer; }
    void spawn(const platform::SpawnRequest& request) override;
    void recover(const platform::RecoverRequest& request) override;
    void signal(RunId run, std::int32_t number, platform::DoneHandler done) override;
    void kill_tree(RunId run, platform::DoneHandler done) override;
    void freeze(RunId run, platform::DoneHandler done) override;
    void thaw(RunId run, platform::DoneHandler done) override;
    void inspect(RunId run) override;
    void stats(RunId run, platform::StatsHandler done) override;
    void release(RunId run) override;

  private:
    struct Driver {
        const LoadedKind* kind = nullptr;
        PluginConfig config;
        Instance* instance = nullptr;
    };
    struct Run {
        sysp_proc proc = 0;
        Driver* driver = nullptr;
        sysp_op busy = 0;  // The operation under way, 0 if none.
    };
    // What to do when an operation ends.
    struct Pending {
        enum class Purpose : std::uint8_t {
            spawn,
            recover,
            signal,
            plain,
            inspect,
            stats,
            clean_up
        };
        Purpose purpose = Purpose::spawn;
        Driver* driver = nullptr;
        RunId run;
        sysp_proc proc = 0;
        platform::TimerId deadline = 0;
        std::variant<std::monostate, platform::DoneHandler, platform::StatsHandler> handler;
        bool urgent = false;
        std::string unit{};  // The daemon's name, of a spawn or recovery.
    };
    using Slot = std::function<sysp_status(sysp_op)>;

    Result<Driver*> driver(const std::string& name);
    Result<Run*> begin_run(RunId run, const std::string& driver_name);
    void reject(Pending::Purpose purpose, RunId run, Error error);
    void report_failure(Pending::Purpose purpose, RunId run, const Error& error);
    void start(OpType type, Pending pending, const char* function, const Slot& slot);
    // An operation on a run that op_done completes.
    using PlainSlot = std::function<sysp_status(const Run&, sysp_op)>;
    struct Plain {
        Pending::Purpose purpose = Pending::Purpose::plain;
        const char* function = "";
        PlainSlot slot;
        platform::DoneHandler done;
        bool urgent = false;  // A kill.
        bool to_end = false;  // A request to end.
    };
    void start_plain(RunId run, Plain operation);
    void start_signal(RunId run, std::int32_t kind, std::int32_t number, platform::DoneHandler done,
                      bool urgent);
    void measure(RunId run, platform::StatsHandler done);
    void start_freeze(RunId run, bool frozen, platform::DoneHandler done);
    // Runs `begin` now, or after the operations of the run that are under way or wait already.
    void in_turn(RunId run, std::function<void()> begin, bool urgent);
    void next_in_turn(RunId run);
    // What an operation of the driver may take.
    Duration limit(const Driver& driver) const;
    void expired(sysp_op op);
    void end_without_answer(sysp_op op, std::optional<Error> why);
    bool reached_its_end(const Pending& pending) const;
    void before_measurements(RunId run, std::function<void()> begin);
    void make_way(sysp_op op, const char* why);

    void completed(Completion& completion) override;
    void spawn_ended(const Pending& pending, Completion& completion);
    void operation_ended(Pending& pending, Completion& completion);
    // Of a spawn or recovery that was given up and succeeded all the same, or whose answer cannot
    // be true.
    struct Abandoned {
        Driver* driver = nullptr;
        Pending::Purpose purpose = Pending::Purpose::spawn;
    };
    // A start whose answer was refused. That it failed is told when its process has been killed.
    struct Refused {
        RunId run;
        Error why;
    };
    void refused(const Pending& pending, const Completion& completion);
    void cleaned_up(const Pending& pending, const std::optional<Error>& failure);
    void answered_late(Completion& completion);
    void clean_up(const Abandoned& abandoned, sysp_proc proc);
    void call_release(Driver& driver, sysp_proc proc);

    std::shared_ptr<HostCore> core_;
    const PluginCatalog& catalog_;
    Duration deadline_;
    platform::ProcessObserver* observer_ = nullptr;
    std::unordered_map<std::string, std::unique_ptr<Driver>> drivers_;
    std::unordered_map<RunId, Run> runs_;
    std::unordered_map<RunId, std::deque<std::function<void()>>> queued_;
    // Who shares the one measurement of the run that waits for its turn.
    std::unordered_map<RunId, std::vector<platform::StatsHandler>> to_measure_;
    std::unordered_map<sysp_op, Pending> pending_;
    std::unordered_map<sysp_proc, Abandoned> abandoned_;
    std::unordered_map<sysp_proc, Refused> refused_;
};

}  // namespace syspulse::plugin_host
