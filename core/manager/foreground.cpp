// `syspulse up`: a manager, its daemons and their output in the foreground.
#include <array>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>

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
    void seen(const model::HistoryEntry& entry);
    void start_all();
    void end_if_idle();
    void write(const std::string& text);
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
    bool output_gone_ = false;
};

Outcome Foreground::run() {
    auto specs = process_.load_specs(options_.files);
    if (!specs) return Refusal{specs.error(), true};
    specs_ = std::move(*specs);
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
    for (const auto& [name, follower] : followers_) print(name);
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

void Foreground::print(const std::string& name) {
    const auto found = followers_.find(name);
    if (found == followers_.end()) return;
    std::vector<logs::Line> lines;
    for (bool more = true; more;) {
        lines.clear();
        const auto read = found->second->read_some(lines, bytes_per_read);
        if (!read)
            return log::warn("cannot show the output of " + name + ": " + read.error().message);
        more = *read;
        std::string text;
        for (const logs::Line& line : lines) {
            text += prefix(name) + line.text;
            if (line.text.empty() || line.text.back() != '\n') text += '\n';
        }
        write(text);
    }
}

// What cannot be written, on a full disk for example, is dropped. Without anybody to see it, there
// is no foreground any more.
void Foreground::write(const std::string& text) {
    if (output_gone_) return;
    const auto written = platform::write_standard_output(text);
    if (written || written.error().code != ErrorCode::unavailable) return;
    output_gone_ = true;
    log::warn("nobody reads the output any more; stopping all daemons");
    process_.loop().post([this] { end(); });
}

void Foreground::seen(const model::HistoryEntry& entry) {
    if (entry.kind != "transition" && entry.kind != "health") return;
    if (entry.to == to_string(State::failed)) any_failed_ = true;
    if (!options_.quiet) {
        write(prefix("syspulse") + entry.daemon + " is " + entry.to +
              (entry.reason.empty() ? "" : " (" + entry.reason + ")") + '\n');
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
    end();
}

void Foreground::end() {
    if (std::exchange(ending_, true)) return;
    process_.conductor().shut_down(false, false);
}

}  // namespace

Outcome run_up(const UpOptions& options) {
    log::set_level(options.verbose ? log::Level::debug : log::Level::warn);
    platform::survive_closed_outputs();
    auto process = ManagerProcess::create(
        {options.data_dir, options.socket, options.plugin_dirs, /*foreground=*/true});
    if (!process) return Refusal{process.error()};
    return Foreground(**process, options).run();
}

}  // namespace syspulse::manager
