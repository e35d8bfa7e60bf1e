// A plugin in a process of its own, as the manager holds it. Instances and operations look to the
// rest of the host as if the plugin were loaded here. When the process is lost, its operations
// fail, its daemons stay watched from here, and a fresh process takes them over by their tokens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "platform/file_trust.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/isolation/host_connection.hpp"
#include "plugin_host/isolation/messages.hpp"
#include "plugin_host/isolation/policy.hpp"
#include "plugin_host/isolation/quarantine.hpp"
#include "plugin_host/isolation/trial.hpp"
#include "plugin_host/loaded_kind.hpp"

namespace syspulse::plugin_host {

class RemotePlugin;

// What the `self` of an isolated instance points to.
struct RemoteInstance {
    RemotePlugin* plugin = nullptr;
    std::uint32_t id = 0;
    Instance* instance = nullptr;
    CreateCall call;
    bool known = false;  // The host has answered; `extensions` is complete.
    std::vector<std::string> extensions;
    std::uint64_t check = 0;  // The newest one's name in frames; zero if that was refused.
    std::string subject;      // Of its check, once that was suspected.
};

struct RemoteSetup {
    std::filesystem::path program;  // Empty: the running one.
    std::filesystem::path file;
    PluginInfo info;
    IsolationPolicy policy;
    SchemaCheck schema_check;
    // Whether a version that is to take over suits what is declared; it stays out if not.
    std::function<Result<void>(const PluginInfo&)> suits;
    // What a fresh process runs; its descriptor fits the old one.
    std::function<void(const PluginInfo&, Takeover)> started;
};

// [loop thread]
class RemotePlugin {
  public:
    RemotePlugin(HostCore& core, RemoteSetup setup);
    ~RemotePlugin();
    RemotePlugin(const RemotePlugin&) = delete;
    RemotePlugin& operator=(const RemotePlugin&) = delete;

    // The slots of the ABI. An operation is always accepted; what is wrong comes as its completion.
    RemoteInstance* create(Instance& instance, const LoadedKind& kind, std::string config);
    void destroy(RemoteInstance& instance);
    void check(RemoteInstance& instance, sysp_op op, CheckCall call);
    void spawn(RemoteInstance& instance, sysp_op op, const SpawnCall& call,
               std::span<const platform::NativeHandle> stdio);
    void recover(RemoteInstance& instance, sysp_op op, const RecoverCall& call);
    void signal(RemoteInstance& instance, sysp_op op, const PlainCall& call);
    void ask(RemoteInstance& instance, sysp_op op, FrameType type, const PlainCall& call);
    void extension(RemoteInstance& instance, sysp_op op, const ExtensionCall& call);
    void cancel(RemoteInstance& instance, sysp_op op);
    void release(RemoteInstance& instance, sysp_proc proc);

    // Starts a process from the present file and hands everything over to it; on failure the old
    // one goes on. With `force` also if it does not suit what is declared. `done` comes later,
    // never from inside the call.
    void reload(bool force, std::function<void(Result<void>)> done);
    // The file is not the one that runs, or that was looked at.
    bool file_changed() const;
    // The file is not the one that was started last, successfully or not.
    bool has_untried_file() const;

    HostStatus status() const;
    // Why nobody is there to answer; empty while somebody is.
    std::string trouble() const;
    std::uint64_t file_stamp() const { return platform::file_stamp(setup_.file); }
    OptionTrial trial(std::string checker, std::string options_json) const {
        return {setup_.program, setup_.file,        setup_.policy,
                false,          std::move(checker), std::move(options_json)};
    }
    OptionTrial trial(std::string driver, std::string options_json,
                      const platform::ProcessLimits& limits) const {
        OptionTrial made = trial(std::move(driver), std::move(options_json));
        made.driver = true;
        made.limits = limits;
        return made;
    }
    bool owns_pid(std::int64_t pid) const;
    // The check has not begun, or had to begin again: that no answer came says nothing.
    bool unheard(const RemoteInstance& instance, sysp_op op) const;
    const std::string& id() const { return setup_.info.id; }
    const IsolationPolicy& policy() const { return setup_.policy; }

  private:
    struct Operation {
        RemoteInstance* instance = nullptr;
        sysp_op op = 0;  // Zero: our own.
        OpType type = OpType::plain;
        FrameType call{};
        sysp_proc proc = 0;
        bool kill = false;
        bool leader_killed = false;  // From here; only what belongs to it waits for the driver.
        std::optional<PlainCall> signal{};
        Instant since{};  // When it was sent; while it waits for that: when it came.
        std::uint32_t losses = 0;
        std::string lost_in_start{};  // How the process ended that was to start the daemon.
        std::unique_ptr<CheckCall> check{};
        bool apart = false;  // Made in the process of the quarantine.
        HostConnection* sent_to = nullptr;
        std::string frame{};                           // While it waits to be sent.
        std::vector<platform::OwnedHandle> handles{};  // Likewise.
    };
    struct Process {
        RemoteInstance* instance = nullptr;
        RecoverCall recovery;  // The token is empty until it is known.
        std::int64_t pid = 0;
        bool up = false;
        bool ended = false;
        bool recovering = false;
        bool inherited = false;   // Its first host is gone or going: it becomes our child.
        bool adopted = false;     // An earlier manager's: nobody here can collect it.
        bool oom_killed = false;  // As the driver said.
        std::uint64_t memory_peak_bytes = 0;  // Likewise.
        platform::OwnedHandle handle;
        // Held, so that losing the plugin's process loses nothing of what the process has started.
        std::shared_ptr<const platform::OwnedHandle> group;
        platform::WatchId watch = 0;
        platform::TimerId overdue = 0;
        int reminders = 0;
    };
    // A process that was released. Until its host is known to have heard of that, a fresh host is
    // told of it, as only the driver knows what there is beside a process, such as its cgroup.
    struct Released {
        std::uint32_t instance = 0;
        RecoverCall recovery;
        bool kill = false;  // What it left behind was to be killed.
        HostConnection* told = nullptr;
    };
    // An operation that outlived so many processes is probably what ends them.
    static constexpr std::uint32_t losses_max = 2;
    using Wire = std::uint64_t;  // An operation's name in frames; never reused.

    // remote_plugin.cpp: operations.
    bool signal_from_here(sysp_proc proc, std::int32_t number);
    void mind_signals(Instant since);
    void signal_for_a_silent_host();
    void submit(Operation operation, std::string frame,
                std::span<const platform::NativeHandle> handles = {});
    void transmit(Wire wire, Operation& operation, std::string_view frame,
                  std::span<const platform::NativeHandle> handles);
    bool must_wait(const Operation& operation) const;
    void flush();
    void answer(const Operation& operation, Completion completion);
    void fail(const Operation& operation, const Error& error);
    void fail(const Operation& operation, const DoneMessage& message);
    void give_up(const Operation& operation, const Error& error);
    void finish(Wire wire, DoneMessage message, std::vector<platform::OwnedHandle> handles);
    void recovered(const Operation& operation, const DoneMessage& message);

    // remote_host.cpp: the life of the process.
    void start();
    Result<std::unique_ptr<HostConnection>> connect();
    void populate();
    void received(HostConnection& from, Frame frame);
    bool take(HostConnection& from, Frame& frame);
    void ended(const HostConnection& from, Wire wire, DoneMessage done,
               std::vector<platform::OwnedHandle> handles);
    bool expected(const HostConnection& from, Wire wire, const DoneMessage& done) const;
    void lost(HostConnection* which, const Error& error);
    std::string drop_operations(const HostConnection* which, const Error& error);
    void schedule_restart(const Error& error);
    void plan_restart(Instant when);
    void hasten_restart();
    static bool cannot_outwait(const Operation& operation);
    Result<void> greet(const HostConnection& from, const HelloMessage& hello);
    void refuse(HostConnection& from, const Error& error);

    // remote_reload.cpp: one process takes over from another.
    void advance_reload();
    void finish_reload(const Result<void>& result);
    bool handing_over() const;

    // remote_quarantine.cpp: checks that are made apart.
    bool suspect(Wire wire, Operation& operation);
    bool check_apart(Operation& operation);
    void check_again(Wire wire);
    void advance_quarantine();
    bool open_apart();
    void await_idle_limit();
    void finished_apart(Wire wire, DoneMessage message);
    void probe_apart(Wire wire);
    void outlived(Wire wire);
    void lost_apart(const Error& error);
    void no_process_apart(const Error& error);
    void tell_loss(const Quarantine::Loss& loss);
    void pardon();

    // remote_process.cpp: processes watched from here.
    void came_up(Process& process, sysp_proc proc, platform::SpawnedProcess& spawned,
                 std::vector<platform::OwnedHandle> handles);
    void watch(Process& process, sysp_proc proc);
    void handle_ready(sysp_proc proc);
    void exited(sysp_proc proc, ExitStatus status);
    void report_exit(Process& process, sysp_proc proc, const ExitStatus& status);
    void remind(sysp_proc proc);
    void look_again(sysp_proc proc, bool host_says_ended);
    void stop_watching(Process& process);
    bool kill_outstanding(sysp_proc proc) const;
    void tell_released();
    void tell_released(Wire name, Released& released);
    void forget(sysp_proc proc);

    HostCore& core_;
    RemoteSetup setup_;
    std::uint32_t last_instance_ = 0;
    Wire last_wire_ = 0;
    std::map<std::uint32_t, std::unique_ptr<RemoteInstance>> instances_;
    std::map<Wire, Operation> operations_;  // In the order of their submission.
    std::unordered_map<sysp_proc, Process> processes_;
    std::map<Wire, Released> released_;  // By the id of the ping behind the release.
    std::unique_ptr<HostConnection> current_;
    std::unique_ptr<HostConnection> next_;      // Of a reload, until it has taken over.
    std::unique_ptr<HostConnection> retiring_;  // Of a reload, until its last operation has ended.
    std::unique_ptr<HostConnection> apart_;     // Of the quarantine, while it is needed.
    std::function<void(Result<void>)> reloading_;
    bool reload_forced_ = false;
    std::optional<Error> refusal_;         // Why the next one is not taken.
    std::optional<PluginInfo> successor_;  // What the next one is, once it has said so.
    platform::TimerId restart_timer_ = 0;
    Instant restart_at_{};  // While that runs.
    Instant lost_at_{};
    bool came_up_ = false;  // The present process, or the last one.
    platform::TimerId retire_timer_ = 0;
    platform::TimerId signal_timer_ = 0;  // While a signal is to be passed on.
    Instant started_;
    std::uint32_t failures_ = 0;   // In a row.
    std::uint64_t file_stamp_;     // Of the last start.
    std::uint64_t running_stamp_;  // Of what last ran, or of the look at the file before that.
    HostStatus status_;
    Quarantine quarantine_;
    bool apart_leaving_ = false;  // It was asked to go.
    platform::TimerId apart_idle_timer_ = 0;
    Instant apart_not_before_{};
    std::uint32_t apart_failures_ = 0;  // To come up, in a row.
    Error apart_error_;                 // The last one of these.
};

}  // namespace syspulse::plugin_host
