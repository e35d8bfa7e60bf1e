#include "manager/manager_process.hpp"

#include <algorithm>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include "api/server.hpp"
#include "base/background_log.hpp"
#include "base/log.hpp"
#include "base/path_text.hpp"
#include "base/signals.hpp"
#include "config/json_schema.hpp"
#include "logs/capture.hpp"
#include "manager/accounts.hpp"
#include "manager/control.hpp"
#include "manager/crash_point.hpp"
#include "manager/crashed_managers.hpp"
#include "manager/environment.hpp"
#include "manager/held_pipes.hpp"
#include "manager/known_plugins.hpp"
#include "manager/tight_limits.hpp"
#include "platform/daemon_limits.hpp"
#include "platform/descriptor_limit.hpp"
#include "platform/file_trust.hpp"
#include "platform/local_socket.hpp"
#include "platform/orphan_reaper.hpp"
#include "platform/run_of_process.hpp"
#include "platform/service_notify.hpp"
#include "platform/signal_watch.hpp"
#include "platform/system_words.hpp"
#include "platform/this_process.hpp"
#include "plugin_host/plugin_host.hpp"
#include "registry/registry.hpp"

namespace syspulse::manager {
namespace {

// Answers that are under way when the last daemon has ended get this long to reach their clients.
constexpr Duration farewell = std::chrono::milliseconds{100};
// A Ctrl-C this long after the first signal to stop kills. An earlier one is likely the same wish
// that came twice, to the process and to its group.
constexpr Duration impatience = std::chrono::seconds{1};

void tell_service_manager(std::string_view state) {
    const auto told = platform::notify_service_manager(state);
    if (!told) log::warn(told.error().message);
}

void warn_of_missing(const std::vector<std::filesystem::path>& plugin_dirs) {
    for (const std::filesystem::path& directory : plugin_dirs) {
        std::error_code ignored;
        if (!std::filesystem::is_directory(directory, ignored))
            log::warn("cannot look for plugins in " + directory.string() + ": no such directory");
    }
}

void warn_of_unloaded(const plugin_host::PluginCatalog& catalog) {
    for (const plugin_host::PluginInfo& plugin : catalog.plugins()) {
        if (!plugin.loaded())
            log::warn("plugin " + plugin.path.string() + " is not loaded: " + plugin.error);
    }
}

// A misspelt name would leave the right one without its settings. What is an error keeps a manager
// from starting when the daemons are loaded; one that takes over from another goes on.
void warn_of_settings(const std::vector<config::PluginSetting>& settings,
                      const plugin_host::PluginCatalog& catalog, bool takes_over) {
    const config::KnownPlugins known = known_plugins(catalog);
    for (const config::SettingIssue& found : config::check_settings(settings, known.names)) {
        if (found.is_error && !takes_over) continue;
        const config::PluginSetting& setting = *found.setting;
        log::warn(
            config::format_error({setting.file, setting.line, setting.column, found.message}));
    }
}

class Process final : public ManagerProcess {
  public:
    Process(platform::DataDirectory directory, std::string socket,
            std::unique_ptr<keeper::Link> link)
        : link_(std::move(link)),
          directory_(std::move(directory)),
          socket_(std::move(socket)),
          environment_(platform::process_environment()) {}

    Result<void> build(const ProcessOptions& options);
    Result<void> watch_signals();
    Result<void> find_plugins(const ProcessOptions& options);
    ConductorOptions conducting();
    Result<UserSetup> set_up_user(const std::string& user);

    Conductor& conductor() override { return *conductor_; }
    platform::EventLoop& loop() override { return *loop_; }
    platform::OutputCapture& capture() override { return *capture_; }
    const platform::DataPaths& paths() const override { return directory_.paths(); }
    Result<std::vector<model::DaemonSpec>> load_specs(
        const std::vector<std::filesystem::path>& files) override;
    Result<void> run(bool restore) override;

  private:
    void on_signal(int number);
    void stop_on_signal(int number);
    void finish();
    void ready();
    void feed_watchdog(Duration every);
    bool inherits_endpoint() const;
    Result<void> open_endpoint();
    std::string make_uuid() { return boost::uuids::to_string(uuids_()); }

    // Destroyed from the last to the first: nothing outlives what it stands on.
    std::optional<log::Background> log_;
    std::unique_ptr<keeper::Link> link_;  // Null without a keeper.
    std::optional<HeldPipes> held_pipes_;
    platform::DataDirectory directory_;
    std::string socket_;
    std::optional<platform::SocketAddressPath> address_;  // By which it is bound, and removed.
    BaseEnvironment environment_;
    Accounts accounts_;
    boost::uuids::random_generator uuids_;
    std::unique_ptr<platform::Clock> clock_;
    std::unique_ptr<platform::EventLoop> loop_;
    std::unique_ptr<platform::LoopWatch> signals_;
    std::unique_ptr<model::Journal> journal_;
    std::unique_ptr<platform::OutputCapture> capture_;
    std::unique_ptr<plugin_host::PluginHost> plugins_;
    std::unique_ptr<Conductor> conductor_;
    std::unique_ptr<api::ControlService> control_;
    std::unique_ptr<api::Server> server_;
    std::unique_ptr<platform::OrphanReaper> reaper_;
    std::unique_ptr<platform::LoopWatch> wall_clock_;
    bool foreground_ = false;
    std::optional<Instant> first_stop_signal_;
};

Result<void> Process::build(const ProcessOptions& options) {
    foreground_ = options.foreground;
    if (foreground_) environment_ = BaseEnvironment(platform::environment_variables());
    clock_ = platform::make_system_clock();
    auto loop = platform::make_event_loop(*clock_);
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    // Before any thread exists: all threads are to leave the signals to the loop.
    if (auto watched = watch_signals(); !watched) return watched;
    log_.emplace();
    registry::RegistryOptions wanted;
    wanted.reserve = true;
    auto journal = registry::open_registry(directory_.paths().registry(), wanted);
    if (!journal) return journal.error();
    journal_ = std::move(*journal);
    if (link_) {
        held_pipes_.emplace(*link_);
        tell_crash(*link_);
    }
    auto capture = logs::make_capture(directory_.paths().logs(), *clock_, loop_->wake_handle(),
                                      held_pipes_ ? &*held_pipes_ : nullptr);
    if (!capture) return capture.error();
    capture_ = std::move(*capture);
    if (auto found = find_plugins(options); !found) return found;
    conductor_ = std::make_unique<Conductor>(
        Ports{*clock_, *loop_, *journal_, plugins_->processes(), plugins_->checks(), *capture_},
        conducting());
    if (auto loaded = conductor_->load(); !loaded) return loaded;
    conductor_->on_finished([this] { finish(); });
    control_ = make_control({*conductor_, *loop_, *clock_, *plugins_, accounts_, directory_.paths(),
                             platform::process_id(), link_.get(), options.plugin_dirs});
    return {};
}

// What a keeper passes on by other means than signals comes to itself first.
Result<void> Process::watch_signals() {
    const auto passed_on =
        link_ ? link_->stop_requests() : std::vector<keeper::Link::StopRequests>();
    std::vector<int> own;
    if (passed_on.empty()) {
        own = {signal_number::terminate, signal_number::interrupt, signal_number::hangup,
               signal_number::child,     signal_number::user_1,    signal_number::user_2,
               signal_number::alarm};
    }
    auto signals = platform::watch_signals(*loop_, own, [this](int number) { on_signal(number); });
    if (!signals) return signals.error();
    signals_ = std::move(*signals);
    for (const auto& request : passed_on) {
        const auto watched =
            loop_->watch(request.handle, platform::ready_read,
                         [this, number = request.signal](std::uint32_t) { on_signal(number); });
        if (!watched) return watched.error();
    }
    return {};
}

Result<void> Process::find_plugins(const ProcessOptions& options) {
    plugin_host::HostOptions host;
    host.search_paths = plugin_search_path(options.plugin_dirs);
    host.schema_check = config::check_schema;
    host.complete_options = config::options_completer();
    config::LoadOptions reading;
    reading.accepts_plugins = true;
    reading.environment = platform::process_environment();
    // What is wrong in the files is reported when the daemons are loaded.
    const auto settings = config::load_spec_files(options.configs, reading).plugins;
    host.isolation = isolation_options(settings);
    if (link_) {
        host.calls = &link_->plugin_calls();
        banish_crashing(*host.isolation, *link_);
    }
    auto plugins = plugin_host::PluginHost::create(*loop_, *clock_, std::move(host));
    if (!plugins) return plugins.error();
    plugins_ = std::move(*plugins);
    platform::raise_descriptor_limit();
    warn_of_missing(options.plugin_dirs);
    warn_of_unloaded(plugins_->catalog());
    warn_of_banished(*plugins_);
    warn_of_settings(settings, plugins_->catalog(), link_ && link_->continues());
    return {};
}

Result<UserSetup> Process::set_up_user(const std::string& user) {
    const auto account = accounts_.of(user);
    // Numbers say themselves who is meant, though not where that is at home.
    if (!account && user.find_first_not_of("0123456789:") == std::string::npos) {
        return UserSetup{platform::user_number(user), environment_.of(user, std::nullopt)};
    }
    if (!account) {
        return Error{ErrorCode::unavailable,
                     "cannot find the user '" + user + "': the directory of users does not answer"};
    }
    return UserSetup{account->number, environment_.of(user, account->entry)};
}

// What a conductor asks of the keeper, if there is one, and of the machine.
ConductorOptions Process::conducting() {
    ConductorOptions options;
    options.seed = static_cast<std::uint64_t>(to_unix_ms(clock_->now().wall));
    options.make_uuid = [this] { return make_uuid(); };
    options.set_up_user = [this](const std::string& user) { return set_up_user(user); };
    options.between_steps = crash_point(platform::process_environment());
    options.logs_dir = directory_.paths().logs().string();
    options.root_directory = platform::system_words().root_directory;
    if (link_) {
        options.process_expected = [this](RunId run) { return link_->expect_process(run); };
        options.run_noted = [this](RunId run, const platform::SpawnedProcess& process) {
            const auto group = process.group ? process.group->get() : platform::no_handle;
            link_->note_run(run, process.pid, group);
        };
        options.run_forgotten = [this](RunId run) { link_->forget_run(run); };
        options.runs_taken_over = [this](RunId last) { link_->take_over(last); };
        options.run_begun = [this](RunId run) { return link_->was_begun(run); };
        options.may_have_run = [this](RunId run) { return link_->may_have_run(run); };
        options.ask_for_ends = [this] { link_->ask_for_ends(); };
        options.ends_told = [this] { return link_->has_told_ends(); };
        options.exit_seen = [this](RunId run, std::int64_t pid) {
            return link_->exit_of(run, pid);
        };
    }
    options.carries_run = platform::carries_run;
    options.boot = platform::boot_identity();
    options.return_memory = [] { platform::return_free_memory(); };
    return options;
}

Result<std::vector<model::DaemonSpec>> Process::load_specs(
    const std::vector<std::filesystem::path>& files) {
    const config::KnownPlugins plugins = known_plugins(plugins_->catalog());
    config::LoadOptions options = load_options(plugins, *plugins_, accounts_);
    options.environment = platform::process_environment();
    options.may_follow = platform::check_spec_file;
    options.existing_daemons = conductor_->dependencies();
    options.accepts_plugins = true;
    auto loaded = config::load_spec_files(files, options);
    if (!loaded.errors.empty())
        return Error{ErrorCode::invalid_argument, config::format_errors(loaded.errors)};
    return std::move(loaded.daemons);
}

// The keeper's socket is no use when its file has been removed; the last manager had one of its own
// then, which ended with it.
bool Process::inherits_endpoint() const {
    if (!link_ || link_->endpoint() < 0) return false;
    if (!link_->continues() || platform::is_listened_at(address_->text())) return true;
    static_cast<void>(platform::SocketHandle(link_->endpoint()));
    return false;
}

Result<void> Process::open_endpoint() {
    auto address = platform::SocketAddressPath::of(path_from_utf8(socket_));
    if (!address) return address.error();
    const std::string& path = address_.emplace(std::move(*address)).text();
    auto server = inherits_endpoint()
                      ? api::Server::serve(*loop_, link_->endpoint(), path, *control_)
                      : api::Server::listen(*loop_, path, *control_);
    if (!server)
        return server.error().with("cannot open the control endpoint " + address_->shown());
    server_ = std::move(*server);
    return {};
}

Result<void> Process::run(bool restore) {
    if (auto adopted = platform::become_subreaper(); !adopted) return adopted;
    reaper_ = platform::make_orphan_reaper(
        *loop_, *clock_, [this](std::int64_t pid) { return plugins_->owns_pid(pid); });
    auto wall_clock =
        platform::watch_wall_clock(*loop_, [this] { conductor_->wall_clock_changed(); });
    if (!wall_clock) return wall_clock.error();
    wall_clock_ = std::move(*wall_clock);
    // Whoever sees its file finds a manager that has all it needs.
    if (auto opened = open_endpoint(); !opened) return opened;
    conductor_->note_manager(
        link_ && link_->continues() ? "restarted" : "started",
        "version " SYSPULSE_VERSION ", pid " + std::to_string(platform::process_id()));
    conductor_->begin(restore, link_ && link_->continues());
    loop_->post([this] { ready(); });
    loop_->run();
    return {};
}

void Process::ready() {
    if (link_) link_->serving();
    // Whoever starts it by hand learns that it does not hang.
    if (!foreground_) log::info("serving on " + address_->shown());
    for (const std::string& warning : tight_limits(conductor_->count(), platform::daemon_limits()))
        log::warn(warning);
    tell_service_manager("READY=1");
    if (const auto interval = platform::watchdog_interval()) feed_watchdog(*interval / 2);
}

// systemd takes a manager that misses two of these for hung.
void Process::feed_watchdog(Duration every) {
    tell_service_manager("WATCHDOG=1");
    loop_->start_timer(clock_->now().mono + every, [this, every] { feed_watchdog(every); });
}

void Process::on_signal(int number) {
    if (number == signal_number::child) {
        if (reaper_) reaper_->child_ended();
        return;
    }
    const bool stops = number == signal_number::terminate || number == signal_number::interrupt ||
                       (number == signal_number::hangup && foreground_);
    if (stops) return stop_on_signal(number);
    if (number == signal_number::hangup) {
        const auto reloaded = plugins_->reload_changed();
        if (!reloaded.empty()) {
            return log::info("SIGHUP: " + std::to_string(reloaded.size()) +
                             " isolated plugins have new files and are reloaded");
        }
    }
    log::info(signal_name(number) + " is ignored; to stop, send SIGTERM");
}

// Only a person at a terminal, who sees that it takes long, makes it a kill.
void Process::stop_on_signal(int number) {
    const Instant now = clock_->now().mono;
    const bool first = !first_stop_signal_;
    if (first) first_stop_signal_ = now;
    // This manager has no say any more.
    if (link_ && link_->handing_over()) {
        if (first) link_->stop_next();
        return;
    }
    const bool kill = number == signal_number::interrupt && now - *first_stop_signal_ >= impatience;
    if (!first && !kill) return log::info("all daemons are being stopped already");
    tell_service_manager("STOPPING=1");
    log::info(kill ? "killing all daemons" : "stopping all daemons");
    if (link_) link_->stopping();
    conductor_->note_manager(kill ? "shutdown --force" : "shutdown", signal_name(number));
    conductor_->shut_down(false, kill);
}

void Process::finish() {
    if (link_ && link_->handing_over()) {
        server_->leave_endpoint();
    } else {
        server_->stop_accepting();
    }
    loop_->start_timer(clock_->now().mono + farewell, [this] { loop_->stop(); });
}

}  // namespace

Result<std::unique_ptr<ManagerProcess>> ManagerProcess::create(const ProcessOptions& options,
                                                               std::unique_ptr<keeper::Link> link) {
    const auto flag = options.data_dir ? std::optional(options.data_dir->string()) : std::nullopt;
    auto paths = platform::resolve_data_dir(flag, platform::process_environment());
    if (!paths) return paths.error();
    auto directory = link ? platform::DataDirectory::adopt(*paths, link->lock())
                          : platform::DataDirectory::open(*paths);
    if (!directory) return directory.error();
    const std::string socket = options.socket ? options.socket->string() : paths->socket().string();
    auto process = std::make_unique<Process>(std::move(*directory), socket, std::move(link));
    if (auto built = process->build(options); !built) return built.error();
    return std::unique_ptr<ManagerProcess>(std::move(process));
}

}  // namespace syspulse::manager
