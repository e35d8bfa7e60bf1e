#include "simulator.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::simulation {

using model::State;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::size_t violations_max = 5;

}  // namespace

Simulator::Simulator(std::uint64_t seed, std::ostream* trace, Life life)
    : random_(seed), life_(life) {
    journal_.trace = trace;
    world_.on_exit = [this](const platform::sim::SimProcess& process) {
        if (!in_order_) return;
        for (const std::string& name : names_)
            expect(!stands_on(name, process.unit) || world_.live_count(name) == 0,
                   process.unit + " ends before " + name + ", which needs it");
    };
    world_.on_spawn = [this](const platform::SpawnRequest& request) {
        expect(world_.live_count(request.unit) == 0,
               request.unit + " is spawned while an older run lives");
        expect(!finished_, request.unit + " is spawned although the manager has finished");
        const auto* machine = machine_of(request.unit);
        const bool asked = machine != nullptr && machine->is_asked_for() &&
                           machine->run() == request.run && machine->state() == State::starting;
        expect(!asked || journal_.knows(request.run),
               request.unit + " is asked for and spawned without being on record");
        journal_.digest.add(request.run_id);
        last_begun_ = std::max(last_begun_, request.run);
    };
}

void Simulator::expect(bool condition, const std::string& what) {
    if (!condition && outcome_.violations.size() < violations_max)
        outcome_.violations.push_back(what);
}

void Simulator::expect_all_answered(const std::string& when) {
    for (const std::string& what : unanswered_) expect(false, when + ": no answer to " + what);
}

manager::Done Simulator::answer(const std::string& what) {
    unanswered_.insert(what);
    auto told = std::make_shared<bool>(false);
    return [this, told, what](const Result<void>& result) {
        expect(!*told, what + " was answered twice");
        *told = true;
        if (const auto found = unanswered_.find(what); found != unanswered_.end())
            unanswered_.erase(found);
        journal_.digest.add(result ? "done" : result.error().message);
    };
}

void Simulator::boot(bool continued) {
    manager::ConductorOptions options;
    options.seed = random_.next();
    options.boot = "boot " + std::to_string(boots_);
    options.make_uuid = [this] { return "uuid-" + std::to_string(++uuids_); };
    options.set_up_user = [](const std::string&) { return manager::UserSetup{}; };
    if (keeper_) {
        options.exit_seen = [this](RunId run, std::int64_t) {
            return run <= last_run_before_boot_ ? std::nullopt : world_.exit_of(run);
        };
        options.run_begun = [this](RunId run) { return run <= last_begun_; };
        options.ask_for_ends = [this] {
            ends_told_at_ = clock_.now().mono + milliseconds{++questions_ % 7 * 3};
        };
        options.ends_told = [this] { return clock_.now().mono >= ends_told_at_; };
    }
    conductor_ = std::make_unique<manager::Conductor>(
        manager::Ports{clock_, loop_, journal_, processes_, checks_, capture_}, std::move(options));
    finished_ = false;
    conductor_->on_finished([this] { finished_ = true; });
    const auto loaded = conductor_->load();
    expect(loaded.has_value(), "the journal cannot be loaded");
    conductor_->begin(true, continued);
}

// No manager for a while, then the next one.
void Simulator::replace_manager() {
    conductor_.reset();
    world_.detach();
    schedules_.manager_was_gone();
    unanswered_.clear();
    outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{random_.below(3000)});
    boot(random_.chance(0.5));
}

// The manager is gone from one moment to the next; processes and the journal stay.
//
// Supervision goes on while the journal cannot be written, so a crash at that very time may forget
// a run that it brought about; docs/decisions/0002 says why. That double fault is left out here,
// and so are removals that would be forgotten. What was asked for is on record, and a journal that
// refuses nothing but history forgets no run.
void Simulator::crash() {
    if (!journal_.refuses && would_be_forgotten()) return;
    replace_manager();
}

bool Simulator::would_be_forgotten() const {
    for (const auto& [run, process] : world_.processes()) {
        if (process.alive && !journal_.knows(run)) return true;
    }
    return std::ranges::any_of(removed_,
                               [this](const std::string& name) { return journal_.knows(name); });
}

// The manager ends as it was told to. What it could not record, it records first: see crash().
void Simulator::hand_over(bool keep_running, bool force) {
    const double write_fails = std::exchange(journal_.write_fails, 0);
    outcome_.steps += loop_.run_until(clock_.now().mono + seconds{2});
    schedules_.forget();
    conductor_->shut_down(keep_running, force);
    const Instant latest = clock_.now().mono + minutes{2};
    while (!finished_ && clock_.now().mono < latest)
        outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{100});
    expect(finished_, "the shutdown did not come to an end");
    expect_all_answered("the end of the manager");
    // Its last answers are on their way.
    outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{100});
    replace_manager();
    journal_.write_fails = write_fails;
}

void Simulator::check_invariants(const std::string& when) {
    for (const model::DaemonView& view : conductor_->views()) {
        const std::size_t live = world_.live_count(view.name);
        expect(live <= 1,
               when + ": " + view.name + " has " + std::to_string(live) + " live processes");
        if (const auto* machine = machine_of(view.name))
            schedules_.look(view.name, *machine, clock_.now(), loop_.lateness(),
                            [&](const std::string& what) { expect(false, when + ": " + what); });
        const bool may_live = view.state == State::starting || view.state == State::running ||
                              view.state == State::stopping;
        expect(live == 0 || may_live, when + ": " + view.name + " lives although it is " +
                                          std::string(to_string(view.state)));
    }
    for (const std::string& name : removed_)
        expect(world_.live_count(name) == 0, when + ": " + name + " lives although it was removed");
}

void Simulator::live(std::size_t turns) {
    for (std::size_t i = 0; i < turns; ++i) {
        if (random_.chance(0.6)) random_request();
        if (random_.chance(0.02)) crash();
        if (life_ == Life::machine && random_.chance(0.05)) go_down();
        if (random_.chance(0.01)) hand_over(random_.chance(0.7), random_.chance(0.3));
        outcome_.steps += loop_.run_until(clock_.now().mono + milliseconds{random_.below(2500)});
        check_invariants("while faults happen");
    }
}

void Simulator::settle_down() {
    world_.faults = {};
    journal_.write_fails = 0;
    journal_.refuses = {};
    loop_.set_lateness(Duration::zero());
    // One that is held still keeps those waiting who wait for its health.
    for (const std::string& name : names_) conductor_->resume(name, "", answer("resume " + name));
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{5});
    check_invariants("after the faults");
    expect_all_answered("after the faults");
    for (const model::DaemonView& view : conductor_->views()) {
        const bool waits = view.state == State::starting && !view.waiting_for.empty();
        // A schedule with `overlap: replace` keeps stopping and starting.
        const bool replaced = view.next_run_at && view.state == State::stopping;
        expect(replaced || view.state != State::stopping,
               "after the faults: " + view.name + " is stuck in stopping");
        expect(view.state != State::starting || waits, "after the faults: " + view.name +
                                                           " is stuck in " +
                                                           std::string(to_string(view.state)));
        expect(view.paused == world_.frozen(view.name),
               "after the faults: " + view.name + " is not held still as it is said to be");
    }
}

void Simulator::stop_everything() {
    for (const std::string& name : names_)
        conductor_->stop(name, false, std::nullopt, "", answer("stop " + name));
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{2});
    expect_all_answered("stop of everything");
    for (const model::DaemonView& view : conductor_->views()) {
        expect(view.state == State::stopped || view.state == State::failed,
               "stop of everything: " + view.name + " is " + std::string(to_string(view.state)));
        expect(world_.live_count(view.name) == 0,
               "stop of everything: " + view.name + " still lives");
    }
    // No late timer brings anything back.
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{20});
    for (const std::string& name : names_) {
        expect(world_.live_count(name) == 0, name + " came back after it was stopped");
    }
}

void Simulator::start_everything() {
    // All schedules fire at the same times then.
    const auto past = clock_.now().wall.time_since_epoch() % schedule_period;
    outcome_.steps += loop_.run_until(clock_.now().mono + schedule_period - past);
    for (const std::string& name : names_) {
        conductor_->start(name, false, std::nullopt, "", answer("start " + name));
    }
    // Between two firings of the schedules, so that no replacement is under way.
    outcome_.steps += loop_.run_until(clock_.now().mono + seconds{50});
    for (const model::DaemonView& view : conductor_->views()) {
        expect(view.state == State::running,
               "start of everything: " + view.name + " is " + std::string(to_string(view.state)));
        expect(world_.live_count(view.name) == 1,
               "start of everything: " + view.name + " does not live");
    }
    in_order_ = true;
    conductor_->shut_down(false, false);
    outcome_.steps += loop_.run_until(clock_.now().mono + minutes{1});
    expect(finished_, "the shutdown did not come to an end");
    for (const std::string& name : names_)
        expect(world_.live_count(name) == 0, name + " survived the shutdown");
    expect_all_answered("shutdown");
}

Outcome Simulator::run() {
    keeper_ = random_.chance(0.5);
    boot(false);
    add_daemons();
    platform::sim::Faults& f = world_.faults;
    f = {0.1, 0.3, 0.1, 0.4, 0.2, 0.1, 0.2, 0.3, 0.3};
    journal_.write_fails = random_.chance(0.3) ? 0.1 : 0;
    if (journal_.write_fails == 0 && random_.chance(0.15)) {
        journal_.refuses = [](const model::JournalRecord& record) {
            return std::holds_alternative<model::HistoryAdded>(record);
        };
    }
    loop_.set_lateness(random_.chance(0.5) ? milliseconds{200} : milliseconds{0});
    live(30);
    settle_down();
    if (life_ == Life::machine) stop_what_others_need();
    stop_everything();
    start_everything();
    conductor_.reset();
    outcome_.digest = journal_.digest.value();
    return outcome_;
}

}  // namespace syspulse::simulation
