// Fixed amounts of work in one thread, whose instructions tests/benchmark/instructions.py counts
// with callgrind: inside the functions measured_*, so that start-up and the dynamic linker do not
// count.
//
//   workloads engine|spec|request|logs|rows    does the work once
//   workloads rate                        prints how many events a second the engine handles
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_codec.hpp"
#include "api/router.hpp"
#include "config/spec_json.hpp"
#include "config/spec_loader.hpp"
#include "engine/supervisor.hpp"
#include "logs/stream_writer.hpp"
#include "registry/registry.hpp"

namespace {

using namespace syspulse;
using std::chrono::seconds;

constexpr std::uint32_t daemon_count = 1000;

// Daemons that crash and are restarted at once; every tenth has a health check.
class EngineWork {
  public:
    EngineWork() {
        for (std::uint32_t i = 1; i <= daemon_count; ++i) {
            auto spec = std::make_shared<model::DaemonSpec>();
            spec->name = "daemon-" + std::to_string(i);
            spec->command = {"/bin/true"};
            spec->restart.kind = model::RestartPolicy::Kind::always;
            spec->restart.backoff_base = Duration{0};
            spec->autostart = true;
            if (i % 10 == 0) {
                spec->health_check.emplace();
                spec->health_check->interval = seconds{10};
            }
            handle(engine::DaemonAdded{DaemonKey{i}, spec, std::nullopt});
        }
        handle(engine::ManagerStarted{true});
    }

    // Each turn every daemon crashes once.
    void turn() {
        for (std::uint32_t i = 1; i <= daemon_count; ++i) {
            const DaemonKey key{i};
            const RunId run = supervisor_.find(key)->run();
            handle(engine::Exited{key, run, ExitStatus::signalled(9)});
            handle(engine::TimeAdvanced{});
        }
        now_.mono += seconds{10};
        now_.wall += seconds{10};
        handle(engine::TimeAdvanced{});
    }
    std::uint64_t events() const { return events_; }

  private:
    void handle(const engine::Event& event) {
        ++events_;
        actions_.clear();
        supervisor_.handle(event, now_, actions_);
        // The answers of a world in which everything succeeds.
        const std::vector<engine::Action> actions = std::exchange(actions_, {});
        for (const engine::Action& action : actions) {
            if (const auto* spawn = std::get_if<engine::SpawnRun>(&action)) {
                handle(engine::Spawned{spawn->daemon, spawn->run, 1000 + spawn->daemon.value, "t"});
            } else if (const auto* check = std::get_if<engine::StartCheck>(&action)) {
                handle(engine::Checked{check->daemon, check->check, true, "", Duration{1000}});
            }
        }
    }

    engine::Supervisor supervisor_{1, RunId{}};
    Now now_{Instant{} + seconds{1}, WallTime{} + std::chrono::hours{1}};
    std::vector<engine::Action> actions_;
    std::uint64_t events_ = 0;
};

std::string spec_text() {
    std::string text = "daemons:\n";
    for (int i = 0; i < 200; ++i) {
        const std::string number = std::to_string(i);
        text += "  daemon-" + number +
                ":\n"
                "    command: [/usr/bin/worker, --queue, \"" +
                number +
                "\"]\n"
                "    env: { PORT: \"8000\", MODE: production }\n"
                "    restart_policy: { policy: on_failure, max_retries: 5 }\n"
                "    health_check: { type: tcp, target: \"127.0.0.1:80\", interval_secs: 10 }\n"
                "    tags: [worker, prod]\n";
    }
    return text;
}

// One thread's pipe, filled and emptied by hand.
class LogWork {
  public:
    LogWork() {
        std::string name = (std::filesystem::temp_directory_path() / "workload-XXXXXX").string();
        directory_ = std::make_shared<const logs::KeptPath>(::mkdtemp(name.data()));
        const auto pipe = logs::pipe_path(*directory_, logs::Stream::out);
        static_cast<void>(pipes_->create(pipe).has_value());
        const auto reader = pipes_->open_reader(pipe);
        writing_ = *pipes_->open_writer(pipe);
        writer_ =
            std::make_unique<logs::StreamWriter>(tools_, directory_, logs::Stream::out, *reader);
        writer_->use({.max_size_bytes = 1'000'000, .retain_count = 3});
        writer_->put_in_order();
    }
    ~LogWork() {
        pipes_->close(writing_);
        writer_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(*directory_, ignored);
    }
    LogWork(const LogWork&) = delete;
    LogWork& operator=(const LogWork&) = delete;

    void write_and_pump(std::string_view text) {
        static_cast<void>(!::write(static_cast<int>(writing_), text.data(), text.size()));
        while (writer_->has_bytes()) writer_->pump();
    }

  private:
    std::unique_ptr<platform::Clock> clock_ = platform::make_system_clock();
    std::unique_ptr<platform::OutputPipes> pipes_ = *platform::make_output_pipes();
    logs::Archiver archiver_;
    logs::LineCounter lines_;
    logs::WriterTools tools_{*pipes_, archiver_, lines_, *clock_};
    std::shared_ptr<const logs::KeptPath> directory_;
    std::unique_ptr<logs::StreamWriter> writer_;
    platform::NativeHandle writing_ = platform::no_handle;
};

// What a manager records of daemons that start: first what it is about to do, then what came of it.
class RowsWork {
  public:
    RowsWork() {
        std::string name = (std::filesystem::temp_directory_path() / "workload-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
        auto journal = registry::open_registry(directory_ / "rows.db");
        if (!journal) ::abort();
        journal_ = *std::move(journal);
        std::vector<model::JournalRecord> records;
        for (int i = 0; i < daemons; ++i) {
            records.emplace_back(model::SpecAdded{{uuid(i), name_of(i), "{}", WallTime{}}});
            records.emplace_back(model::InstanceChanged{instance(i, false)});
        }
        commit(records);
    }
    ~RowsWork() {
        journal_.reset();
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    RowsWork(const RowsWork&) = delete;
    RowsWork& operator=(const RowsWork&) = delete;

    void start_all() {
        for (int first = 0; first < daemons; first += at_once) {
            for (const bool answered : {false, true}) {
                std::vector<model::JournalRecord> records;
                for (int i = first; i < first + at_once; ++i) record_start(i, answered, records);
                commit(records);
            }
        }
    }

  private:
    static constexpr int daemons = 320;
    static constexpr int at_once = 8;

    static std::string uuid(int i) { return "0f8fad5b-d9cb-469f-a165-" + std::to_string(i * 7919); }
    static std::string name_of(int i) { return "daemon-" + std::to_string(i); }

    model::StoredInstance instance(int i, bool answered) const {
        model::StoredInstance stored;
        stored.uuid = uuid(i);
        stored.target = model::Target::up;
        stored.run = RunId{last_run_};
        stored.run_live = true;
        stored.driver = "posix";
        stored.driver_options = "{}";
        stored.boot = "aa4ff1b0-2f2a-4c54-a2f4-0d2b7d3d0d6a/1";
        if (!answered) return stored;
        stored.pid = 1000 + i;
        stored.token = std::to_string(stored.pid) + "/@4711/" + stored.boot;
        stored.started_at = WallTime{} + std::chrono::hours{1};
        return stored;
    }

    void record_start(int i, bool answered, std::vector<model::JournalRecord>& records) {
        if (!answered) ++last_run_;
        const RunId run{answered ? last_run_ - at_once + 1 + static_cast<unsigned>(i) % at_once
                                 : last_run_};
        model::StoredInstance stored = instance(i, answered);
        stored.run = run;
        model::HistoryEntry line;
        line.at = WallTime{} + std::chrono::hours{1};
        line.daemon = name_of(i);
        line.uuid = stored.uuid;
        line.kind = "transition";
        line.from = answered ? "starting" : "stopped";
        line.to = answered ? "running" : "starting";
        line.reason = answered ? "pid " + std::to_string(stored.pid) : "started at boot";
        line.run = run;
        line.pid = stored.pid;
        records.emplace_back(
            model::RunChanged{{run, stored.uuid, line.at, stored.pid, std::nullopt, std::nullopt}});
        records.emplace_back(model::InstanceChanged{std::move(stored)});
        records.emplace_back(model::HistoryAdded{std::move(line)});
    }

    void commit(std::vector<model::JournalRecord>& records) {
        if (!journal_->commit(records)) ::abort();
    }

    std::filesystem::path directory_;
    std::unique_ptr<model::Journal> journal_;
    std::uint64_t last_run_ = 0;
};

model::DaemonView view() {
    model::DaemonView view;
    view.id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    view.name = "daemon-1";
    view.driver = "posix";
    view.description = "A worker that is asked about";
    view.tags = {"worker", "prod"};
    view.stdout_log = "/var/lib/syspulse/logs/daemon-1/stdout.log";
    view.stderr_log = "/var/lib/syspulse/logs/daemon-1/stderr.log";
    view.started_at = WallTime{} + std::chrono::hours{1};
    view.pid = 4711;
    return view;
}

}  // namespace

// The names are what callgrind is told to count inside of.
extern "C" {

[[gnu::noinline, gnu::visibility("default")]] void measured_engine(void* work) {
    for (int i = 0; i < 5; ++i) static_cast<EngineWork*>(work)->turn();
}

[[gnu::noinline, gnu::visibility("default")]] void measured_spec(const void* text) {
    const auto loaded =
        config::load_spec_text("spec.yaml", *static_cast<const std::string*>(text), {});
    if (loaded.daemons.size() != 200) ::abort();
    for (const auto& spec : loaded.daemons) {
        if (!config::from_stored_json(spec.name, config::to_json(spec))) ::abort();
    }
}

[[gnu::noinline, gnu::visibility("default")]] void measured_request(const void* daemon) {
    for (int i = 0; i < 500; ++i) {
        const auto routed = api::route({"GET", "/v1/daemons/daemon-1", ""});
        if (!std::holds_alternative<api::ParsedCall>(routed)) ::abort();
        if (api::to_json(*static_cast<const model::DaemonView*>(daemon)).empty()) ::abort();
    }
}

[[gnu::noinline, gnu::visibility("default")]] void measured_logs(void* work) {
    std::string block;
    for (int i = 0; i < 40; ++i) block += std::string(99, 'x') + "\n";
    for (int i = 0; i < 1000; ++i) static_cast<LogWork*>(work)->write_and_pump(block);
}

[[gnu::noinline, gnu::visibility("default")]] void measured_rows(void* work) {
    static_cast<RowsWork*>(work)->start_all();
}

}  // extern "C"

namespace {

void print_rate() {
    EngineWork work;
    work.turn();
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t before = work.events();
    while (std::chrono::steady_clock::now() - begin < seconds{1}) work.turn();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    std::printf("%.0f\n", static_cast<double>(work.events() - before) / taken.count());
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "engine") {
        EngineWork work;
        measured_engine(&work);
    } else if (what == "spec") {
        const std::string text = spec_text();
        measured_spec(&text);
    } else if (what == "request") {
        const model::DaemonView daemon = view();
        measured_request(&daemon);
    } else if (what == "logs") {
        LogWork work;
        measured_logs(&work);
    } else if (what == "rows") {
        RowsWork work;
        measured_rows(&work);
    } else if (what == "rate") {
        print_rate();
    } else {
        std::fprintf(stderr, "usage: workloads engine|spec|request|logs|rows|rate\n");
        return 2;
    }
    return 0;
}
