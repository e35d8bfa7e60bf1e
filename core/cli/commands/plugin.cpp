// syspulse plugin
#include <algorithm>
#include <array>
#include <ostream>

#include "api/client.hpp"
#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/plugin_check.hpp"
#include "cli/commands/plugin_new.hpp"
#include "cli/json_text.hpp"
#include "cli/plugin_detail.hpp"
#include "cli/text.hpp"
#include "config/suggest.hpp"

namespace syspulse::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::array words{"list"sv, "info"sv, "new"sv, "reload"sv, "check"sv};

constexpr std::array options{
    OptionSpec{0, "plugin-dir", "DIR",
               "look at the plugin files here and in the usual places, not at the manager (may be "
               "repeated)",
               ValueKind::directory, true},
    OptionSpec{0, "language", "LANGUAGE", "new: c++ (default), c or rust", ValueKind::text},
    OptionSpec{0, "async", "", "new: a checker that runs on the host's loop and never blocks"},
    OptionSpec{0, "force", "", "reload: also if daemons have options that the new file refuses"},
    OptionSpec{0, "config", "FILE", "check: what only the plugin's author can tell",
               ValueKind::file},
    OptionSpec{0, "level", "N", "check: items up to this level, 1 to 5 (default 3)",
               ValueKind::count, false, 1, 5},
    OptionSpec{0, "only", "ITEM", "check: only this item (may be repeated)", ValueKind::text, true},
    OptionSpec{0, "deadline-scale", "N",
               "check: wait N times as long, 1 to 100, on a machine that is emulated (default 1)",
               ValueKind::count, false, 1, 100},
    OptionSpec{0, "explain", "ITEM", "check: say what an item is about, and end", ValueKind::text},
    OptionSpec{0, "json", "", "check: the same as --format json"},
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

// Without the path, which has a column of its own.
std::string reason_of(const PluginInfo& plugin) {
    std::string reason = plugin.error;
    for (const char* what : {"cannot load plugin ", "cannot trust "}) {
        const std::string beginning = what + plugin.path + ": ";
        if (reason.compare(0, beginning.size(), beginning) == 0) {
            reason.erase(0, beginning.size());
        }
    }
    return reason;
}

// "loaded", and of a plugin in a process of its own how that is.
std::string state_of(const PluginInfo& plugin) {
    std::string state = plugin.state + (plugin.error.empty() ? "" : ": " + reason_of(plugin));
    if (plugin.file_changed) {
        state += ", the file has changed since";
    }
    if (plugin.host_state.empty()) {
        return state;
    }
    state += ", " + plugin.host_state;
    if (plugin.host_pid) {
        state += " as " + std::to_string(*plugin.host_pid);
    }
    if (!plugin.host_culprits.empty()) {
        state += ", without the checks that end it: " + join(plugin.host_culprits, ", ");
    }
    if (plugin.host_state != "restarting" && plugin.host_state != "failed") {
        // What was is none of its state; plugin info tells.
        return plugin.host_restarts == 0
                   ? state
                   : state + " (" + times_replaced(plugin.host_restarts) + ")";
    }
    return plugin.host_error.empty() ? state : state + " (last: " + plugin.host_error + ")";
}

std::string file_name(const std::string& path) {
    return path.substr(path.find_last_of("/\\") + 1);
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
    Table table({"NAME", "VERSION", "PROVIDES", "ISOLATION", "STATE", "PATH"});
    for (const PluginInfo& plugin : all) {
        const bool good = plugin.error.empty() && plugin.host_state != "failed" &&
                          plugin.host_state != "restarting" &&
                          (plugin.state.empty() || plugin.state == "loaded");
        const bool known = !plugin.name.empty();
        table.add({{known ? plugin.name : file_name(plugin.path)},
                   {plugin.version},
                   {join(plugin.kinds, ", ")},
                   {known ? plugin.isolation : ""},
                   {state_of(plugin), good ? Color::green : Color::red},
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
        for (const std::string_view kind : plugin.kinds) {
            names.push_back(kind.substr(kind.find(' ') + 1));
        }
        if (!is_meant(plugin, name)) {
            continue;
        }
        if (context.json()) {
            context.out << plugin.raw << '\n' << std::flush;
        } else {
            print_fields(context, describe_plugin(plugin.raw, context.now().wall));
        }
        return ExitCode::done;
    }
    return report(context,
                  {ExitCode::failed, 404, "plugin_not_found",
                   "no plugin is called \"" + name + "\"" + config::suggestion(name, names) +
                       "; see: syspulse plugin list; --plugin-dir DIR looks into another "
                       "directory"});
}

ExitCode reload(Context& context, const std::string& name, bool force) {
    // A driver's daemons are handed over one by one.
    constexpr Duration patience = std::chrono::seconds{60};
    const Answer answer =
        call(context, {"POST", "/v1/plugins/" + api::percent_encode(name) + "/reload",
                       force ? "{\"force\":true}" : "", patience});
    if (!answer) {
        return report(context, not_of_a_daemon(*answer.failure));
    }
    if (context.json()) {
        context.out << answer.body << '\n' << std::flush;
    } else if (!context.globals.quiet) {
        context.out << printable(name) << ": reloaded\n" << std::flush;
    }
    return ExitCode::done;
}

Failure unexpected(const std::string& argument, const std::string& why) {
    return usage_failure("unexpected argument \"" + argument + "\": " + why);
}

ExitCode run(Context& context, const Arguments& arguments) {
    const auto& given = arguments.positionals;
    if (given[0] == "new") {
        return run_plugin_new(context, arguments);
    }
    if (given[0] == "check") {
        const std::size_t files = arguments.has("explain") ? 0 : 1;
        if (given.size() < files + 1) {
            return report(context, usage_failure("missing argument: plugin check needs FILE"));
        }
        if (given.size() > files + 1) {
            return report(context, unexpected(given[files + 1],
                                              files == 0 ? "--explain looks at no file"
                                                         : "plugin check looks at one file"));
        }
        return run_plugin_check(context, arguments);
    }
    const bool wants_info = given[0] == "info";
    const bool wants_name = wants_info || given[0] == "reload";
    const std::size_t wanted = wants_name ? 2 : 1;
    if (given.size() < wanted) {
        return report(context,
                      usage_failure("missing argument: plugin " + given[0] + " needs NAME"));
    }
    if (given.size() > wanted) {
        return report(
            context, unexpected(given[wanted], wants_name ? "plugin " + given[0] + " takes one NAME"
                                                          : "plugin " + given[0] + " takes none"));
    }
    if (given[0] == "reload") {
        return reload(context, given[1], arguments.has("force"));
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
    .summary = "list, show, make, reload or check plugins",
    .positional = {"list | info | new | reload | check [WORD...]", 1, 3, ValueKind::text, words},
    .options = options,
    .details =
        "list and info NAME show what the manager loaded, or, when none runs, what the plugin "
        "files say. NAME is a plugin's name, or that of a driver or checker in it. new driver|"
        "checker NAME writes a project in C++, C or Rust that builds and passes its tests to the "
        "folder NAME. reload "
        "NAME has a plugin that runs in a process of its own start again from its present file; "
        "its daemons go on running. Where the new file does not take the options of a daemon, it "
        "is "
        "refused and the old one goes on, unless --force is given. check FILE proves a plugin file "
        "against the rules of the ABI, "
        "each in a process of its own, and exits with 1 if one is violated.",
    .examples =
        "syspulse plugin list\n"
        "syspulse plugin info " SYSPULSE_DEFAULT_DRIVER
        "\n"
        "syspulse plugin new checker my-check\n"
        "syspulse plugin reload org.example.my-driver\n"
        "syspulse plugin check ./my-checker" SYSPULSE_PLUGIN_SUFFIX " --config conformance.yaml",
    .run = run,
};

}  // namespace syspulse::cli
