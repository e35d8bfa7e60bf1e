// `syspulse up`: a manager, its daemons and their output in the foreground.
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/background_writer.hpp"
#include "base/log.hpp"
#include "logs/follower.hpp"
#include "manager/entry.hpp"
#include "manager/manager_process.hpp"
#include "platform/signal_watch.hpp"
#include "platform/terminal.hpp"

namespace syspulse::manager {
namespace {

using model::State;

constexpr std::size_t bytes_per_read = 64 * 1024;
// What waits for somebody to read it. Daemons' output beyond that waits in the log files.
constexpr std::size_t waiting_max = 128 * 1024;
// At the end, a reader who takes nothing for so long is not waited for.
constexpr Duration last_patience = std::chrono::seconds{2};
constexpr std::array<std::string_view, 6> palette{"\033[36m", "\033[33m", "\033[32m",
                                                  "\033[35m", "\033[34m", "\033[31m"};

class Foreground {
  public:
    Foreground(ManagerProcess& process, const UpOptions& options)
        : process_(process), options_(options) {}
    ~Foreground() {
        if (subscription_ != 0) process_.conductor().unsubscribe(subscription_);
    }

    // Zero, or one when a daemon failed.
    Outcome run();

  private:
    void follow(const std::string& name, std::size_t number);
    void print(const std::string& name);
    bool print_some(const std::string& name);
    void output_changed();
    void print_rest();
    void seen(const model::HistoryEntry& entry);
    void start_all();
    void end_if_idle();
    bool write(const std::string& text) { return output_->write(text); }
    void end();
    std::string prefix(const std::string& name) const;

    ManagerProcess& process_;
    const UpOptions& options_;
    std::vector<model::DaemonSpec> specs_;
    std::map<std::string, std::unique_ptr<logs::Follower>> followers_;
    std::map<std::string, std::string_view> colors_;
    std::size_t width_ = 8;
    std::uint64_t subscription_ = 0;
    bool any_failed_ = false;
    bool ending_ = false;
    std::unique_ptr<BackgroundWriter> output_;      // Standard output; set as long as it runs.
    std::set<std::string> waiting_;                 // Daemons with output that has no room yet.
    std::map<std::string, std::string> unwritten_;  // Of them: what has been read already.
    std::size_t unshown_ = 0;                       // Changes of state.
};

Outcome Foreground::run() {
    auto specs = process_.load_specs(options_.files);
    if (!specs) return Refusal{specs.error(), true};
    specs_ = std::move(*specs);
    auto output = BackgroundWriter::start(
        [](std::string_view text) {
            const auto written = platform::write_standard_output(text);
            return written || written.error().code != ErrorCode::unavailable;
        },
        waiting_max, [this] { process_.loop().post([this] { output_changed(); }); });
    if (!output) return Refusal{output.error()};
    output_ = std::move(*output);
    if (auto added = process_.conductor().add(specs_, true, "by up"); !added)
        return Refusal{added.error()};
    for (std::size_t i = 0; i < specs_.size(); ++i) {
        width_ = std::max(width_, specs_[i].name.size());
        follow(specs_[i].name, i);
    }
    subscription_ =
        process_.conductor().subscribe([this](const model::HistoryEntry& e) { seen(e); });
    process_.loop().post([this] { start_all(); });
    const auto ran = process_.run(false);
    print_rest();
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

// Shows what is written from now on.
void Foreground::follow(const std::string& name, std::size_t number) {
    colors_[name] = palette[number % palette.size()];
    logs::Query query{true, true, 0, std::nullopt};
    auto reader = logs::Reader::open(process_.paths().logs(), name, query);
    if (!reader)
        return log::warn("cannot show the output of " + name + ": " + reader.error().message);
    auto follower =
        logs::follow(process_.loop(), std::move(*reader), [this, name] { print(name); });
    if (!follower)
        return log::warn("cannot show the output of " + name + ": " + follower.error().message);
    followers_[name] = std::move(*follower);
}

std::string Foreground::prefix(const std::string& name) const {
    std::string padded = name;
    padded.resize(std::max(width_, name.size()), ' ');
    padded += " | ";
    if (!options_.color) return padded;
    const auto color = colors_.find(name);
    return std::string(color == colors_.end() ? "" : color->second) + padded + "\033[0m";
}

// A piece at a time, so that a daemon that writes without end leaves room for others.
void Foreground::print(const std::string& name) {
    if (!print_some(name)) return;
    process_.loop().post([this, name] { print(name); });
}

// True if there is more, and room for it.
bool Foreground::print_some(const std::string& name) {
    const auto found = followers_.find(name);
    if (found == followers_.end()) return false;
    std::string& text = unwritten_[name];
    bool more = true;
    if (text.empty()) {
        std::vector<logs::Line> lines;
        const auto read = found->second->read_some(lines, bytes_per_read);
        if (!read) {
            log::warn("cannot show the output of " + name + ": " + read.error().message);
            return false;
        }
        more = *read;
        for (const logs::Line& line : lines) {
            text += prefix(name) + line.text;
            if (line.text.empty() || line.text.back() != '\n') text += '\n';
        }
    }
    if (!text.empty() && !write(text)) {
        waiting_.insert(name);
        return false;
    }
    text.clear();
    return more;
}

// There is room again. Or there is nobody to see it any more, and so no foreground.
void Foreground::output_changed() {
    if (output_->is_gone()) {
        log::warn("nobody reads the output any more; stopping all daemons");
        return end();
    }
    if (unshown_ > 0 && write(prefix("syspulse") + std::to_string(unshown_) +
                              " changes are not shown; see syspulse events\n"))
        unshown_ = 0;
    for (const std::string& name : std::exchange(waiting_, {})) print(name);
}

void Foreground::print_rest() {
    for (const auto& [name, follower] : followers_) {
        while (print_some(name) || waiting_.erase(name) > 0) {
            if (!output_->flush(last_patience)) return;
        }
    }
    output_->flush(last_patience);
}

void Foreground::seen(const model::HistoryEntry& entry) {
    if (entry.kind != "transition" && entry.kind != "health") return;
    if (entry.to == to_string(State::failed)) any_failed_ = true;
    if (!options_.quiet && !write(prefix("syspulse") + entry.daemon + " is " + entry.to +
                                  (entry.reason.empty() ? "" : " (" + entry.reason + ")") + '\n'))
        ++unshown_;
    process_.loop().post([this] { end_if_idle(); });
}

// Without --keep-going the manager ends with the last of its daemons.
void Foreground::end_if_idle() {
    if (options_.keep_going || ending_) return;
    for (const model::DaemonSpec& spec : specs_) {
        const auto view = process_.conductor().view(spec.name);
        if (view && view->state != State::stopped && view->state != State::failed) return;
    }
    end();
}

void Foreground::end() {
    if (std::exchange(ending_, true)) return;
    process_.conductor().note_manager("shutdown", "no daemon of up is left");
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
