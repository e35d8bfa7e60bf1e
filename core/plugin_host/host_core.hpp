// The host's side of the ABI: instances of plugins, guarded calls into them, and the sysp_host
// functions that they call. It outlives its PluginHost for as long as the process lives, since
// plugin threads may call late; after close() every such call is answered SYSP_E_STALE.
#pragma once

#include <syspulse/plugin.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/boxed.hpp"
#include "base/plugin_calls.hpp"
#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/process_runner.hpp"
#include "plugin_host/id_set.hpp"
#include "plugin_host/loaded_kind.hpp"
#include "plugin_host/operation_table.hpp"
#include "plugin_host/plugin_config.hpp"
#include "plugin_host/worker_pool.hpp"

namespace syspulse::plugin_host {

class HostCore;

// One created driver or checker. Never freed, and never recycled for another while a plugin may
// have `host`: whoever calls late finds `open` false for ever.
struct Instance {
    sysp_host host{};  // What the plugin holds; its `impl` points back here.
    HostCore* core = nullptr;
    // "plugin-id/kind", for messages; shared by all of a kind. As it is from before a plugin has
    // `host`.
    const std::string* label = nullptr;
    bool remote = false;      // The plugin runs elsewhere, so that none in this process has `host`.
    std::uint8_t number = 0;  // Of the plugin, to mark calls by; zero: they are not marked.
    std::atomic<bool> open{false};

    void* self = nullptr;              // What create() made. [loop thread]
    Boxed<Error> last_error;           // Of the call under way. [loop thread]
    IdSet<platform::WatchId> watches;  // Through syspulse.io. [loop thread]
    IdSet<platform::TimerId> timers;   // Through syspulse.io. [loop thread]

    std::mutex log_mutex;              // Guards what follows.
    std::vector<std::string> secrets;  // In its options and those of its processes, longest first.
    Instant log_window;                // Start of the second that log_lines counts.
    std::uint32_t log_lines = 0;
    std::uint64_t log_dropped = 0;
};

class HostCore : public std::enable_shared_from_this<HostCore> {
  public:
    HostCore(platform::EventLoop& loop, const platform::Clock& clock, std::size_t worker_limit,
             OptionsCompletion complete_options = {});

    // Where calls into plugins of this process are marked, for whoever comes after a crash. To be
    // set before anything is created.
    void mark_calls(PluginCalls* calls) { calls_ = calls; }
    PluginCalls* calls() const { return calls_; }

    // [loop thread]
    void close();

    // What a spec's `with:` says, as the kind gets it: with the defaults of the schema that its
    // plugin has now. A plugin in a process of its own gets them there, where its file is known.
    // [loop thread]
    Result<PluginConfig> configure(const LoadedKind& kind, std::string_view options) const;
    // As they are if they do not fit any more: a process is looked for all the same. [loop thread]
    Result<PluginConfig> configure_leniently(const LoadedKind& kind,
                                             std::string_view options) const;

    // Creates an instance, with `config` valid for as long as it lives. [loop thread]
    Result<Instance*> create(const LoadedKind& kind, const PluginConfig& config);
    // The same, with the kind's own error if it refuses. [loop thread]
    Result<Instance*> make(const LoadedKind& kind, const PluginConfig& config);
    void destroy(Instance& instance, const LoadedKind& kind);  // [loop thread]
    // Whether the kind takes these options; its own error if not. [loop thread]
    Result<void> try_out(const LoadedKind& kind, const PluginConfig& config);
    // Whether a driver can do what a spec asks of it; one that cannot tell takes everything. [loop
    // thread]
    Result<void> try_spawn(const LoadedKind& kind, const PluginConfig& options,
                           const platform::ProcessLimits& limits);

    // What these options have that is secret does not leave the instance as text. [loop thread]
    void keep_secret(Instance& instance, std::string_view schema, std::string_view options);
    // A text of the instance without its secrets. [any thread]
    std::string shown(Instance& instance, std::string text);
    // The same of a foreign text, which is cut at message_limit and made safe afterwards.
    std::string shown(Instance& instance, const sysp_str& text);
    Error shown(Instance& instance, const sysp_error& error);

    // Calls a plugin function: measures, catches what it throws, collects its error. [loop thread]
    template <class Call>
    Result<void> call(Instance& instance, const char* function, Call&& slot) {
        return guarded(instance, function, [&slot] { return slot(); });
    }

    // Operations; see OperationTable. [loop thread]
    sysp_op begin(OpType type, const Instance& instance, CompletionSink* sink, sysp_proc proc,
                  std::uint64_t user);
    bool waiting(sysp_op op);
    bool give_up(sysp_op op);
    bool owed(sysp_op op);
    void settle(sysp_op op, std::optional<Error> error);
    // The plugin did not accept the operation. One that it has completed as well counts as a fault,
    // and a check that it has passed so did not pass; a process that it has started is there.
    void refused(const Instance& instance, sysp_op op, Error error);
    void count_unanswered();
    sysp_proc add_process(const Instance& instance, CompletionSink* sink, RunId run);
    void remove_process(sysp_proc proc);
    bool has_exited(sysp_proc proc);
    bool mark_exited(sysp_proc proc);

    bool owns_pid(std::int64_t pid);  // [any thread]
    Misbehaviour misbehaviour();      // [any thread]
    // Calls `tell` on the loop thread soon after something was counted. To be set before anything
    // is created.
    void on_misbehaviour(std::function<void()> tell) { tell_ = std::move(tell); }

    platform::EventLoop& loop() { return *loop_; }  // [loop thread & !closed]
    const platform::Clock& clock() { return *clock_; }

    // What the plugin-facing functions need. [any thread]
    sysp_status complete(const Instance& instance, sysp_op op, OpType type, Completion answer);
    sysp_status process_exited(const Instance& instance, sysp_proc proc, const ExitStatus& status);
    sysp_status post(std::function<void()> task);
    sysp_status run_on_worker(std::function<void()> task);
    void log(Instance& instance, std::int32_t level, const char* text, std::size_t length);
    void keep_error(Instance& instance, const sysp_error& error);
    // The host itself refuses the call under way, in the plugin's place. [loop thread]
    void refuse(Instance& instance, Error error) { instance.last_error = std::move(error); }
    std::optional<Instant> now();
    bool on_loop_thread() const;
    void count_rejected();
    // Warns of what this instance did, `fault` for short. Of what it does again and again, the
    // first few lines are told, and then one a second tells all.
    void complain(const Instance& instance, const std::string& fault, const std::string& text);

  private:
    Result<void> guarded(Instance& instance, const char* function,
                         const std::function<sysp_status()>& slot);
    void call_ended(Instance& instance, const char* function, Duration took);
    Instance& take_instance(const LoadedKind& kind);
    void retire(Instance& instance);
    Misbehaviour& blame();
    void wake();
    void drain();

    platform::EventLoop* loop_;
    const platform::Clock* clock_;
    std::unique_ptr<WorkerPool> workers_;
    std::set<std::string> labels_;  // Of instances, which outlive their kinds.
    std::deque<Instance> instances_;
    std::vector<Instance*> unused_;  // Those that are `remote` and not open.
    Instance* in_call_ = nullptr;
    struct Repeated {
        Instant paid_until{};  // Each line that was told has taken its part of the time.
        std::uint64_t untold = 0;
    };
    std::optional<std::string> due(const std::string& about, Duration each, int at_once);
    std::thread::id loop_thread_;  // Where calls into plugins are made.

    OptionsCompletion complete_options_;
    PluginCalls* calls_ = nullptr;
    std::function<void()> tell_;

    std::mutex mutex_;  // Guards what follows; never held while plugin code runs.
    bool closed_ = false;
    bool draining_posted_ = false;
    bool telling_posted_ = false;
    OperationTable table_;
    std::map<std::string, Repeated> repeated_;  // By what is complained of.
};

}  // namespace syspulse::plugin_host
