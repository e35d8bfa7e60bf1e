// Generates the state table of docs/state-machine.md from the real machine: every event in every
// state. With SYSPULSE_UPDATE_GOLDEN=1 in the environment the page is written instead of compared.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "harness.hpp"

namespace syspulse::engine::test {
namespace {

struct Situation {
    std::string label;
    model::DaemonSpec spec;
    std::function<void(Engine&, DaemonKey)> reach;
    std::optional<model::StoredInstance> stored{};  // What an earlier manager left.
};
struct Stimulus {
    std::string label;
    std::function<void(Engine&, DaemonKey)> apply;
};

model::DaemonSpec restarted(model::DaemonSpec spec) {
    return with_policy(std::move(spec), model::RestartPolicy::Kind::on_failure);
}

std::vector<Situation> situations() {
    using Key = DaemonKey;
    const model::DaemonSpec plain = restarted(make_spec("web"));
    const model::DaemonSpec waits = needing(plain, {"db"});
    const auto stay = [](Engine&, Key) {};
    return {
        {"stopped", plain, stay},
        {"starting, waiting for dependencies", waits, [](Engine& e, Key k) { e.start(k); }},
        {"starting, being spawned", plain, [](Engine& e, Key k) { e.start(k); }},
        {"starting, looked for", plain, [](Engine& e, Key) { e.manager_started(); },
         stored(State::running, model::Target::up, true)},
        {"starting, out of reach", plain,
         [](Engine& e, Key k) {
             e.manager_started();
             e.out_of_reach(k);
         },
         stored(State::running, model::Target::up, true)},
        {"running", with_check(plain), [](Engine& e, Key k) { e.up(k); }},
        {"stopping, being spawned", plain,
         [](Engine& e, Key k) {
             e.start(k);
             e.stop(k);
         }},
        {"stopping, asked to end", plain,
         [](Engine& e, Key k) {
             e.up(k);
             e.stop(k);
         }},
        {"stopping, killed", plain,
         [](Engine& e, Key k) {
             e.up(k);
             e.stop(k, true);
         }},
        {"backoff", plain,
         [](Engine& e, Key k) {
             e.up(k);
             e.exited(k, ExitStatus::exited(1));
         }},
        {"failed", make_spec("web"),
         [](Engine& e, Key k) {
             e.up(k);
             e.exited(k, ExitStatus::exited(1));
         }},
        {"scheduled", with_schedule(make_spec("web"), "@every 1h"), stay},
    };
}

std::vector<Stimulus> stimuli() {
    using Key = DaemonKey;
    return {
        {"start", [](Engine& e, Key k) { e.start(k); }},
        {"stop", [](Engine& e, Key k) { e.stop(k); }},
        {"stop --force", [](Engine& e, Key k) { e.stop(k, true); }},
        {"restart", [](Engine& e, Key k) { e.restart(k); }},
        {"remove", [](Engine& e, Key k) { e.remove(k); }},
        {"remove --force", [](Engine& e, Key k) { e.remove(k, true); }},
        {"spawned or found", [](Engine& e, Key k) { e.spawned(k); }},
        {"spawn failed", [](Engine& e, Key k) { e.spawn_failed(k); }},
        {"not there any more", [](Engine& e, Key k) { e.gone(k); }},
        {"cannot be looked for", [](Engine& e, Key k) { e.out_of_reach(k); }},
        {"exit with success", [](Engine& e, Key k) { e.exited(k, ExitStatus::exited(0)); }},
        {"exit with failure", [](Engine& e, Key k) { e.exited(k, ExitStatus::exited(1)); }},
        {"unhealthy",
         [](Engine& e, Key k) {
             if (e.state(k) == State::running) e.fail_until_unhealthy(k);
         }},
        {"its time has come",
         [](Engine& e, Key k) {
             // The daemon's own back-off, stop timeout or schedule, whichever it waits for.
             if (const auto due = e.until_deadline(); due && e.state(k) != State::running)
                 e.advance(*due);
         }},
        {"shutdown", [](Engine& e, Key) { e.shut_down(); }},
    };
}

// What is done about the daemon itself; nothing for records, answers and what is done to `other`.
std::string describe_action(const Action& action, RunId other) {
    if (std::holds_alternative<SpawnRun>(action)) return "spawn";
    if (std::holds_alternative<RecoverRun>(action)) return "recover";
    if (const auto* s = std::get_if<SignalRun>(&action))
        return s->run == other ? "" : "signal " + std::to_string(s->signal);
    if (const auto* kill = std::get_if<KillRun>(&action)) return kill->run == other ? "" : "kill";
    if (std::holds_alternative<InspectRun>(action)) return "inspect";
    if (std::holds_alternative<ReleaseRun>(action)) return "release";
    if (std::holds_alternative<ForgetDaemon>(action)) return "forget";
    return {};
}

struct Scene {
    Engine e;
    DaemonKey db;
    DaemonKey web;
};

void set_up(Scene& scene, const Situation& situation) {
    scene.db = scene.e.add(with_check(make_spec("db")));
    scene.web = situation.stored ? scene.e.load(situation.spec, *situation.stored)
                                 : scene.e.add(situation.spec);
    situation.reach(scene.e, scene.web);
    if (scene.e.machine(scene.db).run_live()) scene.e.spawned(scene.db);
    scene.e.forget_actions();
}

// Where a daemon that is stopping goes when its process ends.
std::string then(Scene& scene) {
    auto& [e, db, web] = scene;
    if (!e.known(web) || e.state(web) != State::stopping) return {};
    e.exited(web);
    return " -> " + (e.known(web) ? std::string(to_string(e.state(web))) : "removed");
}

std::string cell(const Situation& situation, const Stimulus& stimulus) {
    Scene undisturbed;
    set_up(undisturbed, situation);
    Scene scene;
    set_up(scene, situation);
    auto& [e, db, web] = scene;
    const State before = e.state(web);
    const auto phase = e.machine(web).phase();
    stimulus.apply(e, web);
    std::string done;
    for (const Action& action : e.actions()) {
        const auto* reply = std::get_if<Reply>(&action);
        if (reply != nullptr && reply->error && reply->error->code == ErrorCode::invalid_state)
            return "conflict";
        const std::string what = describe_action(action, e.run(db));
        if (!what.empty()) done += (done.empty() ? "" : ", ") + what;
    }
    const std::string after = e.known(web) ? std::string(to_string(e.state(web))) : "removed";
    const bool same = e.known(web) && e.state(web) == before && e.machine(web).phase() == phase;
    const std::string later = then(scene);
    if (same && done.empty() && later == then(undisturbed)) return ".";
    return "**" + after + "**" + (done.empty() ? "" : ": " + done) + later;
}

std::string page() {
    std::ostringstream out;
    out << "# The state machine\n\n"
           "Generated from the real machine by `engine_state_table_test`; do not edit. To renew "
           "it, "
           "run that test\nwith `SYSPULSE_UPDATE_GOLDEN=1`.\n\n"
           "Rows are events, columns are states. A cell names the **state after the event**, what "
           "the "
           "engine wants\ndone, and after an arrow where the daemon goes when its process then "
           "ends. "
           "`.` means that nothing\nchanges, `conflict` that the request is refused. The daemon "
           "has "
           "the restart policy `on_failure`, except in\nthe columns `failed` and `scheduled`. The "
           "row "
           "`its time has come` is the end of a back-off delay or of a\nstop timeout, or the "
           "schedule.\n\n";
    const auto columns = situations();
    out << "| event |";
    for (const Situation& s : columns) out << ' ' << s.label << " |";
    out << "\n|---|";
    for (std::size_t i = 0; i < columns.size(); ++i) out << "---|";
    out << '\n';
    for (const Stimulus& stimulus : stimuli()) {
        out << "| " << stimulus.label << " |";
        for (const Situation& s : columns) out << ' ' << cell(s, stimulus) << " |";
        out << '\n';
    }
    return out.str();
}

TEST(StateTable, the_page_says_what_the_machine_does) {
    const std::string made = page();
    const char* update = std::getenv("SYSPULSE_UPDATE_GOLDEN");
    if (update != nullptr && std::string(update) == "1") {
        std::ofstream(SYSPULSE_STATE_TABLE, std::ios::binary) << made;
        return;
    }
    std::ifstream file(SYSPULSE_STATE_TABLE, std::ios::binary);
    const std::string kept{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(kept, made) << "run this test with SYSPULSE_UPDATE_GOLDEN=1 and look at the change";
}

}  // namespace
}  // namespace syspulse::engine::test
