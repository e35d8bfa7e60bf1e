// Daemons that the conductor leaves alone, because their declarations cannot be read.
#include <string>
#include <utility>
#include <vector>

#include "manager/conductor.hpp"
#include "model/schedule_zone.hpp"

namespace syspulse::manager {

Error Conductor::no_such(const std::string& name) const {
    const auto found = unreadable_.find(name);
    if (found == unreadable_.end()) return not_found(name);
    const Unreadable& left = found->second;
    std::string advice =
        left.may_run ? "; a process of it may be running: end that and remove it with --force"
                     : "; add it again with --replace, or remove it";
    // What is declared is right, and is gone back to where the zone is there again.
    if (model::tells_of_zone(left.why)) {
        advice = "; have that time zone installed and run syspulse upgrade" +
                 (left.may_run ? advice : ", or remove it");
    }
    return {ErrorCode::invalid_state,
            "\"" + name + "\" is left alone, its declaration in the registry cannot be read: " +
                left.why + advice};
}

std::vector<std::string> Conductor::warnings() const {
    std::vector<std::string> all;
    for (const auto& [name, left] : unreadable_) all.push_back(no_such(name).message);
    return all;
}

// Who removes it by force answers for its process.
Result<void> Conductor::remove_unreadable(const std::string& name, bool force, const Operator& by) {
    const Unreadable& left = unreadable_.at(name);
    if (left.may_run && !force) return no_such(name);
    std::vector<model::JournalRecord> records{model::SpecRemoved{left.instance.uuid}};
    records.emplace_back(model::HistoryAdded{action_of(left.instance.uuid, name, "remove", by)});
    if (auto done = recorder_.write_now(std::move(records)); !done)
        return done.error().with("cannot remove \"" + name + "\"");
    unreadable_.erase(name);
    publish();
    return {};
}

}  // namespace syspulse::manager
