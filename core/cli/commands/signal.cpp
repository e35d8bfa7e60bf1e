// syspulse signal
#include <string>

#include "base/signals.hpp"
#include "cli/commands/commands.hpp"
#include "cli/selection.hpp"
#include "platform/system_words.hpp"

namespace syspulse::cli {
namespace {

ExitCode run(Context& context, const Arguments& arguments) {
    SelectionRequest wanted = selection_of(arguments);
    const std::string word = wanted.names.back();
    wanted.names.pop_back();
    const auto number = parse_signal(word);
    if (!number) {
        const std::string examples(platform::system_words().signal_examples);
        return report(context,
                      usage_failure("unknown signal \"" + word + "\"; use a name such as " +
                                    examples + ", or a number"));
    }
    const bool selected = !wanted.names.empty() || !wanted.tags.empty() || wanted.all;
    if (!selected) {
        return report(context, usage_failure("missing argument: signal needs NAME... SIGNAL"));
    }
    const Selection selection = select(context, wanted);
    if (selection.refused) {
        return report(context, *selection.refused);
    }
    const std::string name = signal_name(*number);
    const auto request = [&](const std::string& daemon) {
        return Call{"POST", daemon_target(daemon, "/signal"),
                    "{\"signal\":" + json_string(name) + "}"};
    };
    return perform(context, selection, request, [&](const Deed&) { return "sent " + name; });
}

}  // namespace

constinit const Command signal_command{
    .name = "signal",
    .summary = "send a signal to daemons",
    .positional = {"NAME... SIGNAL", 2, any_number, ValueKind::daemon},
    .options = {},
    .selects = true,
    .details = "SIGNAL is a name with or without SIG, or a number.",
    .examples =
        "syspulse signal web HUP\n"
        "syspulse signal --tag web SIGUSR1",
    .run = run,
};

}  // namespace syspulse::cli
