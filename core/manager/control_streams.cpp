#include "manager/control_streams.hpp"

#include <deque>
#include <utility>

#include "logs/follower.hpp"

namespace syspulse::manager {
namespace {

// A client that falls further behind than this many events is cut off; it can ask again from where
// it was.
constexpr std::size_t waiting_events_max = 65536;

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

class FileText final : public api::TextStream {
  public:
    explicit FileText(logs::Reader reader) : reader_(std::move(reader)) {}

    Result<api::Pull> read(std::string& sink, std::size_t max) override {
        const std::size_t begin = sink.size();
        logs::Line line;
        while (sink.size() - begin < max) {
            const Result<bool> more = reader_.next(line);
            if (!more) return more.error();
            if (!*more) return api::Pull::end;
            text_.append(line, sink);
        }
        return api::Pull::more;
    }

  private:
    logs::Reader reader_;
    MergedText text_;
};

class FollowedText final : public api::TextStream {
  public:
    explicit FollowedText(std::unique_ptr<logs::Follower> follower)
        : follower_(std::move(follower)) {}

    Result<api::Pull> read(std::string& sink, std::size_t max) override {
        lines_.clear();
        const Result<bool> more = follower_->read_some(lines_, max);
        if (!more) return more.error();
        for (const logs::Line& line : lines_) text_.append(line, sink);
        return *more ? api::Pull::more : api::Pull::wait;
    }

  private:
    std::unique_ptr<logs::Follower> follower_;
    std::vector<logs::Line> lines_;
    MergedText text_;
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

Result<std::unique_ptr<api::TextStream>> open_text(platform::EventLoop& loop, logs::Reader reader,
                                                   bool follow, api::Readable readable) {
    if (!follow)
        return std::unique_ptr<api::TextStream>(std::make_unique<FileText>(std::move(reader)));
    auto follower = logs::follow(loop, std::move(reader), std::move(readable));
    if (!follower) return follower.error();
    return std::unique_ptr<api::TextStream>(std::make_unique<FollowedText>(std::move(*follower)));
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
