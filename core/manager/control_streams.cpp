#include "manager/control_streams.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "logs/follower.hpp"
#include "model/name_pattern.hpp"

namespace syspulse::manager {
namespace {

// A client that falls further behind than this many events is cut off; it can ask again from where
// it was.
constexpr std::size_t waiting_events_max = 65536;
// So many past events are read in one turn of the loop, from the newest back.
constexpr std::size_t events_per_turn = 250;
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

// Lines of log files, read one piece ahead on a thread that all clients share, never on the loop:
// files may be packed or on a slow disk.
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
    Result<void> follow(Conductor& conductor, std::string name, bool marks) {
        work_->marks = marks;
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
        work_->hand_over(sink);
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
            if (marks) mark = reader.mark().text();
        }

        // The first piece comes also if it is empty, for its mark.
        void hand_over(std::string& sink) {
            if (marks && (is_first || !piece.empty()))
                sink += std::to_string(piece.size()) + ' ' + mark + '\n';
            is_first = false;
            sink += std::exchange(piece, {});
        }

        logs::Reader reader;
        MergedText text;
        std::string piece;
        std::string mark;
        bool marks = false;
        bool is_first = true;
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
    Events(platform::EventLoop& loop, Conductor& conductor, model::HistoryQuery past, bool follow,
           api::Readable readable)
        : loop_(loop),
          conductor_(conductor),
          past_(std::move(past)),
          readable_(std::move(readable)) {
        if (follow) {
            subscription_ =
                conductor_.subscribe([this](const model::HistoryEntry& entry) { seen(entry); });
        }
    }
    ~Events() override {
        if (subscription_ != 0) conductor_.unsubscribe(subscription_);
    }

    // Reads the newest of the past, and leaves more to later turns. False if there is none.
    Result<bool> open() {
        if (auto begun = read_past(); !begun) return begun.error();
        return !waiting_.empty();
    }

    Result<api::Pull> read(std::vector<model::HistoryEntry>& sink, std::size_t max) override {
        if (failure_) return *failure_;
        if (overrun_) return Error{ErrorCode::unavailable, "the client is too slow for the events"};
        if (past_.limit > 0) {
            told_ = false;
            return api::Pull::wait;
        }
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
        if (!past_.daemon.empty() && !model::matches_pattern(past_.daemon, entry.daemon)) return;
        overrun_ = overrun_ || waiting_.size() >= waiting_events_max;
        if (!overrun_) waiting_.push_back(entry);
        if (past_.limit == 0) tell();
    }

    void tell() {
        if (!std::exchange(told_, true)) readable_();
    }

    // Many of them at once would hold up all other clients.
    Result<void> read_past() {
        model::HistoryQuery piece = past_;
        piece.limit = std::min(past_.limit, events_per_turn);
        auto found = conductor_.history(piece);
        if (!found) return found.error();
        past_.limit = found->size() < piece.limit ? 0 : past_.limit - piece.limit;
        if (!found->empty()) past_.before_id = found->front().id;
        waiting_.insert(waiting_.begin(), std::make_move_iterator(found->begin()),
                        std::make_move_iterator(found->end()));
        if (past_.limit > 0) {
            loop_.post([me = std::weak_ptr(me_)] {
                if (const auto stream = me.lock()) (*stream)->go_on();
            });
        }
        return {};
    }

    void go_on() {
        if (auto read = read_past(); !read) {
            failure_ = read.error();
            past_.limit = 0;
        }
        if (past_.limit == 0) tell();
    }

    platform::EventLoop& loop_;
    Conductor& conductor_;
    model::HistoryQuery past_;  // What of it is still to be read.
    std::deque<model::HistoryEntry> waiting_;
    std::optional<Error> failure_;
    api::Readable readable_;
    std::uint64_t subscription_ = 0;
    bool told_ = true;  // Nobody waits before the first read.
    bool overrun_ = false;
    std::shared_ptr<Events*> me_ = std::make_shared<Events*>(this);
};

bool is_known(Conductor& conductor, const std::string& pattern) {
    if (conductor.spec(pattern)) return true;
    return std::ranges::any_of(conductor.views(), [&](const model::DaemonView& daemon) {
        return model::matches_pattern(pattern, daemon.name);
    });
}

}  // namespace

Result<logs::Query> reader_query(const api::LogQuery& query, bool stamped, WallTime now) {
    logs::Query wanted;
    wanted.stamped = stamped;
    wanted.out = query.out;
    wanted.err = query.err;
    wanted.lines = query.lines;
    if (query.since) wanted.since = query.since->resolve(now);
    if (query.from.empty()) return wanted;
    const auto from = logs::Mark::parse(query.from);
    if (!from) return from.error();
    wanted.from = *from;
    wanted.lines.reset();
    return wanted;
}

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
                                                     bool marks, api::Readable readable) {
    auto text = std::make_unique<LogText>(loop, std::move(background), std::move(reader),
                                          std::move(readable));
    if (auto following = text->follow(conductor, std::move(daemon), marks); !following)
        return following.error();
    return std::unique_ptr<api::TextStream>(std::move(text));
}

Result<std::unique_ptr<api::EventStream>> open_events(platform::EventLoop& loop,
                                                      Conductor& conductor,
                                                      const api::EventQuery& query, WallTime now,
                                                      api::Readable readable) {
    model::HistoryQuery past;
    past.daemon = query.daemon;
    past.after_id = query.after_id;
    if (query.since) past.since = query.since->resolve(now);
    past.limit = query.limit;
    auto events = std::make_unique<Events>(loop, conductor, std::move(past), query.follow,
                                           std::move(readable));
    const auto has_past = query.limit > 0 ? events->open() : Result<bool>(false);
    if (!has_past) return has_past.error();
    // One that was removed is known as long as its history is.
    if (!query.daemon.empty() && !*has_past && !is_known(conductor, query.daemon))
        return conductor.not_found(query.daemon);
    return std::unique_ptr<api::EventStream>(std::move(events));
}

}  // namespace syspulse::manager
