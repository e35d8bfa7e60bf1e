#include "logs/follower.hpp"

#include <system_error>
#include <utility>

#include "platform/output_watch.hpp"

namespace syspulse::logs {
namespace {

class LogFollower final : public Follower {
  public:
    LogFollower(platform::EventLoop& loop, Reader reader, std::function<void()> readable,
                std::unique_ptr<platform::OutputWatch> watch)
        : loop_(loop),
          reader_(std::move(reader)),
          readable_(std::move(readable)),
          watch_(std::move(watch)) {
        if (reader_.streams().size() > 1) reader_.only_complete_lines();
    }

    ~LogFollower() override {
        if (watch_id_ != 0) loop_.unwatch(watch_id_);
        if (timer_ != 0) loop_.cancel_timer(timer_);
    }

    Result<void> start() {
        std::error_code ignored;
        if (std::filesystem::create_directories(reader_.directory(), ignored)) {
            std::filesystem::permissions(reader_.directory(), std::filesystem::perms::owner_all,
                                         ignored);
        }
        if (auto added = watch_->add_directory(reader_.directory()); !added) return added;
        watch_files();
        auto watching = loop_.watch(watch_->handle(), platform::ready_read,
                                    [this](std::uint32_t) { changed(); });
        if (!watching) return watching.error();
        watch_id_ = *watching;
        timer_ = loop_.start_timer(Instant{}, [this] {
            timer_ = 0;
            tell();
        });
        return {};
    }

    Result<bool> read_some(std::vector<Line>& lines, std::size_t max_bytes) override;

  private:
    void changed();
    void tell();
    void watch_files();

    platform::EventLoop& loop_;
    Reader reader_;
    std::function<void()> readable_;
    std::unique_ptr<platform::OutputWatch> watch_;
    platform::WatchId watch_id_ = 0;
    platform::TimerId timer_ = 0;
    bool waiting_ = true;   // The owner has read all there was, or has not been told to begin.
    bool resting_ = false;  // The watch is off until the owner has caught up.
};

Result<bool> LogFollower::read_some(std::vector<Line>& lines, std::size_t max_bytes) {
    std::size_t bytes = 0;
    while (bytes < max_bytes) {
        Line line;
        if (!reader_.next(line)) {
            // What changed meanwhile is queued in the watch.
            if (std::exchange(resting_, false)) loop_.rewatch(watch_id_, platform::ready_read);
            waiting_ = true;
            return false;
        }
        bytes += line.text.size();
        lines.push_back(std::move(line));
    }
    return true;
}

void LogFollower::changed() {
    if (!waiting_) {
        // More changes tell an owner nothing new who is still reading; they must not keep the loop
        // busy.
        resting_ = true;
        loop_.rewatch(watch_id_, 0);
        return;
    }
    watch_->drain();
    watch_files();
    tell();
}

void LogFollower::tell() {
    if (!std::exchange(waiting_, false)) return;
    // A copy: the owner may destroy this follower meanwhile.
    const auto readable = readable_;
    readable();
}

// Rotation puts another file in place of each.
void LogFollower::watch_files() {
    for (const Stream stream : reader_.streams()) {
        static_cast<void>(watch_->add_file(log_path(reader_.directory(), stream)).has_value());
    }
}

}  // namespace

Result<std::unique_ptr<Follower>> follow(platform::EventLoop& loop, Reader reader,
                                         std::function<void()> readable) {
    auto watch = platform::make_output_watch();
    if (!watch) return watch.error();
    auto follower = std::make_unique<LogFollower>(loop, std::move(reader), std::move(readable),
                                                  *std::move(watch));
    if (auto started = follower->start(); !started) return started.error();
    return std::unique_ptr<Follower>(std::move(follower));
}

}  // namespace syspulse::logs
