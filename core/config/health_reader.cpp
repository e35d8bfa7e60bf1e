// The health_check block and the targets of the bundled checkers.
#include <charconv>

#include "config/field_reader.hpp"
#include "config/known_keys.hpp"
#include "config/spec_reader.hpp"

namespace syspulse::config {
namespace {

constexpr std::int64_t health_count_max = 1'000'000;

bool is_host_and_port(std::string_view target) {
    std::size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    std::string_view host = target.substr(0, colon);
    const std::string_view port = target.substr(colon + 1);
    if (host.front() == '[') {
        if (host.size() < 3 || host.back() != ']') return false;
    } else if (host.find_first_of(":[] \t/") != std::string_view::npos) {
        return false;
    }
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    constexpr unsigned port_max = 65535;
    return error == std::errc{} && end == port.data() + port.size() && number >= 1 &&
           number <= port_max;
}

bool is_http_url(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.starts_with(scheme)) {
            return target.size() > scheme.size() && target[scheme.size()] != '/' &&
                   target.find_first_of(" \t\r\n") == std::string_view::npos;
        }
    }
    return false;
}

// Third-party checkers judge their targets themselves.
void check_target(FieldReader& fields, const model::HealthCheckSpec& check) {
    const std::string& type = check.checker.type;
    const bool bundled = type == "tcp" || type == "http" || type == "command";
    const Value* value = fields.find("target");
    if (value == nullptr) {
        if (bundled) fields.fail(fields.map().where, "\"health_check\" has no \"target\"");
        return;
    }
    if (type == "tcp" && !is_host_and_port(check.target)) {
        fields.fail(value->where,
                    "the target of a tcp check must be host:port, with an IPv6 "
                    "address in brackets, found \"" +
                        check.target + "\"");
    }
    if (type == "http" && !is_http_url(check.target)) {
        fields.fail(value->where,
                    "the target of an http check must be a URL such as http://127.0.0.1:8000/, "
                    "found \"" +
                        check.target + "\"");
    }
}

}  // namespace

void read_health_check(const Value& block, model::DaemonSpec& spec, ReadContext& context) {
    using OnUnhealthy = model::HealthCheckSpec::OnUnhealthy;
    static constexpr std::array<std::pair<std::string_view, OnUnhealthy>, 2> reactions{
        {{"restart", OnUnhealthy::restart}, {"none", OnUnhealthy::none}}};
    if (!require_map("health_check", block, "a map with \"type\" and \"target\"", context.issues)) {
        return;
    }
    model::HealthCheckSpec check;
    const bool never = spec.restart.kind == model::RestartPolicy::Kind::never;
    check.on_unhealthy = never ? OnUnhealthy::none : OnUnhealthy::restart;

    FieldReader fields(block, keys::health_check, context.issues);
    const bool target_wrong =
        fields.find("target") != nullptr && !fields.text("target", check.target);
    const Value* type = fields.find("type");
    if (type == nullptr) {
        fields.fail(block.where, "\"health_check\" has no \"type\"");
    } else if (fields.text("type", check.checker.type)) {
        context.checkers.resolve(check.checker, fields.find("with"), type->where, context.issues);
        if (!target_wrong) check_target(fields, check);
    }
    fields.seconds("interval_secs", check.interval, Zero::refused);
    fields.seconds("timeout_secs", check.timeout, Zero::refused);
    fields.whole("retries", check.retries, 1, health_count_max);
    fields.seconds("start_period_secs", check.start_period, Zero::allowed);
    fields.whole("success_threshold", check.success_threshold, 1, health_count_max);
    fields.word("on_unhealthy", check.on_unhealthy, reactions);
    spec.health_check = std::move(check);
}

}  // namespace syspulse::config
