// What the control API asks of the manager. The manager implements it; the server in this folder
// turns HTTP requests into these calls and their results into JSON. No HTTP and no JSON library in
// sight.
//
// All calls come on the loop thread. A `done` callback is called exactly once, on the loop thread,
// possibly before the call that got it returns; the client may have vanished by then, which the
// server deals with. A Result's error code becomes the HTTP status: invalid_argument 400,
// permission_denied 403, not_found 404, already_exists and invalid_state 409, timed_out 504,
// everything else 500.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "model/daemon_view.hpp"
#include "model/journal.hpp"
#include "platform/local_socket.hpp"

namespace syspulse::api {

// Who asks, as the kernel tells it; for the history of operators' actions.
using Peer = platform::LocalPeer;

struct PluginKindView {
    std::string kind;  // "driver" or "checker".
    std::string name;  // What a spec calls it.
    std::string description;
    std::string schema_json = "{}";         // JSON Schema of the `with:` block.
    std::vector<std::string> capabilities;  // E.g. "recover", "stats".
    std::vector<std::string> limits;        // Keys of `limits:` that a driver enforces.
};

struct PluginView {
    std::string name;
    std::string version;
    std::string vendor;
    std::string description;
    std::string path;
    std::string isolation;  // "none" or "process".
    std::string state;      // "loaded", "failed", "crashed", ...
    std::string error;      // Why it is not loaded; empty is null.
    bool bundled = false;
    bool file_changed = false;                  // The file is not what runs any more.
    std::optional<model::PluginHostView> host;  // Of an isolated plugin.
    std::vector<PluginKindView> kinds;
};

// How long a new program may take until it serves.
constexpr Duration upgrade_timeout_default = std::chrono::seconds{60};

struct ManagerInfo {
    std::string version;
    std::int64_t pid = 0;
    std::optional<std::int64_t> keeper_pid;  // Absent without a keeper.
    std::uint32_t failed_upgrades = 0;       // Programs that could not serve and were given up.
    std::string upgrade_failure;             // "ended" or "timeout", of the last one of these.
    std::uint32_t restarts = 0;              // Of the manager by its keeper, after crashes.
    std::optional<WallTime> started_at;
    double uptime_secs = 0;
    std::string data_dir;
    std::vector<std::string> plugins;                           // Names.
    std::vector<std::pair<model::State, std::size_t>> daemons;  // Count per state; absent is zero.
    std::vector<std::string> warnings;                          // What does not work at present.
    model::Misbehaviour misbehaviour;                           // Of all plugins.
};

struct DaemonFilter {
    std::string tag;   // Empty: any.
    std::string name;  // A shell-style pattern; empty: any.
};

struct StartOptions {
    bool wait = false;  // Answer when running and, where a health check is configured, healthy.
    std::optional<Duration> timeout;
};

struct StopOptions {
    bool force = false;               // Kill at once.
    std::optional<Duration> timeout;  // Instead of the spec's stop_timeout.
};

struct RestartOptions {
    bool force = false;
    bool wait = false;
    std::optional<Duration> timeout;
};

struct AddOutcome {
    std::vector<std::string> added;
    std::vector<std::string> replaced;
    std::vector<std::string> unchanged;
};

// A moment, or so long before now.
struct Since {
    std::variant<WallTime, Duration> value;

    WallTime resolve(WallTime now) const;
};

struct LogQuery {
    bool out = true;
    bool err = false;
    std::optional<std::uint64_t> lines;  // The last so many; absent: all that match.
    std::optional<Since> since;
    bool follow = false;
    bool marks = false;  // Of one that follows: each piece tells where it ends.
    std::string from;    // What follows this mark, instead of `lines` and `since`; empty: none.
    // Set, from the loop thread, when nobody waits for the answer any more; null: never.
    std::shared_ptr<const std::atomic<bool>> given_up;
};

struct EventQuery {
    std::string daemon;  // A shell-style pattern; empty: all.
    std::optional<Since> since;
    std::int64_t after_id = 0;
    std::size_t limit =
        1000;              // The newest of the past that match, oldest first; zero: only new ones.
    bool follow = false;   // Then new ones as they happen.
    bool objects = false;  // With the daemon as it stands when its event is given.
};

// How a read from a stream ended.
enum class Pull : std::uint8_t {
    more,  // There is more at once.
    wait,  // Nothing more now; `readable` is called once when there may be.
    end,   // Nothing will follow.
};

// A body that the server pulls at the client's pace: what is not pulled costs the owner no memory.
// Destruction cancels. [loop thread]
template <class Sink>
class PullStream {
  public:
    virtual ~PullStream() = default;

    // Appends to `sink` about `max` at most: bytes of text, or entries of history. An error cuts
    // the answer off.
    virtual Result<Pull> read(Sink& sink, std::size_t max) = 0;
};

using TextStream = PullStream<std::string>;
using EventStream = PullStream<std::vector<model::HistoryEntry>>;

// Called on the loop thread, never from inside read(); harmless after the stream is gone.
using Readable = std::function<void()>;

template <class T>
using Done = std::function<void(Result<T>)>;

// [loop thread]
class ControlService {
  public:
    virtual ~ControlService() = default;

    virtual ManagerInfo info() = 0;
    virtual std::vector<model::DaemonView> list(const DaemonFilter& filter) = 0;
    // With `lines` those of its output are counted, which may take a moment.
    virtual void get(const std::string& name, bool lines, Done<model::DaemonView> done) = 0;
    virtual Result<std::string> spec(const std::string& name) = 0;  // JSON text.
    virtual std::vector<PluginView> plugins() = 0;
    // Of the manager's own environment, from which ${NAME} in spec files is expanded.
    virtual std::optional<std::string> variable(const std::string& name);
    // Has a fresh process take over an isolated plugin, from the plugin's present file.
    // With `force` also if daemons have options that the new version does not take.
    virtual void reload_plugin(const Peer& peer, const std::string& name, bool force,
                               Done<void> done) = 0;

    // `json` is the request's body as it came: {"daemons": {"name": {spec}}}, not yet parsed. All
    // or nothing. Without `replace` an existing name is already_exists.
    virtual void add(const Peer& peer, std::string json, bool replace, Done<AddOutcome> done) = 0;
    virtual void remove(const Peer& peer, const std::string& name, bool force, Done<void> done) = 0;
    virtual void start(const Peer& peer, const std::string& name, const StartOptions& options,
                       Done<model::DaemonView> done) = 0;
    virtual void stop(const Peer& peer, const std::string& name, const StopOptions& options,
                      Done<model::DaemonView> done) = 0;
    virtual void restart(const Peer& peer, const std::string& name, const RestartOptions& options,
                         Done<model::DaemonView> done) = 0;
    // `number` is the OS signal.
    virtual void signal(const Peer& peer, const std::string& name, std::int32_t number,
                        Done<void> done) = 0;
    // Hold it still and let it go on; unsupported where its driver cannot.
    virtual void pause(const Peer& peer, const std::string& name, Done<model::DaemonView> done) = 0;
    virtual void resume(const Peer& peer, const std::string& name,
                        Done<model::DaemonView> done) = 0;
    // Answers when the shutdown has been accepted, before it is carried out.
    virtual void shutdown(const Peer& peer, bool keep_running, Done<void> done) = 0;
    // Goes on as `program` (empty: the file that this program was started from), daemons untouched.
    // Answers before it is carried out; unsupported where nobody could start the other program.
    // One that neither serves within `timeout` nor ends is ended, and this one's program goes on.
    virtual void upgrade(const Peer& peer, const std::string& program, Duration timeout,
                         Done<void> done);

    // Opening may look through archives, so it may answer later.
    virtual void logs(const std::string& name, const LogQuery& query, Readable readable,
                      Done<std::unique_ptr<TextStream>> done) = 0;
    virtual Result<std::unique_ptr<EventStream>> events(const EventQuery& query,
                                                        Readable readable) = 0;
};

}  // namespace syspulse::api
