#include "conformance/isolated.hpp"

#include <fstream>
#include <utility>

#include "conformance/driver_bench.hpp"
#include "platform/library_file.hpp"
#include "platform/orphan_reaper.hpp"
#include "platform/this_process.hpp"

namespace syspulse::conformance {
namespace {

std::string name_of_kind(const Case& c) {
    return c.kind_name().substr(c.kind_name().find(' ') + 1);
}

// On Windows a plugin may have programs of its own, which lie beside it.
void copy_programs_beside(const std::filesystem::path& file, const std::filesystem::path& to) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), error)) {
        if (entry.path().extension() == ".exe")
            std::filesystem::copy_file(entry.path(), to / entry.path().filename(), error);
    }
}

}  // namespace

PluginFolder::PluginFolder(const Case& c, Manner manner) {
    path_ = make_folder();
    if (path_.empty()) return;
    std::error_code error;
    file_ = path_ / ("plugin" + std::string(platform::library_extension));
    if (manner == Manner::link && has_links()) {
        std::filesystem::create_symlink(c.file(), file_, error);
    } else {
        std::filesystem::copy_file(c.file(), file_, error);
    }
    copy_programs_beside(c.file(), path_);
}

PluginFolder::~PluginFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

bool PluginFolder::replace() const {
    std::error_code error;
    std::filesystem::copy_file(file_, path_ / "other", error);
    if (error) return false;
    // Bytes behind the sections are nobody's, so that it is another file with the same code.
    std::ofstream(path_ / "other", std::ios::app | std::ios::binary) << "another build";
    return put_in_place(path_ / "other", file_);
}

Isolated::Isolated(Case& c, const std::filesystem::path& folder)
    : case_(c), clock_(platform::make_system_clock()), loop_(*platform::make_event_loop(*clock_)) {
    static_cast<void>(platform::become_subreaper());
    if (folder.empty()) return;
    plugin_host::HostOptions options;
    options.search_paths = {folder};
    options.isolation.emplace();
    options.isolation->policy = [&c](const plugin_host::PluginInfo&) {
        plugin_host::IsolationPolicy policy;
        policy.watchdog = c.within(std::chrono::seconds{2});
        policy.backoff_base = std::chrono::milliseconds{10};
        return policy;
    };
    auto host = plugin_host::PluginHost::create(*loop_, *clock_, std::move(options));
    if (!host) return;
    host_ = std::move(*host);
    host_->processes().set_observer(this);
    host_->checks().set_observer(this);
}

Isolated::~Isolated() {
    std::size_t asked = 0;
    std::size_t killed = 0;
    for (const auto& [number, run] : runs_) {
        if (run.pid <= 1) continue;
        ++asked;
        host_->processes().kill_tree(number, [&killed](const Result<void>&) { ++killed; });
    }
    until([&] { return killed == asked; });
    for (const auto& [number, run] : runs_) {
        if (run.pid <= 1) continue;
        until([&run = run] { return run.exit.has_value(); });
        host_->processes().release(number);
    }
}

bool Isolated::loaded() const {
    return host_ && !host_->catalog().plugins().empty() &&
           host_->catalog().plugins().front().loaded();
}

plugin_host::HostStatus Isolated::status() const {
    return host_->host(plugin_id()).value_or(plugin_host::HostStatus{});
}

void Isolated::check(const std::string& target) {
    report.reset();
    platform::CheckRequest request;
    request.check = CheckId{++checks_};
    request.daemon = DaemonKey{1};
    request.unit = "kit";
    request.checker = name_of_kind(case_);
    request.target = target;
    request.options_json = case_.configs().front();
    request.pid = -1;
    request.timeout = case_.within(std::chrono::seconds{5});
    host_->checks().start(request);
    until([this] { return report.has_value(); });
}

bool Isolated::passes(const std::string& target) {
    check(target);
    return report && report->outcome == platform::CheckReport::Outcome::passed;
}

Isolated::Run& Isolated::spawn(const Words& argv, std::uint64_t number) {
    platform::SpawnRequest request;
    request.run = RunId{number};
    request.run_id =
        "kit-isolated-" + std::to_string(platform::process_id()) + '-' + std::to_string(number);
    request.unit = "kit";
    request.driver = name_of_kind(case_);
    request.argv = argv;
    request.options_json = case_.process_options().front();
    request.env = plain_environment();
    request.env.push_back("SYSPULSE_RUN_ID=" + request.run_id);
    request.working_dir = root_directory();
    Run& started = run(number);
    started.run_id = request.run_id;
    host_->processes().spawn(request);
    until([&started] { return started.pid != 0 || started.failure; });
    return started;
}

Isolated::Run& Isolated::recover(const Run& other, std::uint64_t number) {
    platform::RecoverRequest request;
    request.run = RunId{number};
    request.run_id = other.run_id;
    request.unit = "kit";
    request.driver = name_of_kind(case_);
    request.options_json = case_.process_options().front();
    request.token = other.token;
    Run& found = run(number);
    found.run_id = other.run_id;
    host_->processes().recover(request);
    until([&found] { return found.pid != 0 || found.failure; });
    return found;
}

Result<void> Isolated::reload() {
    std::optional<Result<void>> outcome;
    host_->reload(plugin_id(), false,
                  [&outcome](Result<void> result) { outcome = std::move(result); });
    until([&outcome] { return outcome.has_value(); });
    return outcome.value_or(Error{ErrorCode::timed_out, "the reload never ends"});
}

bool Isolated::until(const std::function<bool()>& reached) {
    const Instant end = clock_->now().mono + case_.within(bench_patience);
    while (!reached()) {
        if (clock_->now().mono >= end) return false;
        const auto timer = loop_->start_timer(clock_->now().mono + std::chrono::milliseconds{5},
                                              [this] { loop_->stop(); });
        loop_->run();
        loop_->cancel_timer(timer);
    }
    return true;
}

void Isolated::spawned(RunId run, const platform::SpawnedProcess& process) {
    runs_[run].pid = process.pid;
    runs_[run].token = process.token;
}

void Isolated::spawn_failed(RunId run, const Error& error) {
    runs_[run].failure = error.message;
}

void Isolated::recover_failed(RunId run, const Error& error) {
    runs_[run].failure = error.message;
}

}  // namespace syspulse::conformance
