// `syspulse up`: a manager, its daemons and their output in the foreground.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "manager/entry.hpp"
#include "manager/foreground_output.hpp"
#include "manager/manager_process.hpp"
#include "platform/signal_watch.hpp"
#include "platform/terminal.hpp"

namespace syspulse::manager {
namespace {

using model::State;

class Foreground {
  public:
    Foreground(ManagerProcess& process, const UpOptions& options)
        : process_(process),
          options_(options),
          output_(
              process.loop(), process.capture(),
              [this](std::function<void()> task) {
                  boost::asio::post(*reader_thread_, std::move(task));
              },
              process.paths().logs(), options.color, [this] { nobody_reads(); }) {}
    ~Foreground() {
        if (subscription_ != 0) process_.conductor().unsubscribe(subscription_);
    }

    // Zero, or one when a daemon failed.
    Outcome run();

  private:
    void nobody_reads();
    void seen(const model::HistoryEntry& entry);
    void start_all();
    void end_if_idle();
    void end(const std::string& why);

    ManagerProcess& process_;
    const UpOptions& options_;
    std::vector<model::DaemonSpec> specs_;
    std::optional<boost::asio::thread_pool> reader_thread_;  // Of log files; set by run().
    ForegroundOutput output_;
    std::uint64_t subscription_ = 0;
    bool any_failed_ = false;
    bool ending_ = false;
};

Outcome Foreground::run() {
    auto specs = process_.load_specs(options_.files);
    if (!specs) return Refusal{specs.error(), true};
    specs_ = std::move(*specs);
    const auto started = output_.start([](std::string_view text) {
        const auto written = platform::write_standard_output(text);
        return written || written.error().code != ErrorCode::unavailable;
    });
    if (!started) return Refusal{started.error()};
    if (auto added = process_.conductor().add(specs_, true, "by up"); !added)
        return Refusal{added.error()};
    try {
        reader_thread_.emplace(std::size_t{1});
    } catch (const std::system_error& error) {
        return Refusal{
            Error{ErrorCode::internal, std::string("cannot start a thread: ") + error.what()}};
    }
    std::vector<std::string> names;
    for (const model::DaemonSpec& spec : specs_) names.push_back(spec.name);
    output_.follow(names);
    subscription_ =
        process_.conductor().subscribe([this](const model::HistoryEntry& e) { seen(e); });
    process_.loop().post([this] { start_all(); });
    const auto ran = process_.run(false);
    output_.finish();
    if (!ran) return Refusal{ran.error()};
    return any_failed_ ? 1 : 0;
}

void Foreground::start_all() {
    for (const model::DaemonSpec& spec : specs_) {
        if (spec.schedule) continue;  // Armed by being registered.
        process_.conductor().start(spec.name, false, std::nullopt, "by up",
                                   [](const Result<void>&) {});
    }
}

void Foreground::nobody_reads() {
    log::warn("nobody reads the output any more; stopping all daemons");
    end("nobody reads the output of up");
}

void Foreground::seen(const model::HistoryEntry& entry) {
    if (entry.kind != "transition" && entry.kind != "health") return;
    const bool is_ours =
        std::ranges::find(specs_, entry.daemon, &model::DaemonSpec::name) != specs_.end();
    if (is_ours && entry.to == to_string(State::failed)) any_failed_ = true;
    if (!options_.quiet) {
        // A start comes after what a run wrote only when it takes that run's place.
        const bool lives =
            entry.to == to_string(State::running) || entry.to == to_string(State::stopping);
        const bool begins =
            entry.to == to_string(State::starting) && entry.from != to_string(State::stopping);
        const bool has_ended = entry.kind == "transition" && !lives && !begins;
        const std::string why = entry.reason.empty() ? "" : " (" + entry.reason + ")";
        output_.tell(entry.daemon, entry.daemon + " is " + entry.to + why, has_ended);
    }
    process_.loop().post([this] { end_if_idle(); });
}

// Without --keep-going the manager ends with the last of its daemons.
void Foreground::end_if_idle() {
    if (options_.keep_going || ending_) return;
    for (const model::DaemonSpec& spec : specs_) {
        const auto view = process_.conductor().view(spec.name);
        if (view && view->state != State::stopped && view->state != State::failed) return;
    }
    end("no daemon of up is left");
}

void Foreground::end(const std::string& why) {
    if (std::exchange(ending_, true)) return;
    process_.conductor().note_manager("shutdown", why);
    process_.conductor().shut_down(false, false);
}

}  // namespace

Outcome run_up(const UpOptions& options) {
    log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
    platform::survive_closed_outputs();
    auto process = ManagerProcess::create({options.data_dir, options.socket, options.plugin_dirs,
                                           /*foreground=*/true, options.files});
    if (!process) return Refusal{process.error()};
    return Foreground(**process, options).run();
}

}  // namespace syspulse::manager
