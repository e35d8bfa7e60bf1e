// C07: what an author marked as secret in a schema is seen nowhere.
#include <algorithm>
#include <array>

#include "config/json_schema.hpp"
#include "conformance/driver_bench.hpp"
#include "conformance/target_server.hpp"

namespace syspulse::conformance {
namespace {

using Json = nlohmann::json;

constexpr const char* marker = "kit-secret-word";

// The options with the marker as every secret text of the schema; whether there is one.
bool fill_secrets(const Json& schema, Json& options) {
    bool filled = false;
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->is_object()) return false;
    for (const auto& [name, rule] : properties->items()) {
        const std::string type = rule.value("type", "");
        if (type == "string" && rule.value("x-syspulse-secret", false)) {
            options[name] = marker;
            filled = true;
        } else if (type == "object") {
            Json inner = options.value(name, Json::object());
            if (!fill_secrets(rule, inner)) continue;
            options[name] = inner;
            filled = true;
        }
    }
    return filled;
}

// As the core would give them to the plugin; nothing when the schema has no secret, or takes no
// such word for one.
std::optional<std::string> with_secrets(const std::string& schema, const std::string& options) {
    const Json rules = Json::parse(schema, nullptr, false);
    Json filled = Json::parse(options, nullptr, false);
    if (!rules.is_object() || !filled.is_object() || !fill_secrets(rules, filled)) {
        return std::nullopt;
    }
    const auto full = config::complete_options(schema, filled.dump());
    return full ? std::optional(*full) : std::nullopt;
}

bool tells(const std::string& text) {
    return text.find(marker) != std::string::npos;
}

bool children_tell() {
    const auto all = children();
    return std::any_of(all.begin(), all.end(),
                       [](std::int64_t pid) { return tells(command_line_of(pid)); });
}

Verdict said(KitHost& host) {
    if (tells(host.log())) return fail("a secret option is in what it logs");
    if (host.last_error && tells(*host.last_error)) return fail("a secret option is in an error");
    for (const Event& event : host.events()) {
        if (tells(event.message)) return fail("a secret option is in an answer");
    }
    return pass();
}

Verdict checker_keeps_secrets(Case& c, const plugin_host::LoadedKind& kind,
                              const std::string& options) {
    const TargetServer server(TargetServer::Manner::reply, c.author().reply);
    const TargetServer closed(TargetServer::Manner::refuse);
    const TargetServer silent(TargetServer::Manner::silence);
    KitHost host;
    {
        Trial trial(host, kind, options);
        if (!trial.created()) return said(host);
        trial.check(server.in(c.author().pass));
        trial.check(closed.in(c.author().fail));
        const auto slow = trial.start(silent.in(c.author().slow), 500);
        host.settle(std::chrono::milliseconds{50});
        if (children_tell()) return fail("a secret option is in the command line of a child");
        if (slow) host.wait_for(*slow, c.within(std::chrono::seconds{10}));
    }
    host.settle(std::chrono::milliseconds{50});
    return said(host);
}

Verdict driver_keeps_secrets(Case& c, const std::string& options) {
    DriverBench bench(c);
    auto parsed = plugin_host::PluginConfig::parse(options);
    if (!bench.ready() || !parsed) return skip("create fails");
    bench.use(*std::move(parsed));
    const Running run = bench.spawn(programs::wait_to_be_ended());
    const std::string line = run.up() ? command_line_of(run.pid) : std::string();
    const bool told = tells(line) || children_tell();
    if (run.up()) bench.signal(run.proc, SYSP_SIG_KILL);
    if (told) return fail("a secret option is in the command line of a child");
    if (run.up() && tells(run.token)) return fail("a secret option is in a token");
    Verdict verdict = said(bench.host);
    if (verdict.outcome == Outcome::pass && run.up() && line.empty())
        return skip("the command line of its process cannot be read");
    return verdict;
}

Verdict keeps_secrets(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    const auto& info = (*kind)->info;
    const auto given = c.is_driver() ? c.process_options() : c.configs();
    const auto options = with_secrets(c.is_driver() ? info.process_schema : info.config_schema,
                                      given.empty() ? "{}" : given.front());
    if (!options) return skip("no option is a secret text, or none can be \"kit-secret-word\"");
    return c.is_driver() ? driver_keeps_secrets(c, *options)
                         : checker_keeps_secrets(c, **kind, *options);
}

constexpr std::array table{
    Item{"C07", 3, Subject::kind,
         "secret options are in no log, error, answer, token or command line", keeps_secrets},
};

}  // namespace

std::span<const Item> secret_items() {
    return table;
}

}  // namespace syspulse::conformance
