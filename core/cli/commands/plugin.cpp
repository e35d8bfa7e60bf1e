// syspulse plugin
#include <algorithm>
#include <array>
#include <ostream>

#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/plugin_new.hpp"
#include "cli/daemon_detail.hpp"
#include "cli/json_text.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace syspulse::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::array words{"list"sv, "info"sv, "new"sv};

constexpr std::array options{
    OptionSpec{0, "plugin-dir", "DIR",
               "look at the plugin files here and in the usual places, not at the manager (may be "
               "repeated)",
               ValueKind::directory, true},
    OptionSpec{0, "language", "LANGUAGE", "new: c++ (default), c or rust", ValueKind::text},
    OptionSpec{0, "async", "", "new: a checker that runs on the host's loop and never blocks"},
};

// From the manager if one runs, since only it knows what it loaded; else from the files.
Answer plugins(Context& context, const Arguments& arguments) {
    const bool files_wanted = arguments.has("plugin-dir");
    if (!files_wanted) {
        Answer answer = call(context, {.target = "/v1/plugins"});
        if (answer || answer.failure->exit != ExitCode::unreachable) {
            return answer;
        }
    }
    auto files = context.load_plugins(arguments.all("plugin-dir"));
    if (!files) {
        return {failure_of(files.error()), {}};
    }
    return {std::nullopt, std::move(files->json)};
}

ExitCode list(Context& context, const std::vector<PluginInfo>& all) {
    if (context.json()) {
        std::vector<std::string> bodies;
        for (const PluginInfo& plugin : all) {
            bodies.push_back(plugin.raw);
        }
        context.out << json_array(bodies) << '\n' << std::flush;
        return ExitCode::done;
    }
    if (all.empty()) {
        context.err << "no plugins found; set SYSPULSE_PLUGIN_PATH or use --plugin-dir DIR\n";
        return ExitCode::done;
    }
    Table table({"NAME", "VERSION", "PROVIDES", "STATE", "PATH"});
    for (const PluginInfo& plugin : all) {
        const bool good =
            plugin.error.empty() && (plugin.state.empty() || plugin.state == "loaded");
        const std::string state = plugin.state + (plugin.error.empty() ? "" : ": " + plugin.error);
        table.add({{plugin.name},
                   {plugin.version},
                   {join(plugin.kinds, ", ")},
                   {state, good ? Color::green : Color::red},
                   {plugin.path}});
    }
    table.print(context, context.out);
    context.out << std::flush;
    return ExitCode::done;
}

// By its own name or by the name of a driver or checker in it.
bool is_meant(const PluginInfo& plugin, const std::string& name) {
    const auto provides = [&](const std::string& kind) {
        return kind.substr(kind.find(' ') + 1) == name;
    };
    return plugin.name == name || std::any_of(plugin.kinds.begin(), plugin.kinds.end(), provides);
}

ExitCode info(Context& context, const std::vector<PluginInfo>& all, const std::string& name) {
    std::vector<std::string_view> names;
    for (const PluginInfo& plugin : all) {
        names.push_back(plugin.name);
        if (!is_meant(plugin, name)) {
            continue;
        }
        if (context.json()) {
            context.out << plugin.raw << '\n' << std::flush;
        } else {
            print_fields(context, describe_plugin(plugin.raw));
        }
        return ExitCode::done;
    }
    return report(context, {ExitCode::no_such_daemon, 404, "plugin_not_found",
                            "no plugin is called \"" + name + "\"" + suggestion(name, names) +
                                "; see: syspulse plugin list"});
}

ExitCode run(Context& context, const Arguments& arguments) {
    const auto& given = arguments.positionals;
    if (given[0] == "new") {
        return run_plugin_new(context, arguments);
    }
    const bool wants_info = given[0] == "info";
    if (given.size() != (wants_info ? 2U : 1U)) {
        return report(context,
                      usage_failure(wants_info ? "missing argument: plugin info needs NAME"
                                               : "unexpected argument \"" + given[1] + "\""));
    }
    const Answer answer = plugins(context, arguments);
    if (!answer) {
        return report(context, *answer.failure);
    }
    const auto all = decode_plugins(answer.body);
    if (!all) {
        return report(context, failure_of(all.error()));
    }
    return wants_info ? info(context, *all, given[1]) : list(context, *all);
}

}  // namespace

constinit const Command plugin_command{
    .name = "plugin",
    .summary = "list plugins, show one with its options, or begin a new one",
    .positional = {"list | info NAME | new driver|checker NAME", 1, 3, ValueKind::text, words},
    .options = options,
    .details =
        "Shows what the manager loaded, or, when none runs, what the plugin files say. NAME is a "
        "plugin's name, or that of a driver or checker in it. new writes a project that builds and "
        "passes its tests to the folder NAME.",
    .examples =
        "syspulse plugin list\n"
        "syspulse plugin info posix\n"
        "syspulse plugin new checker my-check",
    .run = run,
};

}  // namespace syspulse::cli
