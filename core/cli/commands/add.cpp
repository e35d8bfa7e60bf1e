// syspulse add
#include <array>
#include <map>
#include <ostream>
#include <sstream>
#include <utility>

#include "api/client.hpp"
#include "cli/call.hpp"
#include "cli/commands/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/paths.hpp"
#include "cli/spec_files.hpp"
#include "cli/text.hpp"
#include "config/spec_json.hpp"

namespace syspulse::cli {
namespace {

constexpr std::array options{
    OptionSpec{'f', "file", "FILE", "spec file; - reads standard input (may be repeated)",
               ValueKind::file, true},
    OptionSpec{0, "name", "NAME", "name of a daemon that is described here instead of in a file",
               ValueKind::text},
    OptionSpec{0, "command", "ARG...", "its command and arguments: everything that follows",
               ValueKind::rest},
    OptionSpec{0, "description", "TEXT", "with --name: what the daemon is", ValueKind::text},
    OptionSpec{0, "working-dir", "DIR", "with --name: where it runs", ValueKind::directory},
    OptionSpec{0, "env", "KEY=VALUE", "with --name: an environment variable (may be repeated)",
               ValueKind::text, true},
    OptionSpec{0, "restart", "POLICY", "with --name: never, always or on_failure", ValueKind::text},
    OptionSpec{0, "autostart", "", "with --name: start when the manager starts"},
    OptionSpec{0, "replace", "", "replace daemons that exist instead of refusing"},
};

using Named = std::pair<std::string, std::string>;  // A name and its spec as JSON.

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> text_options{
    {{"description", "description"},
     {"working-dir", "working_dir"},
     {"restart", "restart_policy"}}};

// The option that a person gave for what the request calls "/daemons/NAME/key".
std::string option_for(std::string_view key) {
    for (const auto& [option, its_key] : text_options) {
        if (its_key == key) {
            return "--" + std::string(option);
        }
    }
    return key.empty() ? "--name" : "--" + std::string(key);
}

// The manager's refusal of the one daemon that the options describe.
Failure in_words_of_options(Failure failure, const std::string& name) {
    std::string text;
    std::istringstream lines(failure.message);
    for (std::string line; std::getline(lines, line);) {
        text += text.empty() ? "" : "\n";
        const std::string pointer = "/daemons/" + name;
        const auto end = line.find(": ", std::min(pointer.size(), line.size()));
        if (!line.starts_with(pointer) || end == std::string::npos) {
            text += line;
            continue;
        }
        const std::string below = line.substr(pointer.size(), end - pointer.size());
        const std::string key = below.empty() ? "" : below.substr(1, below.find('/', 1) - 1);
        text += option_for(key) + line.substr(end);
    }
    failure.message = std::move(text);
    return failure;
}

// What the manager alone could find out, such as options that a plugin does not take, told with its
// place in the files.
ExitCode report_refusal(Context& context, const Failure& failure,
                        const config::LoadResult& loaded) {
    if (failure.code != 400 || loaded.documents.empty()) {
        return report(context, failure);
    }
    std::vector<config::SpecError> errors;
    std::istringstream lines(failure.message);
    for (std::string line; std::getline(lines, line);) {
        errors.push_back(config::locate(loaded, line));
    }
    return report_spec_errors(context, errors);
}

// What is left to do where a daemon in this state was replaced.
std::string left_to_do(const DaemonInfo& daemon) {
    if (daemon.spec_changed) return "restart it to apply";
    if (daemon.state == "running") return "no restart is needed";
    if (daemon.state == "scheduled") return "its next run applies it";
    return daemon.state == "starting" ? "it starts with it" : "its next start applies it";
}

// Empty where nobody says in which state it is.
std::map<std::string, std::string> left_to_do(const Context& context) {
    std::map<std::string, std::string> words;
    const Answer answer = call(context, {.target = "/v1/daemons"});
    if (!answer) return words;
    const auto daemons = decode_daemons(answer.body);
    if (!daemons) return words;
    for (const DaemonInfo& daemon : *daemons) words[daemon.name] = "; " + left_to_do(daemon);
    return words;
}

void tell_added(Context& context, const std::string& body) {
    for (const char* what : {"added", "replaced", "unchanged"}) {
        const std::vector<std::string> names = decode_names(body, what);
        const bool replaced = std::string_view(what) == "replaced" && !names.empty();
        auto more = replaced ? left_to_do(context) : std::map<std::string, std::string>{};
        for (const std::string& name : names)
            context.out << printable(name) << ": " << what << more[name] << '\n';
    }
}

ExitCode send(Context& context, const std::vector<Named>& specs, bool replace,
              const config::LoadResult& loaded = {}) {
    std::string body = "{\"daemons\":{";
    for (const auto& [name, spec] : specs) {
        body.append(body.back() == '{' ? "" : ",")
            .append(json_string(name))
            .append(":")
            .append(spec);
    }
    body += "}}";
    const Answer answer =
        call(context, {"POST", replace ? "/v1/daemons?replace=true" : "/v1/daemons", body});
    if (!answer && loaded.documents.empty() && specs.size() == 1) {
        return report(context, in_words_of_options(*answer.failure, specs.front().first));
    }
    if (!answer) {
        return report_refusal(context, *answer.failure, loaded);
    }
    if (context.json()) {
        context.out << trimmed(answer.body) << '\n';
    }
    if (!context.json() && !context.globals.quiet) tell_added(context, answer.body);
    context.out << std::flush;
    return ExitCode::done;
}

ExitCode add_files(Context& context, const Arguments& arguments) {
    const Answer plugins = call(context, {.target = "/v1/plugins"});
    const Answer daemons = plugins ? call(context, {.target = "/v1/daemons"}) : plugins;
    if (!daemons) {
        return report(context, *daemons.failure);
    }
    // The manager checks everything again; checking here first gives each error its place in the
    // file.
    const auto known = decode_known_plugins(plugins.body);
    config::LoadOptions wanted;
    wanted.plugins = known ? &*known : nullptr;
    wanted.user_exists = context.user_exists;
    wanted.may_follow = context.may_follow;
    // A manager that could not be asked is no variable that is not set.
    std::optional<Failure> unasked;
    wanted.environment = [&context, &unasked](std::string_view name) {
        const Answer answer =
            call(context, {.target = "/v1/environment?name=" + api::percent_encode(name)});
        if (!answer && answer.failure->code != 404) {
            unasked = *answer.failure;
        }
        return answer ? decode_value(answer.body) : std::nullopt;
    };
    if (const auto existing = decode_daemons(daemons.body)) {
        for (const DaemonInfo& daemon : *existing) {
            wanted.existing_daemons.push_back({daemon.name, daemon.depends_on});
        }
    }
    const config::LoadResult loaded = load_specs(context, files_of(arguments, {}), wanted);
    if (unasked) {
        return report(context, *unasked);
    }
    if (!loaded.errors.empty()) {
        return report_spec_errors(context, loaded.errors);
    }
    std::vector<Named> specs;
    for (const model::DaemonSpec& spec : loaded.daemons) {
        specs.emplace_back(spec.name, config::to_json(spec));
    }
    return send(context, specs, arguments.has("replace"), loaded);
}

// {"A":"1"} from A=1; nothing when one has no '='.
std::optional<std::string> environment_json(const std::vector<std::string>& assignments) {
    std::string text = "{";
    for (const std::string& assignment : assignments) {
        const auto equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0) {
            return std::nullopt;
        }
        text.append(text.size() == 1 ? "" : ",").append(json_string(assignment.substr(0, equals)));
        text.append(":").append(json_string(assignment.substr(equals + 1)));
    }
    return text + "}";
}

ExitCode add_one(Context& context, const Arguments& arguments) {
    const auto environment = environment_json(arguments.all("env"));
    if (!environment) {
        return report(context, usage_failure("--env: use KEY=VALUE"));
    }
    std::vector<std::string> argv = arguments.all("command");
    for (std::string& word : argv) {
        word = json_string(word);
    }
    std::string spec = "{\"command\":" + json_array(argv) + ",\"env\":" + *environment;
    for (const auto& [option, key] : text_options) {
        if (const auto value = arguments.text(option)) {
            spec.append(",\"").append(key).append("\":").append(json_string(*value));
        }
    }
    spec += arguments.has("autostart") ? ",\"autostart\":true}" : "}";
    return send(context, {{*arguments.text("name"), spec}}, arguments.has("replace"));
}

ExitCode run(Context& context, const Arguments& arguments) {
    const bool files = !files_of(arguments, {}).empty();
    const bool named = arguments.has("name");
    if (files == named) {
        return report(context,
                      usage_failure(files ? "use either -f FILE or --name NAME, not both"
                                          : "add needs -f FILE, or --name NAME --command ARG..."));
    }
    if (files && arguments.has("command")) {
        return report(context, usage_failure("--command needs --name NAME, not -f FILE"));
    }
    if (named && !arguments.has("command")) {
        return report(context,
                      usage_failure("--name needs --command ARG... at the end of the line"));
    }
    return files ? add_files(context, arguments) : add_one(context, arguments);
}

}  // namespace

constinit const Command add_command{
    .name = "add",
    .summary = "register daemons, from spec files or from the command line",
    .positional = {"[FILE...]", 0, any_number, ValueKind::file},
    .options = options,
    .details =
        "All daemons of one call are registered, or none. Variables in spec files are expanded "
        "from the environment of the manager. --command comes last: all that follows it is the "
        "daemon's own command line, taken as it is and never by a shell.",
    .examples =
        "syspulse add -f syspulse.yaml\n"
        "syspulse add --replace -f web.yaml -f worker.yaml\n"
        "syspulse add --name web --restart always --command python3 -m http.server 8000",
    .run = run,
};

}  // namespace syspulse::cli
