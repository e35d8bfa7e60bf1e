#include "api/router.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "api/query_string.hpp"
#include "api/request_body.hpp"
#include "base/signals.hpp"
#include "model/daemon_spec.hpp"

namespace syspulse::api {
namespace {

// They are read and held in one go, between two turns of the supervisor.
constexpr std::size_t most_events = 10'000;

// What a route's parser gets: the decoded path parameter, the query and the raw body.
struct Parts {
    std::string name;
    QueryString query;
    std::string body;
};

using Parsed = Result<ParsedCall>;
using Parser = Parsed (*)(Parts&);

template <class Number>
Result<std::optional<Number>> take_number(QueryString& query, std::string_view key) {
    const auto text = query.take(key);
    if (!text) return std::optional<Number>{};
    Number number{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size() || number < Number{}) {
        return Error{ErrorCode::invalid_argument, "cannot read query parameter '" +
                                                      std::string(key) + "': '" + *text +
                                                      "' is not a whole number"};
    }
    return std::optional<Number>{number};
}

Result<std::optional<Since>> take_since(QueryString& query) {
    const auto text = query.take("since");
    if (!text) return std::optional<Since>{};
    if (const auto moment = parse_rfc3339(*text)) return std::optional{Since{*moment}};
    if (const auto ago = parse_duration(*text)) return std::optional{Since{*ago}};
    return Error{ErrorCode::invalid_argument, "cannot read query parameter 'since': '" + *text +
                                                  "' is neither a duration such as 10m nor a time "
                                                  "such as 2026-01-31T12:00:00Z"};
}

Parsed parse_ping(Parts&) {
    return ParsedCall{PingCall{}};
}

Parsed parse_info(Parts&) {
    return ParsedCall{InfoCall{}};
}

Parsed parse_plugins(Parts&) {
    return ParsedCall{PluginsCall{}};
}

Parsed parse_variable(Parts& parts) {
    auto name = parts.query.take("name");
    if (!name || name->empty()) {
        return Error{ErrorCode::invalid_argument, "cannot look up a variable: say ?name=NAME"};
    }
    return ParsedCall{VariableCall{std::move(*name)}};
}

Parsed parse_reload_plugin(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    ReloadPluginCall call{std::move(parts.name), body->take_flag("force")};
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{std::move(call)};
}

Parsed parse_list(Parts& parts) {
    DaemonFilter filter;
    filter.tag = parts.query.take("tag").value_or("");
    filter.name = parts.query.take("name").value_or("");
    return ParsedCall{ListCall{std::move(filter)}};
}

Parsed parse_get(Parts& parts) {
    const auto lines = parts.query.take_flag("lines");
    if (!lines) return lines.error();
    return ParsedCall{GetCall{std::move(parts.name), *lines}};
}

Parsed parse_spec(Parts& parts) {
    return ParsedCall{SpecCall{std::move(parts.name)}};
}

Parsed parse_add(Parts& parts) {
    const auto replace = parts.query.take_flag("replace");
    if (!replace) return replace.error();
    if (parts.body.empty()) {
        return Error{ErrorCode::invalid_argument,
                     R"(cannot add daemons: the body must be {"daemons": {"NAME": {SPEC}}})"};
    }
    return ParsedCall{AddCall{std::move(parts.body), *replace}};
}

Parsed parse_remove(Parts& parts) {
    const auto force = parts.query.take_flag("force");
    if (!force) return force.error();
    return ParsedCall{RemoveCall{std::move(parts.name), *force}};
}

Parsed parse_start(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    StartCall call{std::move(parts.name), {}};
    call.options.wait = body->take_flag("wait");
    call.options.timeout = body->take_seconds("timeout_secs");
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{std::move(call)};
}

Parsed parse_stop(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    StopCall call{std::move(parts.name), {}};
    call.options.force = body->take_flag("force");
    call.options.timeout = body->take_seconds("timeout_secs");
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{std::move(call)};
}

Parsed parse_restart(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    RestartCall call{std::move(parts.name), {}};
    call.options.force = body->take_flag("force");
    call.options.wait = body->take_flag("wait");
    call.options.timeout = body->take_seconds("timeout_secs");
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{std::move(call)};
}

Parsed parse_signal_call(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    const auto word = body->take_text("signal");
    if (auto done = body->finish(); !done) return done.error();
    if (!word) {
        return Error{ErrorCode::invalid_argument,
                     R"(cannot send signal: the body must be {"signal": "SIGHUP"})"};
    }
    const auto number = parse_signal(*word);
    if (!number) {
        return Error{ErrorCode::invalid_argument,
                     "cannot send signal: there is no signal '" + *word + "'"};
    }
    return ParsedCall{SignalCall{std::move(parts.name), *number}};
}

template <class Call>
Parsed parse_without_options(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{Call{std::move(parts.name)}};
}

Parsed parse_logs(Parts& parts) {
    LogsCall call{std::move(parts.name), {}};
    const auto lines = take_number<std::uint64_t>(parts.query, "lines");
    if (!lines) return lines.error();
    call.query.lines = *lines;
    const std::string stream = parts.query.take("stream").value_or("stdout");
    if (stream != "stdout" && stream != "stderr" && stream != "all") {
        return Error{ErrorCode::invalid_argument, "cannot read query parameter 'stream': '" +
                                                      stream + "' is not stdout, stderr or all"};
    }
    call.query.out = stream != "stderr";
    call.query.err = stream != "stdout";
    const auto since = take_since(parts.query);
    if (!since) return since.error();
    call.query.since = *since;
    const auto follow = parts.query.take_flag("follow");
    if (!follow) return follow.error();
    call.query.follow = *follow;
    const auto marks = parts.query.take_flag("marks");
    if (!marks) return marks.error();
    call.query.marks = *marks;
    call.query.from = parts.query.take("from").value_or("");
    if (call.query.from.empty() && !call.query.marks) return ParsedCall{std::move(call)};
    if (!call.query.follow || (!call.query.from.empty() && (*lines || *since))) {
        return Error{ErrorCode::invalid_argument,
                     "cannot read query: 'marks' and 'from' need follow=true, and 'from' takes the "
                     "place of 'lines' and 'since'"};
    }
    return ParsedCall{std::move(call)};
}

Parsed parse_events(Parts& parts) {
    EventsCall call;
    call.query.daemon = parts.query.take("daemon").value_or("");
    const auto since = take_since(parts.query);
    if (!since) return since.error();
    call.query.since = *since;
    const auto after = take_number<std::int64_t>(parts.query, "after");
    if (!after) return after.error();
    call.query.after_id = after->value_or(0);
    const auto lines = take_number<std::size_t>(parts.query, "lines");
    if (!lines) return lines.error();
    call.query.limit = lines->value_or(call.query.limit);
    if (call.query.limit > most_events) {
        return Error{ErrorCode::invalid_argument,
                     "cannot read query parameter 'lines': at most " + std::to_string(most_events) +
                         " events are given at once; take fewer, or say since when"};
    }
    const auto follow = parts.query.take_flag("follow");
    if (!follow) return follow.error();
    call.query.follow = *follow;
    const auto objects = parts.query.take_flag("objects");
    if (!objects) return objects.error();
    call.query.objects = *objects;
    return ParsedCall{std::move(call)};
}

Parsed parse_shutdown(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    const bool keep_running = body->take_flag("keep_running");
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{ShutdownCall{keep_running}};
}

Parsed parse_upgrade(Parts& parts) {
    auto body = RequestBody::parse(parts.body);
    if (!body) return body.error();
    UpgradeCall call{body->take_text("program").value_or(""), body->take_seconds("timeout_secs")};
    if (auto done = body->finish(); !done) return done.error();
    return ParsedCall{std::move(call)};
}

// Rows of `table` and `parsers` belong together; the first is what the outside may see.
constexpr std::array<RouteInfo, 20> table{{
    {"GET", "/v1/ping"},
    {"GET", "/v1/info"},
    {"GET", "/v1/plugins"},
    {"GET", "/v1/events"},
    {"POST", "/v1/shutdown"},
    {"POST", "/v1/upgrade"},
    {"GET", "/v1/daemons"},
    {"POST", "/v1/daemons"},
    {"GET", "/v1/daemons/{name}"},
    {"DELETE", "/v1/daemons/{name}"},
    {"POST", "/v1/daemons/{name}/start"},
    {"POST", "/v1/daemons/{name}/stop"},
    {"POST", "/v1/daemons/{name}/restart"},
    {"POST", "/v1/daemons/{name}/signal"},
    {"POST", "/v1/daemons/{name}/pause"},
    {"POST", "/v1/daemons/{name}/resume"},
    {"GET", "/v1/daemons/{name}/spec"},
    {"GET", "/v1/daemons/{name}/logs"},
    {"GET", "/v1/environment"},
    {"POST", "/v1/plugins/{name}/reload"},
}};
constexpr std::array<Parser, table.size()> parsers{parse_ping,
                                                   parse_info,
                                                   parse_plugins,
                                                   parse_events,
                                                   parse_shutdown,
                                                   parse_upgrade,
                                                   parse_list,
                                                   parse_add,
                                                   parse_get,
                                                   parse_remove,
                                                   parse_start,
                                                   parse_stop,
                                                   parse_restart,
                                                   parse_signal_call,
                                                   parse_without_options<PauseCall>,
                                                   parse_without_options<ResumeCall>,
                                                   parse_spec,
                                                   parse_logs,
                                                   parse_variable,
                                                   parse_reload_plugin};

// True if `path` is what the route's path describes; sets `name` to the parameter as it stands
// there.
bool matches(std::string_view pattern, std::string_view path, std::string_view& name) {
    const std::size_t brace = pattern.find('{');
    if (brace == std::string_view::npos) return pattern == path;
    if (path.substr(0, brace) != pattern.substr(0, brace)) return false;
    path.remove_prefix(brace);
    const std::string_view rest = pattern.substr(pattern.find('}') + 1);
    name = path.substr(0, path.find('/'));
    return !name.empty() && path.substr(name.size()) == rest;
}

std::string_view allowed_methods(std::string_view path) {
    std::string_view name;
    bool read = false;
    bool write = false;
    bool drop = false;
    for (const auto& row : table) {
        if (!matches(row.path, path, name)) continue;
        if (row.method == "GET") read = true;
        if (row.method == "POST") write = true;
        if (row.method == "DELETE") drop = true;
    }
    if (read && write) return "GET, POST";
    if (read && drop) return "GET, DELETE";
    if (write) return "POST";
    return read ? "GET" : "";
}

ApiError no_route(const HttpRequest& request, std::string_view path) {
    const std::string_view allow = allowed_methods(path);
    if (!allow.empty()) {
        return {405, "method_not_allowed",
                "cannot " + request.method + " " + std::string(path) + ": allowed are " +
                    std::string(allow),
                allow};
    }
    return {404, "not_found",
            "cannot find " + std::string(path) + ": there is no such path in the API"};
}

ApiError no_such_daemon(std::string_view name) {
    return {404, "daemon_not_found", "no daemon named \"" + std::string(name) + '"'};
}

// "http://localhost/v1/ping?x" is as good as "/v1/ping?x"; a fragment is none of the server's
// business.
std::string_view strip_target(std::string_view target) {
    constexpr std::string_view scheme = "http://";
    if (target.substr(0, scheme.size()) == scheme) {
        target.remove_prefix(scheme.size());
        target.remove_prefix(std::min(target.find('/'), target.size()));
    }
    return target.substr(0, target.find('#'));
}

std::variant<ParsedCall, ApiError> parse_with(Parser parser, Parts parts) {
    auto call = parser(parts);
    if (!call) return to_api_error(call.error(), Subject::other);
    if (auto rest = parts.query.expect_empty(); !rest) {
        return to_api_error(rest.error(), Subject::other);
    }
    return std::move(*call);
}

}  // namespace

std::span<const RouteInfo> routes() {
    return table;
}

std::variant<ParsedCall, ApiError> route(HttpRequest request) {
    const std::string_view target = strip_target(request.target);
    const std::string_view path = target.substr(0, target.find('?'));
    for (std::size_t i = 0; i < table.size(); ++i) {
        std::string_view encoded;
        if (table[i].method != request.method || !matches(table[i].path, path, encoded)) continue;
        auto query = QueryString::parse(target.substr(std::min(path.size() + 1, target.size())));
        if (!query) return to_api_error(query.error(), Subject::other);
        const auto name = percent_decode(encoded, false);
        if (!name)
            return bad_request(
                "cannot read path: '%' must be followed by two hexadecimal digits, and not by 00");
        // What can never be a name need not bother the manager.
        if (!encoded.empty() && !model::is_valid_daemon_name(*name)) return no_such_daemon(*name);
        return parse_with(parsers[i], {*name, std::move(*query), std::move(request.body)});
    }
    return no_route(request, path);
}

}  // namespace syspulse::api
