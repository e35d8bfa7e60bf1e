// Which checks may share the process of their plugin, and in what order the others are made apart.
// Pure.
//
// After the loss of the shared process every check that was under way is a suspect. Suspects are
// made in a process of their own, first one, then more with each that comes through, so that a slow
// one does not hold up thousands. One that comes through is cleared. When that process is lost with
// a single check in it, that check is the culprit; with several, these begin again with one. A
// culprit is made alone, after a pause that doubles with each loss, and is cleared when it has come
// through many times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "plugin_host/isolation/policy.hpp"

namespace syspulse::plugin_host {

// What a process was doing when it was lost, for the end of a sentence: the daemons, or some of
// many.
std::string while_checking(std::vector<std::string> daemons);

class Quarantine {
  public:
    // Of one check that is made, for as long as it waits or is under way.
    using Ticket = std::uint64_t;

    struct Loss {
        std::optional<Culprit> culprit;
        bool first = false;  // The culprit was only a suspect before.
        // That were under way, in the order in which they began; then those that waited for the
        // same check as the culprit, which would only meet the same end.
        std::vector<Ticket> tickets;
    };

    Quarantine(Duration pause_base, Duration pause_max)
        : pause_base_(pause_base), pause_max_(pause_max) {}

    // Nobody is suspected, which is nearly always so.
    bool empty() const { return entries_.empty(); }
    // `subject` names a check for as long as daemon, checker, target and options are the same.
    void suspect(const std::string& subject, const std::string& daemon);
    bool holds(const std::string& subject) const { return entries_.count(subject) != 0; }
    // How the process ended last time, while it is too early to risk that again.
    std::optional<std::string> paused(const std::string& subject, Instant now) const;

    void join(Ticket ticket, const std::string& subject) { waiting_.push_back({ticket, subject}); }
    // The one that may begin now; it is under way from here on. A check is never under way twice,
    // as the process knows both by the same instance: others overtake the second one.
    std::optional<Ticket> next();
    bool under_way(Ticket ticket) const { return running_.count(ticket) != 0; }
    bool idle() const { return waiting_.empty() && running_.empty(); }

    void came_through(Ticket ticket);
    // Nobody wants to know any more, and it had not begun outside of here.
    void withdrawn(Ticket ticket) { ended(ticket); }
    // The process was lost. Those that were under way may be put first in the queue again.
    Loss lost(const std::string& error, Instant now);
    void join_first(Ticket ticket, const std::string& subject) {
        waiting_.push_front({ticket, subject});
    }
    // Nothing can be made apart: gives all that waits or is under way, and forgets it.
    std::vector<Ticket> give_up();

    // The daemon of the check is gone, unless the check is seen again: then it was only made anew.
    void left(const std::string& subject);
    void seen(const std::string& subject);
    // Forgets those that left.
    void prune();
    // The plugin is another one now.
    void pardon() { entries_.clear(); }

    std::vector<Culprit> culprits() const;

  private:
    struct Entry {
        std::string daemon;
        std::string error;            // Empty: a suspect only.
        std::uint32_t losses = 0;     // As the only one under way.
        std::uint32_t successes = 0;  // Since the last of them.
        Instant not_before{};
        bool left = false;
    };
    struct Waiting {
        Ticket ticket = 0;
        std::string subject;
    };

    bool is_culprit(const std::string& subject) const;
    std::optional<std::string> ended(Ticket ticket);
    void take_waiting(const std::string& subject, std::vector<Ticket>& tickets);
    Loss convict(Entry& entry, const std::string& error, Instant now);

    Duration pause_base_;
    Duration pause_max_;
    std::unordered_map<std::string, Entry> entries_;
    std::deque<Waiting> waiting_;
    std::map<Ticket, std::string> running_;
    std::unordered_set<std::string> running_subjects_;  // The same ones.
    bool culprit_running_ = false;
    std::size_t width_ = 1;  // So many may be under way.
};

}  // namespace syspulse::plugin_host
