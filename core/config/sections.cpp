// The blocks restart_policy, resource_limits, schedule and log_config.
#include <algorithm>

#include "config/field_reader.hpp"
#include "config/known_keys.hpp"
#include "config/spec_reader.hpp"

namespace syspulse::config {
namespace {

using Kind = model::RestartPolicy::Kind;
constexpr std::array<std::pair<std::string_view, Kind>, 3> policies{
    {{"never", Kind::never}, {"always", Kind::always}, {"on_failure", Kind::on_failure}}};

constexpr std::int64_t count_max = 1'000'000'000;

// Says so for a limit that the driver ignores, and names the drivers that would not.
void check_enforced(FieldReader& fields, std::string_view key, bool PluginKind::*enforces,
                    const model::DaemonSpec& spec, const ReadContext& context) {
    if (fields.find(key) == nullptr || context.drivers.unchecked()) return;
    const PluginKind* driver = context.drivers.find(spec.driver.type);
    if (driver == nullptr || driver->*enforces) return;
    std::string able;
    for (const PluginKind& kind : context.drivers.kinds()) {
        if (kind.*enforces) able += (able.empty() ? "" : ", ") + kind.name;
    }
    fields.fail(
        fields.key_position(key),
        "the driver \"" + driver->name + "\" cannot enforce \"" + std::string(key) +
            "\": " + (able.empty() ? "no installed driver can" : "use one that can: " + able));
}

// What the driver posix has against too many processes does not bind root.
void check_binds_user(FieldReader& fields, const model::DaemonSpec& spec,
                      const ReadContext& context) {
    if (!spec.limits.max_processes || spec.driver.type != "posix") return;
    if (!context.options.is_root || !context.options.is_root(spec.user)) return;
    fields.fail(fields.key_position("max_processes"),
                "the driver \"posix\" cannot enforce \"max_processes\" for root, whom the system "
                "does not bind by it: give the daemon a user, or use the driver cgroup");
}

// A bare word or a number in place of the block is the expression itself.
Value with_cron(const Value& expression) {
    Value block;
    block.kind = Value::Kind::map;
    block.where = expression.where;
    block.members.push_back({"cron", expression.where, expression});
    return block;
}

}  // namespace

void read_restart_policy(const Value& block, model::RestartPolicy& policy, ReadContext& context) {
    if (block.is_scalar() && block.kind != Value::Kind::null) {
        Value wrapped;
        wrapped.kind = Value::Kind::map;
        wrapped.members.push_back({"restart_policy", block.where, block});
        static constexpr std::array<std::string_view, 1> only{"restart_policy"};
        FieldReader(wrapped, only, context.issues).word("restart_policy", policy.kind, policies);
        return;
    }
    if (!require_map("restart_policy", block, "one of never, always, on_failure, or a map",
                     context.issues)) {
        return;
    }
    FieldReader fields(block, keys::restart_policy, context.issues);
    if (fields.find("policy") == nullptr) {
        fields.fail(block.where, "\"restart_policy\" has no \"policy\"");
    }
    fields.word("policy", policy.kind, policies);
    std::uint32_t retries = 0;
    if (fields.whole("max_retries", retries, 0, count_max)) policy.max_retries = retries;
    const bool base = fields.seconds("backoff_base_secs", policy.backoff_base, Zero::allowed);
    const bool max = fields.seconds("backoff_max_secs", policy.backoff_max, Zero::allowed);
    fields.seconds("reset_after_secs", policy.reset_after, Zero::allowed);
    // A maximum below the default base lowers the base; both in the file must agree.
    if (max && !base) policy.backoff_base = std::min(policy.backoff_base, policy.backoff_max);
    if (base && policy.backoff_base > policy.backoff_max) {
        fields.fail(fields.find("backoff_base_secs")->where,
                    "\"backoff_base_secs\" must not be above \"backoff_max_secs\" (" +
                        format_duration(policy.backoff_max) + ")");
    }
}

void read_resource_limits(const Value& block, model::DaemonSpec& spec, ReadContext& context) {
    if (!require_map("resource_limits", block, "a map", context.issues)) return;
    FieldReader fields(block, keys::resource_limits, context.issues);
    constexpr double cpu_min = 1;
    constexpr double cpu_max = 1'000'000;
    std::uint64_t count = 0;
    double percent = 0;
    if (fields.bytes("max_memory_bytes", count)) spec.limits.max_memory_bytes = count;
    if (fields.number("max_cpu_percent", percent, cpu_min, cpu_max)) {
        spec.limits.max_cpu_percent = percent;
    }
    if (fields.whole("max_open_files", count, 1, count_max)) spec.limits.max_open_files = count;
    if (fields.whole("max_processes", count, 1, count_max)) spec.limits.max_processes = count;
    check_enforced(fields, "max_memory_bytes", &PluginKind::enforces_memory, spec, context);
    check_enforced(fields, "max_cpu_percent", &PluginKind::enforces_cpu, spec, context);
    check_enforced(fields, "max_open_files", &PluginKind::enforces_open_files, spec, context);
    check_enforced(fields, "max_processes", &PluginKind::enforces_processes, spec, context);
    check_binds_user(fields, spec, context);
}

void read_schedule(const Value& block, model::DaemonSpec& spec, ReadContext& context) {
    using Overlap = model::ScheduleSpec::Overlap;
    using CatchUp = model::ScheduleSpec::CatchUp;
    static constexpr std::array<std::pair<std::string_view, Overlap>, 3> overlaps{
        {{"skip", Overlap::skip}, {"queue", Overlap::queue}, {"replace", Overlap::replace}}};
    static constexpr std::array<std::pair<std::string_view, CatchUp>, 2> catch_ups{
        {{"none", CatchUp::none}, {"one", CatchUp::one}}};
    if (block.kind == Value::Kind::string) {
        read_schedule(with_cron(block), spec, context);
        return;
    }
    if (!require_map("schedule", block, "a cron expression or a map with \"cron\"",
                     context.issues)) {
        return;
    }
    FieldReader fields(block, keys::schedule, context.issues);
    Overlap overlap = Overlap::skip;
    CatchUp catch_up = CatchUp::none;
    std::string cron;
    std::string timezone;
    fields.text("timezone", timezone);
    fields.word("overlap", overlap, overlaps);
    fields.word("catch_up", catch_up, catch_ups);
    if (fields.find("cron") == nullptr) fields.fail(block.where, "\"schedule\" has no \"cron\"");
    if (!fields.text("cron", cron)) return;
    auto compiled = model::Schedule::parse(cron, timezone);
    if (compiled) {
        spec.schedule = model::ScheduleSpec{std::move(cron), std::move(timezone), overlap, catch_up,
                                            *std::move(compiled)};
        return;
    }
    // UTC is known everywhere, so an expression that is good with it has only the zone wrong.
    const bool zone_is_wrong = !timezone.empty() && model::Schedule::parse(cron, "UTC").has_value();
    fields.fail(fields.find(zone_is_wrong ? "timezone" : "cron")->where, compiled.error().message);
}

void read_log_config(const Value& block, model::LogConfig& log, ReadContext& context) {
    if (!require_map("log_config", block, "a map", context.issues)) return;
    constexpr std::int64_t retain_max = 10'000;
    FieldReader fields(block, keys::log_config, context.issues);
    fields.flag("capture", log.capture);
    fields.bytes("max_size_bytes", log.max_size_bytes);
    fields.whole("retain_count", log.retain_count, 0, retain_max);
    fields.flag("compress_rotated", log.compress_rotated);
    fields.flag("timestamps", log.timestamps);
    using OnFull = model::LogConfig::OnFull;
    static constexpr std::array<std::pair<std::string_view, OnFull>, 2> reactions{
        {{"drop", OnFull::drop}, {"block", OnFull::block}}};
    fields.word("on_full", log.on_full, reactions);
}

}  // namespace syspulse::config
