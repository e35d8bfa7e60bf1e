#include "api/dispatch.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "api/json_codec.hpp"
#include "api/json_writer.hpp"
#include "base/signals.hpp"

namespace syspulse::api {
namespace {

constexpr std::size_t typical_event_bytes = 256;

// Events as newline-delimited JSON.
class EventLines final : public TextStream {
  public:
    // With `service` each event has the daemon as it stands, which many events of one reading
    // share.
    EventLines(std::unique_ptr<EventStream> events, ControlService* service)
        : events_(std::move(events)), service_(service) {}

    Result<Pull> read(std::string& sink, std::size_t max) override {
        entries_.clear();
        objects_.clear();
        auto pulled = events_->read(entries_, std::max<std::size_t>(1, max / typical_event_bytes));
        for (const auto& entry : entries_) {
            sink += service_ == nullptr ? to_json(entry) : to_json(entry, object_of(entry));
            sink += '\n';
        }
        return pulled;
    }

  private:
    // Null once it is gone, even if there is another one of that name.
    const std::string& object_of(const model::HistoryEntry& entry) {
        const auto [found, is_new] = objects_.try_emplace(entry.uuid, "null");
        if (!is_new || entry.daemon.empty()) return found->second;
        for (const model::DaemonView& daemon : service_->list({{}, entry.daemon}))
            if (daemon.id == entry.uuid) found->second = to_json(daemon);
        return found->second;
    }

    std::unique_ptr<EventStream> events_;
    ControlService* service_;
    std::map<std::string, std::string> objects_;  // By id.
    std::vector<model::HistoryEntry> entries_;    // Kept for its capacity.
};

std::string single_field(std::string_view key, std::string_view value) {
    JsonWriter json;
    json.begin_object();
    json.key(key);
    json.string(value);
    json.end_object();
    return std::move(json).take();
}

class Dispatcher {
  public:
    Dispatcher(ControlService& service, const Peer& peer, Readable readable, AnswerHandler done)
        : service_(service), peer_(peer), readable_(std::move(readable)), done_(std::move(done)) {}

    void operator()(const PingCall&) { done_(JsonAnswer{R"({"status":"pong"})"}); }
    void operator()(const InfoCall&) { done_(JsonAnswer{to_json(service_.info())}); }
    void operator()(const PluginsCall&) { done_(JsonAnswer{to_json(service_.plugins())}); }
    void operator()(const ReloadPluginCall& call) {
        service_.reload_plugin(peer_, call.name, call.force,
                               plain_answer(single_field("reloaded", call.name), Subject::other));
    }
    void operator()(const ListCall& call) {
        done_(JsonAnswer{to_json(service_.list(call.filter))});
    }
    void operator()(const GetCall& call) { service_.get(call.name, call.lines, daemon_answer()); }

    void operator()(const SpecCall& call) {
        auto spec = service_.spec(call.name);
        if (!spec) return fail(spec.error(), Subject::daemon);
        done_(JsonAnswer{std::move(*spec)});
    }

    void operator()(AddCall& call) {
        service_.add(peer_, std::move(call.json), call.replace,
                     [done = done_](Result<AddOutcome> outcome) {
                         if (!outcome) return done(to_api_error(outcome.error(), Subject::spec));
                         done(JsonAnswer{to_json(*outcome)});
                     });
    }

    void operator()(const RemoveCall& call) {
        service_.remove(peer_, call.name, call.force,
                        plain_answer(single_field("removed", call.name), Subject::daemon));
    }
    void operator()(const StartCall& call) {
        service_.start(peer_, call.name, call.options, daemon_answer());
    }
    void operator()(const StopCall& call) {
        service_.stop(peer_, call.name, call.options, daemon_answer());
    }
    void operator()(const RestartCall& call) {
        service_.restart(peer_, call.name, call.options, daemon_answer());
    }
    void operator()(const SignalCall& call) {
        service_.signal(
            peer_, call.name, call.number,
            plain_answer(single_field("signalled", signal_name(call.number)), Subject::daemon));
    }
    void operator()(const PauseCall& call) { service_.pause(peer_, call.name, daemon_answer()); }
    void operator()(const ResumeCall& call) { service_.resume(peer_, call.name, daemon_answer()); }
    void operator()(const ShutdownCall& call) {
        service_.shutdown(peer_, call.keep_running,
                          plain_answer(call.keep_running ? R"({"keep_running":true})"
                                                         : R"({"keep_running":false})",
                                       Subject::other));
    }

    void operator()(const UpgradeCall& call) {
        service_.upgrade(peer_, call.program, call.timeout.value_or(upgrade_timeout_default),
                         plain_answer(R"({"upgrading":true})", Subject::other));
    }

    void operator()(const VariableCall& call) {
        const auto value = service_.variable(call.name);
        if (!value)
            return done_(
                ApiError{404, "not_found", "the manager has no environment variable " + call.name});
        done_(JsonAnswer{single_field("value", *value)});
    }

    void operator()(const LogsCall& call) {
        service_.logs(call.name, call.query, std::move(readable_),
                      [done = done_](Result<std::unique_ptr<TextStream>> stream) {
                          if (!stream) return done(to_api_error(stream.error(), Subject::daemon));
                          done(StreamAnswer{"text/plain; charset=utf-8", std::move(*stream)});
                      });
    }

    void operator()(const EventsCall& call) {
        auto events = service_.events(call.query, std::move(readable_));
        if (!events) return fail(events.error(), Subject::daemon);
        done_(StreamAnswer{"application/x-ndjson",
                           std::make_unique<EventLines>(std::move(*events),
                                                        call.query.objects ? &service_ : nullptr)});
    }

  private:
    void fail(const Error& error, Subject subject) { done_(to_api_error(error, subject)); }

    Done<model::DaemonView> daemon_answer() {
        return [done = done_](Result<model::DaemonView> daemon) {
            if (!daemon) return done(to_api_error(daemon.error(), Subject::daemon));
            done(JsonAnswer{to_json(*daemon)});
        };
    }

    Done<void> plain_answer(std::string body, Subject subject) {
        return [done = done_, body = std::move(body), subject](Result<void> result) {
            if (!result) return done(to_api_error(result.error(), subject));
            done(JsonAnswer{body});
        };
    }

    ControlService& service_;
    const Peer& peer_;
    Readable readable_;
    AnswerHandler done_;
};

}  // namespace

void dispatch(ParsedCall call, ControlService& service, const Peer& peer, Readable readable,
              AnswerHandler done) {
    std::visit(Dispatcher(service, peer, std::move(readable), std::move(done)), call);
}

}  // namespace syspulse::api
