#include "cli/selection.hpp"

#include <algorithm>
#include <ostream>
#include <set>
#include <utility>

#include "cli/concurrent.hpp"
#include "cli/text.hpp"
#include "model/name_pattern.hpp"

namespace syspulse::cli {
namespace {

NamedFailure nothing_matches(const std::string& what, const std::string& message) {
    return {what, {ExitCode::no_such_daemon, 404, "daemon_not_found", message}};
}

// Fills `selection` from what the manager has.
void resolve(const SelectionRequest& request, std::vector<DaemonInfo> known, Selection& selection) {
    std::set<std::string> taken;
    std::size_t place = 0;
    std::vector<std::string_view> names;
    for (const DaemonInfo& daemon : known) {
        names.push_back(daemon.name);
    }
    const auto take_where = [&](const auto& wanted) {
        bool any = false;
        ++place;
        for (const DaemonInfo& daemon : known) {
            if (wanted(daemon)) {
                any = true;
                if (taken.insert(daemon.name).second) {
                    selection.names.push_back(daemon.name);
                    selection.daemons.push_back(daemon);
                    selection.places.emplace(daemon.name, place);
                }
            }
        }
        return any;
    };
    for (const std::string& name : request.names) {
        const bool pattern = is_pattern(name);
        if (!pattern) {
            selection.literal.push_back(name);
        }
        if (!take_where([&](const DaemonInfo& d) {
                return pattern ? model::matches_pattern(name, d.name) : d.name == name;
            })) {
            selection.failures.push_back(pattern
                                             ? nothing_matches(name, "no daemon matches \"" + name +
                                                                         "\"; see: syspulse list")
                                             : NamedFailure{name, no_such_daemon(name, names)});
            selection.places.emplace(name, place);
        }
    }
    for (const std::string& tag : request.tags) {
        const auto tagged = [&](const DaemonInfo& d) {
            return std::find(d.tags.begin(), d.tags.end(), tag) != d.tags.end();
        };
        if (!take_where(tagged)) {
            selection.failures.push_back(
                nothing_matches(tag, "no daemon has the tag \"" + tag + "\""));
            selection.places.emplace(tag, place);
        }
    }
    if (request.all) {
        take_where([](const DaemonInfo&) { return true; });
    }
}

}  // namespace

bool is_pattern(std::string_view name) noexcept {
    return name.find_first_of("*?[") != std::string_view::npos;
}

SelectionRequest selection_of(const Arguments& arguments) {
    return {arguments.positionals, arguments.all("tag"), arguments.has("all"), false};
}

Selection select(const Context& context, const SelectionRequest& request) {
    Selection selection;
    const bool plain = request.tags.empty() && !request.all &&
                       std::none_of(request.names.begin(), request.names.end(), is_pattern);
    selection.single = plain && request.names.size() == 1;
    if (plain && !request.need_daemons) {
        std::set<std::string> taken;
        for (const std::string& name : request.names) {
            if (taken.insert(name).second) {
                selection.names.push_back(name);
            }
        }
        selection.literal = selection.names;
        return selection;
    }
    const Answer answer = call(context, {.target = "/v1/daemons"});
    if (!answer) {
        selection.refused = answer.failure;
        return selection;
    }
    auto known = decode_daemons(answer.body);
    if (!known) {
        selection.refused = failure_of(known.error());
        return selection;
    }
    resolve(request, std::move(*known), selection);
    return selection;
}

ExitCode tell(Context& context, const Selection& selection, const std::vector<Deed>& deeds,
              const std::function<std::string(const Deed&)>& success) {
    std::vector<NamedFailure> failures = selection.failures;
    std::vector<std::string> bodies;
    for (const Deed& deed : deeds) {
        if (!deed.answer) {
            failures.push_back({deed.name, *deed.answer.failure});
        } else if (context.json()) {
            bodies.push_back(deed.answer.body.empty() ? "null" : trimmed(deed.answer.body));
        } else if (!context.globals.quiet && !deed.told) {
            context.out << printable(deed.name) << ": " << success(deed) << '\n';
        }
    }
    if (context.json() && !(bodies.empty() && !failures.empty())) {
        context.out << (selection.single ? bodies.front() : json_array(bodies)) << '\n';
    }
    context.out << std::flush;
    const auto place = [&](const NamedFailure& failure) {
        const auto found = selection.places.find(failure.name);
        return found == selection.places.end() ? 0 : found->second;
    };
    std::ranges::stable_sort(failures, {}, place);
    return report(context, failures);
}

Deeds::Deeds(Context& context, const Selection& selection,
             std::function<std::string(const Deed&)> success, bool waits)
    : context_(context),
      selection_(selection),
      success_(std::move(success)),
      waits_(waits),
      deeds_(selection.names.size()) {}

void Deeds::each(const std::function<void(std::size_t, Deed&)>& make) {
    const auto work = [&](std::size_t i) {
        deeds_[i].name = selection_.names[i];
        deeds_[i].selected = &selection_.names;
        make(i, deeds_[i]);
        if (waits_) tell_early(deeds_[i]);
    };
    for_each_concurrently(deeds_.size(), work, waits_ ? max_waiting : max_parallel);
}

void Deeds::tell_early(Deed& deed) {
    if (!deed.answer || context_.json() || context_.globals.quiet) return;
    const std::lock_guard lock(mutex_);
    context_.out << printable(deed.name) << ": " << success_(deed) << '\n' << std::flush;
    deed.told = true;
}

ExitCode Deeds::tell() {
    return cli::tell(context_, selection_, deeds_, success_);
}

std::vector<std::string> Deeds::in_vain() const {
    std::vector<std::string> names;
    for (const Deed& deed : deeds_) {
        if (deed.answer) continue;
        const ExitCode exit = deed.answer.failure->exit;
        if (exit == ExitCode::failed || exit == ExitCode::timed_out) names.push_back(deed.name);
    }
    return names;
}

ExitCode perform(Context& context, const Selection& selection,
                 const std::function<Call(const std::string& name)>& request,
                 const std::function<std::string(const Deed&)>& success, bool waits) {
    Deeds deeds(context, selection, success, waits);
    deeds.each([&](std::size_t, Deed& deed) { deed.answer = call(context, request(deed.name)); });
    return deeds.tell();
}

}  // namespace syspulse::cli
