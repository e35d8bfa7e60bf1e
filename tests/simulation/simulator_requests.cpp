// What operators of the simulated manager declare and ask for.
#include <algorithm>

#include "simulator.hpp"

namespace syspulse::simulation {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// Names sort as the daemons may depend on each other: on those before.
std::string name_of(std::size_t number) {
    return "d" + std::to_string(number);
}

}  // namespace

std::optional<model::ScheduleSpec> Simulator::random_schedule() {
    const char* cron = random_.chance(0.5) ? "@every 20s" : "*/20 * * * * *";
    if (life_ == Life::machine && random_.chance(0.5)) cron = "@reboot";
    auto compiled = model::Schedule::parse(cron, "UTC");
    if (!compiled) return std::nullopt;
    model::ScheduleSpec schedule{cron, "UTC", {}, {}, std::move(*compiled)};
    schedule.overlap = static_cast<model::ScheduleSpec::Overlap>(random_.below(3));
    schedule.catch_up = static_cast<model::ScheduleSpec::CatchUp>(random_.below(2));
    return schedule;
}

model::DaemonSpec Simulator::random_spec(const std::string& name) {
    model::DaemonSpec spec;
    spec.name = name;
    spec.command = {"/bin/simulated"};
    spec.driver.type = random_.chance(0.8) ? "usual" : "other";
    spec.restart.kind = static_cast<model::RestartPolicy::Kind>(random_.below(3));
    if (random_.chance(0.3)) spec.restart.max_retries = random_.below(4);
    spec.restart.backoff_base = milliseconds{random_.below(2000)};
    spec.restart.backoff_max = seconds{10};
    spec.stop_timeout = milliseconds{random_.below(3000)};
    spec.autostart = random_.chance(0.2);
    if (random_.chance(0.5)) {
        model::HealthCheckSpec check;
        check.checker.type = "simulated";
        check.interval = seconds{1 + random_.below(5)};
        check.timeout = seconds{1};
        check.retries = 1 + random_.below(3);
        check.on_unhealthy = static_cast<model::HealthCheckSpec::OnUnhealthy>(random_.below(2));
        spec.health_check = check;
    }
    if (random_.chance(0.15)) {
        if (auto schedule = random_schedule()) spec.schedule = *std::move(schedule);
    }
    for (const std::string& needed : names_) {
        if (needed < name && random_.chance(0.25)) spec.depends_on.push_back(needed);
    }
    return spec;
}

void Simulator::add_daemons() {
    const std::size_t count = 1 + random_.below(5);
    std::vector<model::DaemonSpec> specs;
    for (std::size_t i = 0; i < count; ++i) {
        specs.push_back(random_spec(name_of(i)));
        names_.push_back(name_of(i));
    }
    const auto added = conductor_->add(specs, false, "simulator");
    expect(added.has_value(), "daemons cannot be added");
}

void Simulator::replace(const std::string& name) {
    schedules_.forget();
    static_cast<void>(conductor_->add({random_spec(name)}, true, "simulator"));
}

// One that was removed comes back.
void Simulator::add_again() {
    const std::string back = *removed_.begin();
    // A journal that cannot be written refuses it.
    if (!conductor_->add({random_spec(back)}, false, "simulator")) return;
    removed_.erase(back);
    names_.push_back(back);
}

void Simulator::remove(const std::string& name) {
    schedules_.forget();
    auto answered = answer("remove " + name);
    conductor_->remove(name, random_.chance(0.7), "", [this, name, answered](Result<void> result) {
        if (result) {
            std::erase(names_, name);
            removed_.insert(name);
        }
        answered(result);
    });
}

void Simulator::set_clock() {
    clock_.set_wall(clock_.now().wall + seconds{random_.below(60)} - seconds{30});
    schedules_.clock_was_set(clock_.now().wall);
    conductor_->wall_clock_changed();
}

void Simulator::kill_somebody() {
    for (const auto& [run, process] : world_.processes()) {
        if (!process.alive || !random_.chance(0.5)) continue;
        world_.exit_now(run, ExitStatus::signalled(9));
        return;
    }
}

void Simulator::random_request() {
    if (names_.empty() || (!removed_.empty() && random_.chance(0.05))) return add_again();
    const std::string name = names_[random_.below(static_cast<std::uint32_t>(names_.size()))];
    const auto timeout =
        random_.chance(0.3) ? std::optional<Duration>(seconds{1 + random_.below(5)}) : std::nullopt;
    switch (random_.below(13)) {
        case 0:
        case 1:
        case 2:
            conductor_->start(name, random_.chance(0.3), timeout, "", answer("start " + name));
            break;
        case 3:
        case 4:
            schedules_.forget();
            conductor_->stop(name, random_.chance(0.3), timeout, "", answer("stop " + name));
            break;
        case 5:
            conductor_->restart(name, random_.chance(0.3), random_.chance(0.3), timeout, "",
                                answer("restart " + name));
            break;
        case 6:
            conductor_->signal(name, 1, "", answer("signal " + name));
            break;
        case 7:
            set_clock();
            break;
        case 8:
            remove(name);
            break;
        case 9:
            replace(name);
            break;
        case 10:
            conductor_->pause(name, "", answer("pause " + name));
            break;
        case 11:
            conductor_->resume(name, "", answer("resume " + name));
            break;
        default:
            kill_somebody();
    }
}

const engine::DaemonMachine* Simulator::machine_of(const std::string& name) const {
    // Keys are given in order, and a life has few.
    const std::uint32_t most = 100;
    for (std::uint32_t key = 1; key < most; ++key) {
        const auto* machine = conductor_->supervisor().find(DaemonKey{key});
        if (machine != nullptr && machine->spec().name == name) return machine;
    }
    return nullptr;
}

}  // namespace syspulse::simulation
