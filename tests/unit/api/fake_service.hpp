// A manager that does nothing but remember what it was asked, for tests of the API.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/control_service.hpp"

namespace syspulse::api::test {

// A stream whose owner can be asked what became of it.
struct StreamState {
    std::string pending;
    bool end = false;
    bool alive = false;
    bool endless = false;  // Always full.
    bool stays = false;    // Without its end for now, though nobody follows.
    std::size_t pulled = 0;
    Readable readable;
};

class FakeText final : public TextStream {
  public:
    explicit FakeText(std::shared_ptr<StreamState> state) : state_(std::move(state)) {
        state_->alive = true;
    }
    ~FakeText() override { state_->alive = false; }

    Result<Pull> read(std::string& sink, std::size_t max) override {
        if (state_->endless) {
            sink.append(max, 'x');
            state_->pulled += max;
            return Pull::more;
        }
        const std::size_t n = std::min(max, state_->pending.size());
        sink.append(state_->pending, 0, n);
        state_->pending.erase(0, n);
        state_->pulled += n;
        if (!state_->pending.empty()) return Pull::more;
        return state_->end ? Pull::end : Pull::wait;
    }

  private:
    std::shared_ptr<StreamState> state_;
};

class FakeEvents final : public EventStream {
  public:
    explicit FakeEvents(std::vector<model::HistoryEntry> entries) : entries_(std::move(entries)) {}

    Result<Pull> read(std::vector<model::HistoryEntry>& sink, std::size_t) override {
        sink.insert(sink.end(), entries_.begin(), entries_.end());
        return Pull::end;
    }

  private:
    std::vector<model::HistoryEntry> entries_;
};

class FakeService final : public ControlService {
  public:
    std::vector<std::string> calls;
    std::optional<Error> next_error;
    std::vector<Done<model::DaemonView>> held;  // `start` with wait is answered by the test.
    std::shared_ptr<StreamState> stream = std::make_shared<StreamState>();
    bool hold_logs = false;  // Never answered.
    std::shared_ptr<const std::atomic<bool>> given_up;
    std::size_t list_size = 1;
    Peer last_peer;

    static model::DaemonView view(const std::string& name) {
        model::DaemonView daemon;
        daemon.id = "5b4cd4a3-1b0e-4a3e-8f0c-6d0c6b1d9d11";
        daemon.name = name;
        daemon.state = model::State::running;
        daemon.pid = 42;
        return daemon;
    }

    ManagerInfo info() override {
        ManagerInfo info;
        info.version = "0.1.0";
        info.daemons = {{model::State::running, 2}, {model::State::failed, 1}};
        return info;
    }
    std::vector<model::DaemonView> list(const DaemonFilter& filter) override {
        calls.push_back("list tag=" + filter.tag + " name=" + filter.name);
        return std::vector<model::DaemonView>(list_size, view("web"));
    }
    void get(const std::string& name, bool, Done<model::DaemonView> done) override {
        finish("get " + name, name, done);
    }
    Result<std::string> spec(const std::string& name) override {
        calls.push_back("spec " + name);
        if (next_error) return *std::exchange(next_error, std::nullopt);
        return std::string(R"({"command":["sleep","1"]})");
    }
    std::vector<PluginView> plugins() override {
        PluginView plugin;
        plugin.name = "posix";
        plugin.kinds.push_back({"driver", "posix", "", "{}", {}, {}});
        return {plugin};
    }
    void reload_plugin(const Peer&, const std::string& name, bool force, Done<void> done) override {
        calls.push_back("reload " + name + (force ? " forced" : ""));
        if (next_error) return done(*std::exchange(next_error, std::nullopt));
        done({});
    }
    void add(const Peer& peer, std::string json, bool replace, Done<AddOutcome> done) override {
        last_peer = peer;
        calls.push_back("add " + std::to_string(json.size()) + (replace ? " replace" : ""));
        if (next_error) return done(*std::exchange(next_error, std::nullopt));
        done(AddOutcome{{"web"}, {}, {}});
    }
    void remove(const Peer&, const std::string& name, bool force, Done<void> done) override {
        finish("remove " + name + (force ? " force" : ""), done);
    }
    void start(const Peer&, const std::string& name, const StartOptions& options,
               Done<model::DaemonView> done) override {
        if (options.wait) return held.push_back(std::move(done));
        finish("start " + name, name, done);
    }
    void stop(const Peer&, const std::string& name, const StopOptions& options,
              Done<model::DaemonView> done) override {
        finish("stop " + name + (options.force ? " force" : ""), name, done);
    }
    void restart(const Peer&, const std::string& name, const RestartOptions&,
                 Done<model::DaemonView> done) override {
        finish("restart " + name, name, done);
    }
    void signal(const Peer&, const std::string& name, std::int32_t number,
                Done<void> done) override {
        finish("signal " + name + " " + std::to_string(number), done);
    }
    void pause(const Peer&, const std::string& name, Done<model::DaemonView> done) override {
        finish("pause " + name, name, done);
    }
    void resume(const Peer&, const std::string& name, Done<model::DaemonView> done) override {
        finish("resume " + name, name, done);
    }
    void shutdown(const Peer&, bool keep_running, Done<void> done) override {
        finish(keep_running ? "shutdown keep" : "shutdown", done);
    }
    void logs(const std::string& name, const LogQuery& query, Readable readable,
              Done<std::unique_ptr<TextStream>> done) override {
        calls.push_back("logs " + name);
        given_up = query.given_up;
        if (hold_logs) return;
        if (next_error) return done(*std::exchange(next_error, std::nullopt));
        stream->readable = std::move(readable);
        if (!query.follow && !stream->stays) stream->end = true;
        done(std::unique_ptr<TextStream>(std::make_unique<FakeText>(stream)));
    }
    Result<std::unique_ptr<EventStream>> events(const EventQuery& query, Readable) override {
        calls.push_back("events " + query.daemon);
        model::HistoryEntry entry;
        entry.id = 7;
        entry.daemon = "web";
        entry.kind = "transition";
        entry.from = "starting";
        entry.to = "running";
        return std::unique_ptr<EventStream>(
            std::make_unique<FakeEvents>(std::vector<model::HistoryEntry>{entry, entry}));
    }

  private:
    void finish(std::string call, const std::string& name, const Done<model::DaemonView>& done) {
        calls.push_back(std::move(call));
        if (next_error) return done(*std::exchange(next_error, std::nullopt));
        done(view(name));
    }
    void finish(std::string call, const Done<void>& done) {
        calls.push_back(std::move(call));
        if (next_error) return done(*std::exchange(next_error, std::nullopt));
        done({});
    }
};

}  // namespace syspulse::api::test
