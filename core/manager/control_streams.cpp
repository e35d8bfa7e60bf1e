#include "manager/control_streams.hpp"

#include <deque>
#include <utility>

#include "logs/follower.hpp"

namespace syspulse::manager {
namespace {

// A client that falls further behind than this many events is cut off; it can ask again from where
// it was.
constexpr std::size_t waiting_events_max = 65536;
// What of a log is read ahead of a client.
constexpr std::size_t piece_bytes = 64 * 1024;

// Puts lines of two streams below each other; one that is not complete is cut off by the other
// stream's.
class MergedText {
  public:
    void append(const logs::Line& line, std::string& sink) {
        if (is_open_ && line.stream != stream_) sink += '\n';
        sink += line.text;
        stream_ = line.stream;
        is_open_ = !line.text.ends_with('\n');
    }

  private:
    logs::Stream stream_ = logs::Stream::out;
    bool is_open_ = false;
};

// Lines of log files, read one piece ahead on another thread: files may be packed or on a slow
// disk, which is to delay this client only.
class LogText final : public api::TextStream {
  public:
    LogText(platform::EventLoop& loop, Background background, logs::Reader reader,
            api::Readable readable)
        : loop_(loop),
          background_(std::move(background)),
          work_(std::make_shared<Work>(std::move(reader))),
          readable_(std::move(readable)) {}

    ~LogText() override {
        if (subscription_ != 0) conductor_->unsubscribe(subscription_);
    }

    // Until the daemon `name` is removed.
    Result<void> follow(Conductor& conductor, std::string name) {
        auto watch = logs::watch_logs(loop_, work_->reader, [this] { fetch(); });
        if (!watch) return watch.error();
        watch_ = std::move(*watch);
        conductor_ = &conductor;
        subscription_ =
            conductor.subscribe([this, name = std::move(name)](const model::HistoryEntry& entry) {
                if (entry.daemon == name && !conductor_->spec(name)) removed();
            });
        return {};
    }

    void fetch() {
        fetching_ = true;
        background_([&loop = loop_, work = work_, me = std::weak_ptr(me_)] {
            work->read();
            loop.post([me] {
                if (const auto stream = me.lock()) (*stream)->fetched();
            });
        });
    }

    Result<api::Pull> read(std::string& sink, std::size_t) override {
        if (!std::exchange(ready_, false)) return api::Pull::wait;
        sink += std::exchange(work_->piece, {});
        if (work_->more || std::exchange(look_again_, false)) {
            fetch();
        } else if (watch_) {
            watch_->caught_up();
        } else {
            return api::Pull::end;
        }
        return api::Pull::wait;
    }

  private:
    // Belongs to the other thread from fetch() to fetched().
    struct Work {
        explicit Work(logs::Reader begun) : reader(std::move(begun)) {}

        void read() {
            logs::Line line;
            more = true;
            while (more && piece.size() < piece_bytes) {
                more = reader.next(line);
                if (more) text.append(line, piece);
            }
        }

        logs::Reader reader;
        MergedText text;
        std::string piece;
        bool more = true;
    };

    // All that it wrote is in the files by now: they are read to their end once more.
    void removed() {
        if (!watch_) return;
        watch_.reset();
        if (fetching_ || ready_) {
            look_again_ = true;
        } else {
            fetch();
        }
    }

    void fetched() {
        fetching_ = false;
        ready_ = true;
        // A copy: the owner may destroy this stream meanwhile.
        const auto readable = readable_;
        readable();
    }

    platform::EventLoop& loop_;
    Background background_;
    std::shared_ptr<Work> work_;
    api::Readable readable_;
    std::unique_ptr<logs::LogWatch> watch_;  // Of one that follows, until the daemon is removed.
    Conductor* conductor_ = nullptr;
    std::uint64_t subscription_ = 0;
    bool fetching_ = false;    // The other thread has the reader.
    bool ready_ = false;       // There is a piece, or the end.
    bool look_again_ = false;  // The last look may have missed what came meanwhile.
    std::shared_ptr<LogText*> me_ = std::make_shared<LogText*>(this);
};

class Events final : public api::EventStream {
  public:
    Events(Conductor& conductor, std::vector<model::HistoryEntry> past, bool follow,
           std::string daemon, api::Readable readable)
        : conductor_(conductor),
          waiting_(std::make_move_iterator(past.begin()), std::make_move_iterator(past.end())),
          daemon_(std::move(daemon)),
          readable_(std::move(readable)) {
        if (follow) {
            subscription_ =
                conductor_.subscribe([this](const model::HistoryEntry& entry) { seen(entry); });
        }
    }
    ~Events() override {
        if (subscription_ != 0) conductor_.unsubscribe(subscription_);
    }

    Result<api::Pull> read(std::vector<model::HistoryEntry>& sink, std::size_t max) override {
        if (overrun_) return Error{ErrorCode::unavailable, "the client is too slow for the events"};
        for (std::size_t i = 0; i < max && !waiting_.empty(); ++i) {
            sink.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        if (!waiting_.empty()) return api::Pull::more;
        if (subscription_ == 0) return api::Pull::end;
        told_ = false;
        return api::Pull::wait;
    }

  private:
    void seen(const model::HistoryEntry& entry) {
        if (!daemon_.empty() && entry.daemon != daemon_) return;
        overrun_ = overrun_ || waiting_.size() >= waiting_events_max;
        if (!overrun_) waiting_.push_back(entry);
        if (!std::exchange(told_, true)) readable_();
    }

    Conductor& conductor_;
    std::deque<model::HistoryEntry> waiting_;
    std::string daemon_;
    api::Readable readable_;
    std::uint64_t subscription_ = 0;
    bool told_ = true;  // Nobody waits before the first read.
    bool overrun_ = false;
};

}  // namespace

std::unique_ptr<api::TextStream> open_text(platform::EventLoop& loop, Background background,
                                           logs::Reader reader, api::Readable readable) {
    auto text = std::make_unique<LogText>(loop, std::move(background), std::move(reader),
                                          std::move(readable));
    text->fetch();
    return text;
}

Result<std::unique_ptr<api::TextStream>> follow_text(platform::EventLoop& loop,
                                                     Background background, logs::Reader reader,
                                                     Conductor& conductor, std::string daemon,
                                                     api::Readable readable) {
    auto text = std::make_unique<LogText>(loop, std::move(background), std::move(reader),
                                          std::move(readable));
    if (auto following = text->follow(conductor, std::move(daemon)); !following)
        return following.error();
    return std::unique_ptr<api::TextStream>(std::move(text));
}

Result<std::unique_ptr<api::EventStream>> open_events(Conductor& conductor,
                                                      const api::EventQuery& query, WallTime now,
                                                      api::Readable readable) {
    std::vector<model::HistoryEntry> past;
    if (query.limit > 0) {
        model::HistoryQuery wanted{query.daemon, query.after_id, std::nullopt, query.limit};
        if (query.since) wanted.since = query.since->resolve(now);
        auto found = conductor.history(wanted);
        if (!found) return found.error();
        past = std::move(*found);
    }
    // One that was removed is known as long as its history is.
    if (!query.daemon.empty() && past.empty() && !conductor.spec(query.daemon))
        return Error{ErrorCode::not_found, "no daemon named \"" + query.daemon + "\""};
    return std::unique_ptr<api::EventStream>(std::make_unique<Events>(
        conductor, std::move(past), query.follow, query.daemon, std::move(readable)));
}

}  // namespace syspulse::manager
