#include "manager/control.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <filesystem>
#include <map>
#include <stop_token>
#include <utility>

#include "config/spec_json.hpp"
#include "config/spec_loader.hpp"
#include "logs/follower.hpp"
#include "logs/reader.hpp"
#include "manager/control_streams.hpp"
#include "manager/keeping.hpp"
#include "manager/known_plugins.hpp"
#include "manager/option_fit.hpp"
#include "manager/option_trials.hpp"
#include "manager/patience.hpp"
#include "manager/plugin_views.hpp"
#include "manager/plugin_warnings.hpp"
#include "manager/successor.hpp"
#include "manager/tight_limits.hpp"
#include "model/name_pattern.hpp"
#include "platform/daemon_limits.hpp"
#include "platform/file_trust.hpp"
#include "platform/system_words.hpp"
#include "platform/this_process.hpp"

namespace syspulse::manager {
namespace {

// How long an answer waits for what a driver or a disk that hangs may hold up.
constexpr Duration answer_patience = std::chrono::milliseconds{500};

class Control final : public api::ControlService {
  public:
    explicit Control(ControlParts parts)
        : parts_(std::move(parts)),
          started_(parts_.clock.now()),
          fit_(parts_.conductor, parts_.plugins) {
        // When the declarations of --config stand, too.
        parts_.loop.post([this, alive = alive_] {
            if (*alive) fit_.look();
        });
    }
    ~Control() override {
        *alive_ = false;
        stopping_.request_stop();
        for (auto* pool : {&openers_, &readers_, &triers_}) {
            if (!*pool) continue;
            (*pool)->stop();
            (*pool)->join();
        }
    }

    api::ManagerInfo info() override;
    std::vector<model::DaemonView> list(const api::DaemonFilter& filter) override;
    void get(const std::string& name, bool lines, api::Done<model::DaemonView> done) override;
    void count_lines(model::DaemonView view, api::Done<model::DaemonView> done);
    Result<std::string> spec(const std::string& name) override;
    std::vector<api::PluginView> plugins() override { return plugin_views(parts_.plugins); }
    void reload_plugin(const api::Peer& peer, const std::string& name, bool force,
                       api::Done<void> done) override;
    void add(const api::Peer& peer, std::string json, bool replace,
             api::Done<api::AddOutcome> done) override;
    void remove(const api::Peer& peer, const std::string& name, bool force,
                api::Done<void> done) override {
        conductor().remove(name, force, by(peer), std::move(done));
    }
    void start(const api::Peer& peer, const std::string& name, const api::StartOptions& options,
               api::Done<model::DaemonView> done) override {
        conductor().start(name, options.wait, options.timeout, by(peer),
                          with_view(name, std::move(done)));
    }
    void stop(const api::Peer& peer, const std::string& name, const api::StopOptions& options,
              api::Done<model::DaemonView> done) override {
        api::Done<model::DaemonView> told =
            [taken_along = conductor().taken_along_by_stop_of(name),
             done = std::move(done)](Result<model::DaemonView> stopped) {
                if (stopped) stopped->stopped_dependents = taken_along;
                done(std::move(stopped));
            };
        conductor().stop(name, options.force, options.timeout, by(peer),
                         with_view(name, std::move(told)));
    }
    void restart(const api::Peer& peer, const std::string& name, const api::RestartOptions& options,
                 api::Done<model::DaemonView> done) override {
        if (const auto may = fit_.may_restart(name); !may) return done(may.error());
        conductor().restart(name, options.force, options.wait, options.timeout, by(peer),
                            with_view(name, std::move(done)));
    }
    void signal(const api::Peer& peer, const std::string& name, std::int32_t number,
                api::Done<void> done) override {
        conductor().signal(name, number, by(peer), std::move(done));
    }
    void pause(const api::Peer& peer, const std::string& name,
               api::Done<model::DaemonView> done) override {
        conductor().pause(name, by(peer), with_view(name, std::move(done)));
    }
    void resume(const api::Peer& peer, const std::string& name,
                api::Done<model::DaemonView> done) override {
        conductor().resume(name, by(peer), with_view(name, std::move(done)));
    }
    void shutdown(const api::Peer& peer, bool keep_running, api::Done<void> done) override {
        done({});
        conductor().note_manager(keep_running ? "shutdown --keep-running" : "shutdown", by(peer));
        if (parts_.link != nullptr && !keep_running) parts_.link->stopping();
        conductor().shut_down(keep_running, false);
    }
    std::optional<std::string> variable(const std::string& name) override {
        return platform::process_environment()(name);
    }
    void upgrade(const api::Peer& peer, const std::string& program, Duration timeout,
                 api::Done<void> done) override;
    void logs(const std::string& name, const api::LogQuery& query, api::Readable readable,
              api::Done<std::unique_ptr<api::TextStream>> done) override;
    Result<std::unique_ptr<api::EventStream>> events(const api::EventQuery& query,
                                                     api::Readable readable) override {
        return open_events(parts_.loop, parts_.conductor, query, parts_.clock.now().wall,
                           std::move(readable));
    }

  private:
    Conductor& conductor() { return parts_.conductor; }

    static std::string by(const api::Peer& peer) {
        const bool numbered = platform::system_words().user_numbers;
        const std::string who = numbered ? "uid " + std::to_string(peer.uid) + ", " : "";
        return "by " + who + "pid " + std::to_string(peer.pid);
    }

    // An answer that shows the daemon as it stands after the request.
    Done with_view(const std::string& name, api::Done<model::DaemonView> done) {
        return [this, name, done = std::move(done)](Result<void> result) {
            if (!result) return done(result.error());
            auto view = conductor().view(name);
            if (!view)
                return done(Error{ErrorCode::not_found, "\"" + name + "\" was removed meanwhile"});
            done(std::move(*view));
        };
    }

    Error no_logs_of(const std::string& name);
    config::LoadResult read(const std::string& json, OptionTrials& trials);
    void add_loaded(const api::Peer& peer, const config::LoadResult& loaded, bool replace,
                    const api::Done<api::AddOutcome>& done);

    ControlParts parts_;
    Now started_;
    OptionFit fit_;
    const std::uint64_t program_stamp_ = platform::file_stamp(platform::program_path());
    // Looking for the first line may unpack gigabytes of archives; the pieces that others read
    // meanwhile are short work. Started by the first request for a log.
    std::optional<boost::asio::thread_pool> openers_;
    std::optional<boost::asio::thread_pool> readers_;
    // Waiting for processes that try options of foreign plugins. Started by the first of them.
    std::optional<boost::asio::thread_pool> triers_;
    std::stop_source stopping_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Only what a look can tell is checked here: if the new program cannot serve, the keeper goes on
// with the old one.
void Control::upgrade(const api::Peer& peer, const std::string& program, Duration timeout,
                      api::Done<void> done) {
    if (parts_.link == nullptr)
        return ControlService::upgrade(peer, program, timeout, std::move(done));
    const std::string file = program.empty() ? started_from() : program;
    const auto next = program_to_hand_over_to(file, program_stamp_);
    if (!next) return done(next.error().with("cannot upgrade to " + file));
    const auto daemons = conductor().specs();
    auto complete = has_plugins_of(daemons, parts_.plugins.catalog(),
                                   plugin_search_path(parts_.plugin_dirs, *next));
    if (complete) complete = has_zones_of(daemons, *next);
    if (!complete) return done(complete.error().with("cannot upgrade to " + file));
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(timeout);
    if (auto noted = parts_.link->hand_over(next->string(), limit); !noted)
        return done(noted.error());
    done({});
    conductor().note_manager("upgrade to " + next->string(), by(peer));
    conductor().shut_down(true, false);
}

api::ManagerInfo Control::info() {
    api::ManagerInfo info;
    const Now now = parts_.clock.now();
    info.version = SYSPULSE_VERSION;
    info.pid = parts_.pid;
    if (parts_.link != nullptr) {
        info.keeper_pid = parts_.link->keeper_pid();
        info.restarts = parts_.link->restarts();
        info.failed_upgrades = parts_.link->failed_upgrades();
        info.upgrade_failure = to_string(parts_.link->upgrade_failure());
    }
    info.started_at = started_.wall;
    info.uptime_secs = std::chrono::duration<double>(now.mono - started_.mono).count();
    info.data_dir = parts_.paths.directory.string();
    for (const plugin_host::PluginInfo& plugin : parts_.plugins.catalog().plugins()) {
        if (plugin.loaded()) info.plugins.push_back(plugin.id);
    }
    info.warnings = plugin_warnings(parts_.plugins);
    for (std::string& warning : fit_.warnings()) info.warnings.push_back(std::move(warning));
    info.misbehaviour = parts_.plugins.misbehaviour();
    std::map<model::State, std::size_t> counts;
    for (const model::DaemonView& view : conductor().views()) ++counts[view.state];
    info.daemons.assign(counts.begin(), counts.end());
    for (std::string& warning : conductor().warnings()) info.warnings.push_back(std::move(warning));
    for (std::string& warning : tight_limits(conductor().count(), platform::daemon_limits()))
        info.warnings.push_back(std::move(warning));
    if (!conductor().journal_error().empty()) {
        info.warnings.push_back("the registry cannot be written: " + conductor().journal_error());
    }
    return info;
}

std::vector<model::DaemonView> Control::list(const api::DaemonFilter& filter) {
    // No name has a pattern's characters.
    const auto one = conductor().view(filter.name);
    auto all = one ? std::vector<model::DaemonView>{*one} : conductor().views();
    std::erase_if(all, [&](const model::DaemonView& view) {
        const bool tagged = filter.tag.empty() || std::find(view.tags.begin(), view.tags.end(),
                                                            filter.tag) != view.tags.end();
        return !tagged || (!filter.name.empty() && !model::matches_pattern(filter.name, view.name));
    });
    const auto hosts = hosts_in_trouble(parts_.plugins);
    for (model::DaemonView& view : all) {
        view.options_error = fit_.error_of(view.name);
        if (const auto host = hosts.find(view.driver); host != hosts.end())
            view.driver_host = host->second;
    }
    return all;
}

void Control::reload_plugin(const api::Peer& peer, const std::string& name, bool force,
                            api::Done<void> done) {
    const std::string id = plugin_id(parts_.plugins.catalog(), name);
    parts_.plugins.reload(
        id, force,
        [this, alive = alive_, what = "plugin reload " + id + (force ? " --force" : ""),
         who = by(peer), done = std::move(done)](Result<void> reloaded) {
            if (*alive) {
                conductor().tell_of_manager(
                    what, reloaded ? who : "refused: " + reloaded.error().message + "; " + who);
            }
            done(std::move(reloaded));
        });
}

void Control::get(const std::string& name, bool lines, api::Done<model::DaemonView> done) {
    auto view = conductor().view(name);
    if (!view) return done(conductor().not_found(name));
    view->driver_host = driver_host(parts_.plugins, view->driver);
    view->options_error = fit_.error_of(name);
    const auto measured = [this, alive = alive_, lines, done](model::DaemonView seen) {
        if (lines && *alive) return count_lines(std::move(seen), done);
        done(std::move(seen));
    };
    if (!view->pid) return measured(std::move(*view));
    using Stats = Result<platform::ProcessStats>;
    ask_with_patience<Stats>(
        parts_.loop, parts_.clock, answer_patience,
        [&](std::function<void(Stats)> told) { conductor().stats(name, std::move(told)); },
        [view = std::move(*view), measured](std::optional<Stats> stats) mutable {
            if (stats && *stats) view.stats = std::move(**stats);
            measured(std::move(view));
        });
}

void Control::count_lines(model::DaemonView view, api::Done<model::DaemonView> done) {
    const auto ask = [&](std::function<void(std::uint64_t)> told) {
        conductor().count_lines(view.name, [&loop = parts_.loop, told](std::uint64_t lines) {
            loop.post([told, lines] { told(lines); });
        });
    };
    ask_with_patience<std::uint64_t>(
        parts_.loop, parts_.clock, answer_patience, ask,
        [view, done = std::move(done), alive = alive_](std::optional<std::uint64_t> lines) mutable {
            if (!*alive) return;
            if (lines) view.output_lines = *lines;
            done(std::move(view));
        });
}

Result<std::string> Control::spec(const std::string& name) {
    const engine::SpecPtr spec = conductor().spec(name);
    if (!spec) return conductor().not_found(name);
    return config::to_json(without_secrets(*spec, parts_.plugins.catalog()));
}

config::LoadResult Control::read(const std::string& json, OptionTrials& trials) {
    const config::KnownPlugins plugins = known_plugins(parts_.plugins.catalog());
    config::LoadOptions options = load_options(plugins, parts_.plugins, parts_.accounts);
    options.existing_daemons = conductor().dependencies();
    options.try_checker = [&](const std::string& checker, const std::string& options_json) {
        return trials.look(parts_.plugins, checker, options_json);
    };
    options.try_driver = [&](const model::PluginChoice& driver,
                             const model::ResourceLimits& limits) {
        return trials.look(parts_.plugins, driver, limits);
    };
    return config::load_specs_json(json, options);
}

// A foreign plugin may take its time over its options, or never come back: others are served
// meanwhile.
void Control::add(const api::Peer& peer, std::string json, bool replace,
                  api::Done<api::AddOutcome> done) {
    const auto trials = std::make_shared<OptionTrials>();
    const config::LoadResult loaded = read(json, *trials);
    if (!trials->wanted()) return add_loaded(peer, loaded, replace, done);
    if (!triers_) triers_.emplace(std::size_t{2});
    boost::asio::post(*triers_,
                      [this, alive = alive_, stop = stopping_.get_token(), trials, peer,
                       json = std::move(json), replace, done = std::move(done)]() mutable {
                          trials->run(stop);
                          parts_.loop.post([this, alive, trials, peer, json = std::move(json),
                                            replace, done = std::move(done)] {
                              if (*alive) add_loaded(peer, read(json, *trials), replace, done);
                          });
                      });
}

void Control::add_loaded(const api::Peer& peer, const config::LoadResult& loaded, bool replace,
                         const api::Done<api::AddOutcome>& done) {
    if (!loaded.errors.empty()) {
        return done(Error{ErrorCode::invalid_argument, config::format_errors(loaded.errors)});
    }
    api::AddOutcome outcome;
    for (const model::DaemonSpec& spec : loaded.daemons) {
        const engine::SpecPtr before = conductor().spec(spec.name);
        auto& list = !before           ? outcome.added
                     : *before == spec ? outcome.unchanged
                                       : outcome.replaced;
        list.push_back(spec.name);
    }
    if (const auto added = conductor().add(loaded.daemons, replace, by(peer)); !added)
        return done(added.error());
    for (const model::DaemonSpec& spec : loaded.daemons) fit_.declared(spec.name);
    done(std::move(outcome));
}

// The files of one that was removed stay, for a person to look at.
Error Control::no_logs_of(const std::string& name) {
    const std::filesystem::path files = parts_.paths.logs_of(name);
    std::error_code ignored;
    const bool there = std::filesystem::is_directory(files, ignored);
    if (!there) return conductor().not_found(name);
    return {ErrorCode::not_found, "no daemon named \"" + name +
                                      "\"; what one of that name wrote is in " + files.string()};
}

void Control::logs(const std::string& name, const api::LogQuery& query, api::Readable readable,
                   api::Done<std::unique_ptr<api::TextStream>> done) {
    const engine::SpecPtr spec = conductor().spec(name);
    if (!spec) return done(no_logs_of(name));
    auto wanted = reader_query(query, spec->log.timestamps, parts_.clock.now().wall);
    if (!wanted) return done(wanted.error());
    wanted->ends_at_present = !query.follow;
    wanted->given_up = [ending = stopping_.get_token(), by_client = query.given_up] {
        return ending.stop_requested() || (by_client && *by_client);
    };
    if (!openers_) openers_.emplace(std::size_t{3});
    if (!readers_) readers_.emplace(std::size_t{1});
    boost::asio::post(*openers_, [this, alive = alive_, name, wanted = *wanted,
                                  follow = query.follow, marks = query.marks,
                                  directory = parts_.paths.logs(), readable = std::move(readable),
                                  done = std::move(done)]() mutable {
        // The reader is moved to the loop thread; std::function needs something that can be copied.
        auto reader =
            std::make_shared<Result<logs::Reader>>(logs::Reader::open(directory, name, wanted));
        parts_.loop.post([this, alive, name, reader, follow, marks, readable = std::move(readable),
                          done = std::move(done)]() mutable {
            if (!*alive) return;
            if (!*reader) return done(reader->error());
            const auto background = [this](std::function<void()> task) {
                boost::asio::post(*readers_, std::move(task));
            };
            if (!follow) {
                return done(
                    open_text(parts_.loop, background, std::move(**reader), std::move(readable)));
            }
            if (!conductor().spec(name))
                return done(Error{ErrorCode::not_found, "\"" + name + "\" was removed meanwhile"});
            done(follow_text(parts_.loop, background, std::move(**reader), conductor(), name, marks,
                             std::move(readable)));
        });
    });
}

}  // namespace

std::unique_ptr<api::ControlService> make_control(ControlParts parts) {
    return std::make_unique<Control>(std::move(parts));
}

}  // namespace syspulse::manager
