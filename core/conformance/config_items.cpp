// C: schemas, create and destroy.
#include <algorithm>
#include <array>

#include "config/json_schema.hpp"
#include "config/spec_loader.hpp"
#include "conformance/case.hpp"

namespace syspulse::conformance {
namespace {

constexpr int repetitions = 300;

// Each mistake with its place in the author's file.
Verdict options_fit(const AuthorKind& author, const std::string& schema) {
    const auto parsed = config::JsonSchema::parse(schema);
    if (!parsed) return fail(parsed.error().message);
    std::string wrong;
    for (const config::Value& given : author.places) {
        config::Value options = given;
        config::Issues issues;
        parsed->apply(options, issues);
        for (const config::Issue& issue : issues) {
            wrong += (wrong.empty() ? "" : "; ") +
                     config::format_error(
                         {author.file, issue.where.line, issue.where.column, issue.message});
        }
    }
    return wrong.empty() ? pass() : fail(wrong);
}

Verdict schema_sound(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    const auto& info = (*kind)->info;
    for (const std::string& schema : {info.config_schema, info.process_schema}) {
        if (schema.empty()) continue;
        if (const auto sound = config::check_schema(schema); !sound) {
            return fail(sound.error().message);
        }
    }
    return options_fit(c.author(), c.is_driver() ? info.process_schema : info.config_schema);
}

Verdict creates(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    for (const std::string& config : c.configs()) {
        const auto full = config::complete_options((*kind)->info.config_schema, config);
        if (!full) {
            return skip(
                c.author().configs.empty()
                    ? "the schema has mandatory options; give \"configs\""
                    : "the \"configs\" of the author's file do not fit the schema: see C01");
        }
        if (!Trial(host, **kind, *full).created()) {
            return fail("create refused " + *full + ": " + host.last_error.value_or("no reason"));
        }
    }
    return pass();
}

Verdict refuses(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    if (c.author().invalid.empty()) return skip("the author's file has no \"invalid\" options");
    KitHost host;
    for (const std::string& config : c.author().invalid) {
        const Usage before = usage();
        const Trial trial(host, **kind, config);
        if (trial.created()) return fail("create took " + config);
        if (trial.status() != SYSP_E_CONFIG) {
            return fail("create said " + std::to_string(trial.status()) + ", not SYSP_E_CONFIG");
        }
        if (!host.last_error || !host.last_error->starts_with("/")) {
            return fail("the reason does not begin with a JSON pointer: " +
                        host.last_error.value_or("there is none"));
        }
        if (usage().descriptors > before.descriptors) return fail("the refusal leaks descriptors");
    }
    return pass();
}

Verdict no_growth(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    const std::string config = c.configs().front();
    constexpr int warm_up = 20;
    for (int i = 0; i < warm_up; ++i) {
        if (!Trial(host, **kind, config).created()) return skip("create fails");
    }
    const Usage before = usage();
    for (int i = 0; i < repetitions; ++i) Trial(host, **kind, config).destroy();
    const bool settled = host.until([&] { return usage().threads <= before.threads; },
                                    c.within(std::chrono::seconds{5}));
    const Usage after = usage();
    if (after.descriptors > before.descriptors) {
        return fail(std::to_string(after.descriptors - before.descriptors) +
                    " descriptors leak in " + std::to_string(repetitions) + " rounds");
    }
    if (!settled) return fail("threads are left behind");
    constexpr std::size_t kib_per_round = 4;
    const std::size_t grown = after.memory_kib - std::min(before.memory_kib, after.memory_kib);
    const std::string told = "memory grew by " + std::to_string(grown) + " KiB in " +
                             std::to_string(repetitions) + " rounds";
    return grown > kib_per_round * repetitions ? fail(told) : pass(told);
}

// What a checker measures, an age or a latency, changes by itself.
std::string without_numbers(std::string text) {
    std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
    return text;
}

Verdict independent(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    if ((*kind)->info.type != plugin_host::KindType::checker || c.author().pass.empty()) {
        return skip("compared are the answers of checkers to a target that passes");
    }
    const auto configs = c.configs();
    if (configs.size() < 2) return skip("the author's file has no two \"configs\"");
    KitHost host;
    Trial alone(host, **kind, configs[0]);
    if (!alone.created()) return skip("create fails");
    const auto before = alone.check(c.author().pass);
    const Trial other(host, **kind, configs[1]);
    if (!other.created()) return skip("create fails");
    const auto after = alone.check(c.author().pass);
    if (!before || !after) return fail("a check was not answered");
    if (before->outcome != after->outcome ||
        without_numbers(before->message) != without_numbers(after->message)) {
        return fail("\"" + before->message + "\" became \"" + after->message +
                    "\" when another instance was created");
    }
    return pass();
}

Verdict dead_config(Case& c) {
    const auto kind = c.kind();
    if (!kind) return skip(kind.error().message);
    KitHost host;
    for (int i = 0; i < 3; ++i) {
        for (const std::string& config : c.configs()) {
            Trial trial(host, **kind, config);
            if (!trial.created()) return skip("create fails");
            if (!c.author().pass.empty() && c.author().pass.find("{port}") == std::string::npos &&
                (*kind)->info.type == plugin_host::KindType::checker) {
                trial.check(c.author().pass);
            }
        }
    }
    host.settle(std::chrono::milliseconds{50});
    return host.dead_config_used() ? fail("it read the configuration of a destroyed instance")
                                   : pass();
}

constexpr std::array table{
    Item{"C01", 1, Subject::kind, "schemas are in the subset, and the given options fit them",
         schema_sound},
    Item{"C02", 2, Subject::kind, "create takes every valid configuration", creates},
    Item{"C04", 3, Subject::kind,
         "create refuses a contradiction with SYSP_E_CONFIG and a JSON pointer, without traces",
         refuses},
    Item{"C05", 3, Subject::kind, "create and destroy leak no memory, descriptor or thread",
         no_growth},
    Item{"C06", 3, Subject::kind, "instances do not influence each other", independent},
    Item{"C08", 3, Subject::kind, "a configuration is not used after its instance was destroyed",
         dead_config},
};

}  // namespace

std::span<const Item> config_items() {
    return table;
}

}  // namespace syspulse::conformance
