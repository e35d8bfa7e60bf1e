#include "logs/follower.hpp"

#include <system_error>
#include <utility>

#include "platform/output_watch.hpp"

namespace syspulse::logs {
namespace {

class FileWatch final : public LogWatch {
  public:
    FileWatch(platform::EventLoop& loop, std::filesystem::path directory,
              std::vector<Stream> streams, std::function<void()> readable,
              std::unique_ptr<platform::OutputWatch> watch)
        : loop_(loop),
          directory_(std::move(directory)),
          streams_(std::move(streams)),
          readable_(std::move(readable)),
          watch_(std::move(watch)) {}

    ~FileWatch() override {
        if (watch_id_ != 0) loop_.unwatch(watch_id_);
        if (timer_ != 0) loop_.cancel_timer(timer_);
    }

    Result<void> start() {
        if (auto added = watch_all(); !added) return added;
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

    void caught_up() override {
        // What changed meanwhile is queued in the watch.
        if (std::exchange(resting_, false)) loop_.rewatch(watch_id_, platform::ready_read);
        waiting_ = true;
    }

  private:
    void changed();
    void tell();
    Result<void> watch_all();

    platform::EventLoop& loop_;
    std::filesystem::path directory_;
    std::vector<Stream> streams_;
    std::function<void()> readable_;
    std::unique_ptr<platform::OutputWatch> watch_;
    platform::WatchId watch_id_ = 0;
    platform::TimerId timer_ = 0;
    bool waiting_ = true;   // The owner has read all there was, or has not been told to begin.
    bool resting_ = false;  // The watch is off until the owner has caught up.
};

void FileWatch::changed() {
    if (!waiting_) {
        // More changes tell an owner nothing new who is still reading; they must not keep the loop
        // busy.
        resting_ = true;
        loop_.rewatch(watch_id_, 0);
        return;
    }
    watch_->drain();
    static_cast<void>(watch_all().has_value());
    tell();
}

void FileWatch::tell() {
    if (!std::exchange(waiting_, false)) return;
    // A copy: the owner may destroy this follower meanwhile.
    const auto readable = readable_;
    readable();
}

// Rotation puts another file in place of each, and somebody may remove or rename the directory with
// all logs; the writer goes on in a new one.
Result<void> FileWatch::watch_all() {
    std::error_code ignored;
    if (std::filesystem::create_directories(directory_, ignored)) {
        std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, ignored);
    }
    // A directory whose files somebody has open yet does not tell of its own removal.
    for (const auto& path : {directory_.parent_path(), directory_}) {
        if (auto added = watch_->add_directory(path); !added) return added;
    }
    for (const Stream stream : streams_) {
        static_cast<void>(watch_->add_file(log_path(directory_, stream)).has_value());
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<LogWatch>> watch_logs(platform::EventLoop& loop, Reader& reader,
                                             std::function<void()> readable) {
    if (reader.streams().size() > 1) reader.only_complete_lines();
    auto native = platform::make_output_watch();
    if (!native) return native.error();
    auto watch = std::make_unique<FileWatch>(loop, reader.directory(), reader.streams(),
                                             std::move(readable), *std::move(native));
    if (auto started = watch->start(); !started) return started.error();
    return std::unique_ptr<LogWatch>(std::move(watch));
}

}  // namespace syspulse::logs
