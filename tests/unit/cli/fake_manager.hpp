// A manager that answers from a table, and a context that shows what a command printed.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/run.hpp"

namespace syspulse::cli::testing {

struct Request {
    std::string method;
    std::string target;
    std::string body;
};

class FakeManager {
  public:
    bool running = true;
    bool silent = false;           // It takes requests and never answers.
    std::atomic<int> cut_off = 0;  // So many streams end without their last chunk.
    bool ends_when_cut_off = false;
    std::size_t bytes_per_piece = 3;  // Of a stream, as a socket may give them.
    // By "METHOD /target"; anything else is answered 404.
    std::map<std::string, Response> answers;
    // Called for each request, on its thread, before the answer.
    std::function<void(const Request&)> on_request;

    std::vector<Request> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    Result<Response> answer(const Request& request) {
        if (on_request) {
            on_request(request);
        }
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        if (!running) {
            return Error{ErrorCode::unavailable,
                         "no manager is running on /data; start one with: syspulse daemon"};
        }
        if (silent) {
            return Error{ErrorCode::timed_out, "the manager did not answer in time"};
        }
        if (request.target == "/v1/shutdown") {
            running = false;
        }
        const auto found = answers.find(request.method + " " + request.target);
        if (found != answers.end()) {
            return found->second;
        }
        return Response{
            404, R"({"error":{"code":404,"kind":"daemon_not_found","message":"no such daemon"}})"};
    }

  private:
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
};

class FakeConnection : public Connection {
  public:
    explicit FakeConnection(FakeManager& manager) : manager_(manager) {}

    Result<Response> request(const std::string& method, const std::string& target,
                             const std::string& body, std::optional<Duration>) override {
        return manager_.answer({method, target, body});
    }

    Result<Response> stream(const std::string& target,
                            const std::function<bool(std::string_view)>& on_data) override {
        auto response = manager_.answer({"GET", target, {}});
        if (!response || response->status != 200) {
            return response;
        }
        const std::string body = std::exchange(response->body, {});
        for (std::size_t at = 0; at < body.size(); at += manager_.bytes_per_piece) {
            on_data(std::string_view(body).substr(at, manager_.bytes_per_piece));
        }
        if (manager_.cut_off > 0 && manager_.cut_off-- > 0) {
            manager_.running = !manager_.ends_when_cut_off;
            return Error{ErrorCode::unavailable, "the manager closed the connection"};
        }
        return response;
    }

  private:
    FakeManager& manager_;
};

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

class World {
  public:
    FakeManager manager;
    Terminal terminal;
    std::string input;
    bool output_fails = false;
    std::optional<manager::DaemonOptions> daemon_options;
    std::optional<manager::UpOptions> up_options;
    std::optional<manager::ServiceOptions> service_options;
    Result<void> service_result;
    int up_code = 0;
    decltype(Context::check_plugin) check_plugin;
    decltype(Context::may_follow) may_follow;
    Result<PluginFiles> plugin_files = PluginFiles{{}, "[]"};

    Outcome run(std::vector<std::string> words) {
        std::istringstream in(input);
        std::ostringstream out;
        std::ostringstream err;
        Context context(in, out, err);
        context.terminal = terminal;
        context.connect = [this](const GlobalOptions&) -> Result<std::unique_ptr<Connection>> {
            return std::unique_ptr<Connection>(std::make_unique<FakeConnection>(manager));
        };
        context.watch_manager = [](const GlobalOptions&) -> Result<std::function<void()>> {
            return Error{ErrorCode::unsupported, "there is no process"};
        };
        context.environment = [](std::string_view) { return std::optional<std::string>(); };
        context.user_exists = [](std::string_view) { return true; };
        context.now = [] { return Now{Instant{}, *parse_rfc3339("2026-01-01T00:00:00Z")}; };
        context.pause = [](Duration) {};
        context.load_plugins = [this](const std::vector<std::string>&) { return plugin_files; };
        context.check_plugin = check_plugin;
        context.may_follow = may_follow;
        context.install_service = [this](const manager::ServiceOptions& given) {
            service_options = given;
            return service_result;
        };
        context.uninstall_service = [this](const std::string& name) {
            service_options = manager::ServiceOptions{name, {}};
            return service_result;
        };
        context.run_service = [this](const manager::ServiceOptions& given) -> manager::Outcome {
            service_options = given;
            if (service_result) return 0;
            return manager::Refusal{service_result.error()};
        };
        context.is_bundled = [](std::string_view name) { return name == "http"; };
        context.explain_item = [](std::string_view item) -> Result<std::string> {
            return std::string(item);
        };
        context.run_daemon = [this](const manager::DaemonOptions& options) {
            daemon_options = options;
            return 0;
        };
        context.run_up = [this](const manager::UpOptions& options) {
            up_options = options;
            return up_code;
        };
        if (output_fails) out.setstate(std::ios::badbit);
        const int code = cli::run(context, words);
        return {code, out.str(), err.str()};
    }

    // The daemons that GET /v1/daemons and GET /v1/daemons/{name} give.
    void has(const std::vector<std::pair<std::string, std::string>>& daemons) {
        std::string list;
        for (const auto& [name, more] : daemons) {
            const std::string object = R"({"name":")" + name +
                                       R"(","state":"running","health_status":"healthy","pid":42)" +
                                       (more.empty() ? "" : "," + more) + "}";
            list.append(list.empty() ? "" : ",").append(object);
            for (const char* how : {"", "?lines=true"}) {
                manager.answers["GET /v1/daemons/" + name + how] = {200, object};
            }
        }
        manager.answers["GET /v1/daemons"] = {200, "[" + list + "]"};
    }
};

}  // namespace syspulse::cli::testing
