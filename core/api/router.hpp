// From an HTTP request to a call, as a pure function: the one table of what the API offers. Knows
// no sockets, so that every request can be tested and fuzzed by itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "api/api_error.hpp"
#include "api/control_service.hpp"

namespace syspulse::api {

struct HttpRequest {
    std::string method;
    std::string target;  // Path and query as they came, percent-encoded.
    std::string body;
};

struct PingCall {};
struct InfoCall {};
struct PluginsCall {};
struct ReloadPluginCall {
    std::string name;
    bool force = false;
};
struct ListCall {
    DaemonFilter filter;
};
struct GetCall {
    std::string name;
    bool lines = false;
};
struct SpecCall {
    std::string name;
};
struct AddCall {
    std::string json;
    bool replace = false;
};
struct RemoveCall {
    std::string name;
    bool force = false;
};
struct StartCall {
    std::string name;
    StartOptions options;
};
struct StopCall {
    std::string name;
    StopOptions options;
};
struct RestartCall {
    std::string name;
    RestartOptions options;
};
struct SignalCall {
    std::string name;
    std::int32_t number = 0;
};
struct PauseCall {
    std::string name;
};
struct ResumeCall {
    std::string name;
};
struct LogsCall {
    std::string name;
    LogQuery query;
};
struct EventsCall {
    EventQuery query;
};
struct ShutdownCall {
    bool keep_running = false;
};

struct VariableCall {
    std::string name;
};

struct UpgradeCall {
    std::string program;  // Empty: where the running program came from.
    std::optional<Duration> timeout;
};

using ParsedCall =
    std::variant<PingCall, InfoCall, PluginsCall, ReloadPluginCall, ListCall, GetCall, SpecCall,
                 AddCall, RemoveCall, StartCall, StopCall, RestartCall, SignalCall, PauseCall,
                 ResumeCall, LogsCall, EventsCall, ShutdownCall, UpgradeCall, VariableCall>;

// `request` gives up its body to the call that needs it.
std::variant<ParsedCall, ApiError> route(HttpRequest request);

struct RouteInfo {
    std::string_view method;
    std::string_view path;  // Segments in braces are parameters, as in OpenAPI.
};

std::span<const RouteInfo> routes();

}  // namespace syspulse::api
