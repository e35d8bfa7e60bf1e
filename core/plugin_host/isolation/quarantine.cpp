#include "plugin_host/isolation/quarantine.hpp"

#include <algorithm>

namespace syspulse::plugin_host {
namespace {

// A culprit may crash only now and then, and each time everybody's checks are made again.
constexpr std::uint32_t successes_to_clear = 10;
constexpr std::uint32_t pause_doublings_max = 16;
constexpr std::size_t names_max = 10;

}  // namespace

std::string while_checking(std::vector<std::string> daemons) {
    std::sort(daemons.begin(), daemons.end());
    daemons.erase(std::unique(daemons.begin(), daemons.end()), daemons.end());
    std::string text;
    for (std::size_t i = 0; i < std::min(daemons.size(), names_max); ++i) {
        text.append(i == 0 ? " while it checked " : ", ").append(daemons[i]);
    }
    if (daemons.size() <= names_max) return text;
    return text + " and " + std::to_string(daemons.size() - names_max) + " more";
}

void Quarantine::suspect(const std::string& subject, const std::string& daemon) {
    Entry& entry = entries_[subject];
    entry.daemon = daemon;
    entry.left = false;
}

std::optional<std::string> Quarantine::paused(const std::string& subject, Instant now) const {
    const auto found = entries_.find(subject);
    if (found == entries_.end() || found->second.error.empty()) return std::nullopt;
    if (now >= found->second.not_before) return std::nullopt;
    return found->second.error;
}

bool Quarantine::is_culprit(const std::string& subject) const {
    const auto found = entries_.find(subject);
    return found != entries_.end() && !found->second.error.empty();
}

std::optional<Quarantine::Ticket> Quarantine::next() {
    if (!running_.empty() && (culprit_running_ || running_.size() >= width_)) return std::nullopt;
    const auto first = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
        return running_subjects_.count(waiting.subject) == 0;
    });
    if (first == waiting_.end()) return std::nullopt;
    const bool alone = is_culprit(first->subject);
    if (alone && !running_.empty()) return std::nullopt;
    culprit_running_ = alone;
    const Waiting begun = std::move(*first);
    waiting_.erase(first);
    running_subjects_.insert(begun.subject);
    running_.emplace(begun.ticket, begun.subject);
    return begun.ticket;
}

// Gives the subject of what was under way.
std::optional<std::string> Quarantine::ended(Ticket ticket) {
    auto node = running_.extract(ticket);
    if (!node) return std::nullopt;
    running_subjects_.erase(node.mapped());
    // A culprit that stays must not keep for the next suspects what the last ones have earned.
    if (idle()) width_ = 1;
    return std::move(node.mapped());
}

void Quarantine::came_through(Ticket ticket) {
    const auto subject = ended(ticket);
    if (!subject) return;
    if (!idle()) ++width_;
    const auto found = entries_.find(*subject);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.error.empty() || ++entry.successes >= successes_to_clear) entries_.erase(found);
}

Quarantine::Loss Quarantine::lost(const std::string& error, Instant now) {
    Loss loss;
    const auto running = std::exchange(running_, {});
    running_subjects_.clear();
    width_ = 1;
    culprit_running_ = false;
    if (running.size() == 1) {
        const auto found = entries_.find(running.begin()->second);
        if (found != entries_.end()) loss = convict(found->second, error, now);
    }
    for (const auto& [ticket, subject] : running) loss.tickets.push_back(ticket);
    // A check that was given up and waits to begin anew would not respect the pause.
    if (loss.culprit) take_waiting(running.begin()->second, loss.tickets);
    return loss;
}

void Quarantine::take_waiting(const std::string& subject, std::vector<Ticket>& tickets) {
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        if (waiting.subject != subject) return false;
        tickets.push_back(waiting.ticket);
        return true;
    });
}

Quarantine::Loss Quarantine::convict(Entry& entry, const std::string& error, Instant now) {
    Loss loss;
    loss.first = entry.error.empty();
    entry.error = error;
    entry.successes = 0;
    entry.not_before =
        now +
        std::min(pause_base_ * (1U << std::min(entry.losses, pause_doublings_max)), pause_max_);
    ++entry.losses;
    loss.culprit = Culprit{entry.daemon, error};
    return loss;
}

std::vector<Quarantine::Ticket> Quarantine::give_up() {
    std::vector<Ticket> all;
    for (const auto& [ticket, subject] : std::exchange(running_, {})) all.push_back(ticket);
    running_subjects_.clear();
    for (const Waiting& waiting : std::exchange(waiting_, {})) all.push_back(waiting.ticket);
    culprit_running_ = false;
    width_ = 1;
    return all;
}

void Quarantine::left(const std::string& subject) {
    if (const auto found = entries_.find(subject); found != entries_.end())
        found->second.left = true;
}

void Quarantine::seen(const std::string& subject) {
    if (const auto found = entries_.find(subject); found != entries_.end())
        found->second.left = false;
}

void Quarantine::prune() {
    std::erase_if(entries_, [](const auto& entry) { return entry.second.left; });
}

std::vector<Culprit> Quarantine::culprits() const {
    std::vector<Culprit> all;
    for (const auto& [subject, entry] : entries_) {
        if (!entry.error.empty() && !entry.left) all.push_back({entry.daemon, entry.error});
    }
    std::sort(all.begin(), all.end(),
              [](const Culprit& a, const Culprit& b) { return a.daemon < b.daemon; });
    return all;
}

}  // namespace syspulse::plugin_host
