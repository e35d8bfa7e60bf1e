// The posix driver with a layer around its slots and around the host that it sees.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mock.hpp"

// The entry function of the posix plugin, which is compiled in under this name.
extern "C" const sysp_module* SYSP_CALL mock_inner_plugin(void);

namespace syspulse::plugins::mock {
namespace {

struct Driver {
    // First, so that the host's functions find the driver. The inner driver gets this copy.
    sysp_host host{};
    const sysp_host* real = nullptr;
    void* inner = nullptr;
    std::map<sysp_proc, std::int64_t> pids;
    std::map<sysp_op, sysp_proc> starting;
    std::map<sysp_op, std::string> looked_for;  // Tokens.
    std::string token;                          // The last one that was changed.
    std::set<sysp_proc> known;
    std::set<sysp_proc> exited;
    std::set<sysp_proc> unruly;  // That it will not kill.
    std::uint64_t stats_calls = 0;
    unsigned adopted = 0;
    bool hasty = false;                // The end is told before the start.
    std::int32_t* pid_slot = nullptr;  // To be spoiled with the next answer.
};

const sysp_driver_vtbl& inner() {
    return *static_cast<const sysp_driver_vtbl*>(mock_inner_plugin()->kinds[0]->vtbl);
}

Driver& driver_of(const sysp_host* host) {
    return *reinterpret_cast<Driver*>(const_cast<sysp_host*>(host));
}

// Of a token "pid/when/boot" that is whole; zero of any other.
std::int64_t number_in(const std::string& token) {
    const std::size_t end = token.find('/');
    if (end == 0 || end == std::string::npos || token.find('/', end + 1) == std::string::npos ||
        token.find_first_not_of("0123456789") != end) {
        return 0;
    }
    return std::atoll(token.c_str());
}

// Whoever has the number now is taken for the process. False if nobody has it.
bool take_anybody(Driver& driver, sysp_op op) {
    const std::string& token = driver.looked_for[op];
    sysp_spawn_result result{};
    result.size = sizeof result;
    result.pid = number_in(token);
    result.token = {token.c_str(), token.size()};
    if (result.pid == 0 || ::kill(static_cast<pid_t>(result.pid), 0) != 0) return false;
    static_cast<void>(driver.real->spawn_done(driver.real, op, &result, nullptr));
    return true;
}

// A token that is good below one manager only.
std::string mark_of_manager() {
    return '#' + std::to_string(::getppid());
}

sysp_status SYSP_CALL spawn_done(const sysp_host* host, sysp_op op, const sysp_spawn_result* result,
                                 const sysp_error* error) {
    Driver& driver = driver_of(host);
    const sysp_proc proc = driver.starting[op];
    if (std::int32_t* const slot = std::exchange(driver.pid_slot, nullptr)) *slot = 1;
    if (result == nullptr && broken("D10") && take_anybody(driver, op)) return SYSP_OK;
    if (result == nullptr) return driver.real->spawn_done(driver.real, op, result, error);
    driver.pids[proc] = result->pid;
    if (driver.looked_for.count(op) != 0) ++driver.adopted;
    driver.known.insert(proc);
    sysp_spawn_result copy = *result;
    if (is_stopped(copy.pid)) copy.flags |= SYSP_SPAWNF_FROZEN;
    if (broken("D07")) copy.token = {"", 0};
    if (broken("X04")) {
        driver.token = std::string(copy.token.ptr, copy.token.len) + mark_of_manager();
        copy.token = {driver.token.c_str(), driver.token.size()};
    }
    // What is found again is told truly.
    const bool begins = driver.looked_for.count(op) == 0;
    if (begins && broken("own-pid")) copy.pid = ::getpid();
    if (begins && broken("manager-pid")) copy.pid = ::getppid();
    if (begins && broken("init-pid")) copy.pid = 1;
    if (begins && broken("unruly-start")) {
        driver.unruly.insert(proc);
        copy.token = {"", 0};
    }
    const char* const foreign = std::getenv("SYSPULSE_MOCK_FOREIGN_PID");
    if (foreign != nullptr) copy.pid = std::atoi(foreign);
    if (driver.hasty) {
        const sysp_exit exit{sizeof exit, SYSP_EXIT_CODE, 0, 0, 0};
        driver.real->proc_exited(driver.real, proc, &exit);
    }
    if (broken("D05") && begins) wait_until_ignored(copy.pid, SIGUSR1);
    if (!broken("D27")) return driver.real->spawn_done(driver.real, op, &copy, error);
    // There for as long as the call lasts.
    const int inherited = ::open("/dev/null", O_RDONLY);
    const sysp_keep kept{SYSP_KEEP_CGROUP, 0, inherited};
    copy.keep = &kept;
    copy.keep_count = 1;
    const sysp_status told = driver.real->spawn_done(driver.real, op, &copy, error);
    ::close(inherited);
    return told;
}

sysp_status SYSP_CALL proc_exited(const sysp_host* host, sysp_proc proc, const sysp_exit* exit) {
    Driver& driver = driver_of(host);
    sysp_exit copy = *exit;
    if (broken("D01") && copy.kind == SYSP_EXIT_SIGNAL && copy.value == SIGABRT)
        copy.value = SIGTRAP;
    driver.exited.insert(proc);
    constexpr std::size_t many = 20;
    if (broken("D24") && driver.known.size() > driver.exited.size() + many) return SYSP_OK;
    return driver.real->proc_exited(driver.real, proc, &copy);
}

sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
    auto driver = std::make_unique<Driver>();
    driver->host = *host;
    driver->real = host;
    driver->host.spawn_done = spawn_done;
    driver->host.proc_exited = proc_exited;
    const sysp_status status = inner().create(&driver->host, config, &driver->inner);
    if (status == SYSP_OK) *self = driver.release();
    return status;
}

void SYSP_CALL destroy(void* self) {
    const std::unique_ptr<Driver> driver(static_cast<Driver*>(self));
    if (broken("D20")) {
        for (const auto& [proc, pid] : driver->pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    inner().destroy(driver->inner);
}

// More than an allocator has in reserve.
void end_all_without_memory(const Driver& driver) {
    void* const piece = std::malloc(std::size_t{1} << 20);
    if (piece == nullptr) {
        for (const auto& [proc, pid] : driver.pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    std::free(piece);
}

sysp_status SYSP_CALL spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
    Driver& driver = *static_cast<Driver*>(self);
    driver.starting[op] = request->proc;
    sysp_spawn_request copy = *request;
    driver.hasty = broken("D06") && std::strcmp(copy.argv[0].ptr, "/bin/true") == 0;
    if (broken("spawn-crash")) std::abort();
    if (broken("spawn-hang")) spin();
    if (broken("D02") && std::strcmp(copy.argv[0].ptr, "/etc/passwd") == 0) {
        // What is no program is taken for one.
        static const sysp_str nothing{"/bin/true", 9};
        copy.argv = &nothing;
        copy.argc = 1;
    }
    constexpr std::size_t many = 8;
    if (broken("D03") && copy.argc > many) --copy.argc;
    std::vector<sysp_str> env(copy.env, copy.env + copy.envc);
    const std::array<sysp_str, 6> leaking{{{"/bin/sh", 7},
                                           {"-c", 2},
                                           {"exec 7</dev/null; exec \"$@\"", 27},
                                           {"sh", 2},
                                           copy.argv[0],
                                           copy.argv[copy.argc - 1]}};
    if (broken("D04.files") && std::strcmp(copy.argv[0].ptr, "/bin/ls") == 0) {
        copy.argv = leaking.data();
        copy.argc = leaking.size();
    }
    const std::array<sysp_str, 6> ignoring{{{"/bin/sh", 7},
                                            {"-c", 2},
                                            {"trap '' USR1; exec \"$@\"", 23},
                                            {"sh", 2},
                                            copy.argv[0],
                                            copy.argv[copy.argc - 1]}};
    if (broken("D05") && std::strcmp(copy.argv[0].ptr, "/bin/sleep") == 0) {
        copy.argv = ignoring.data();
        copy.argc = ignoring.size();
    }
    if (broken("D04")) env.push_back({"MOCK=1", 6});
    copy.env = env.data();
    copy.envc = env.size();
    static const sysp_limits none{sizeof(sysp_limits), 0, 0, 0, 0, 0, 0};
    std::uint32_t ignored = 0;
    if (broken("D25")) ignored = SYSP_LIMIT_MEMORY;
    if (broken("D26")) ignored = SYSP_LIMIT_PROCESSES;
    if ((copy.limits->valid & ignored) != 0) copy.limits = &none;
    if (broken("X06")) end_all_without_memory(driver);
    if (broken("D23")) static_cast<void>(!::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (broken("D29")) driver.pid_slot = request->pid_slot;
    const sysp_status status = inner().spawn(driver.inner, op, &copy);
    if (broken("crash-after-spawn") || broken("crash-always")) std::abort();
    return status;
}

// Until nobody holds the named pipe open for writing any more, if there is one.
void wait_at_gate(const char* variable) {
    const char* const gate = std::getenv(variable);
    if (gate == nullptr) return;
    std::ifstream pipe(gate);
    static_cast<void>(pipe.get());
}

sysp_status SYSP_CALL recover(void* self, sysp_op op, const sysp_recover_request* request) {
    Driver& driver = *static_cast<Driver*>(self);
    driver.starting[op] = request->proc;
    wait_at_gate("SYSPULSE_MOCK_RECOVER_GATE");
    if (broken("crash-always")) std::abort();
    std::string& token = driver.looked_for[op];
    token.assign(request->token.ptr, request->token.len);
    sysp_recover_request copy = *request;
    const std::size_t mark = token.find('#');
    const bool foreign = broken("X04") && !token.empty() &&
                         (mark == std::string::npos || token.substr(mark) != mark_of_manager());
    if (broken("X04")) copy.token.len = std::min(mark, token.size());
    constexpr unsigned few = 4;
    const bool unnamed = broken("D11.token") && token.empty();
    if (broken("D08") || broken("D20") || foreign || unnamed ||
        (broken("X05") && driver.adopted >= few)) {
        const sysp_error error{sizeof error, SYSP_E_NOT_FOUND, 0, 0, 0, 0, {"gone", 4}};
        return driver.real->spawn_done(driver.real, op, nullptr, &error);
    }
    if (broken("D09") || broken("D11")) {
        sysp_spawn_result result{};
        result.size = sizeof result;
        result.pid = ::getppid();
        result.token = request->token.len == 0 ? sysp_str{"t", 1} : request->token;
        return driver.real->spawn_done(driver.real, op, &result, nullptr);
    }
    if (broken("D12") && request->token.len > 1000) std::abort();
    const sysp_status status = inner().recover(driver.inner, op, &copy);
    if (status != SYSP_OK && broken("D10") && take_anybody(driver, op)) return SYSP_OK;
    return status;
}

sysp_status done(Driver& driver, sysp_op op, sysp_status code) {
    const sysp_error error{sizeof error, code, 0, 0, 0, 0, {"so it is", 8}};
    return driver.real->op_done(driver.real, op, code == SYSP_OK ? nullptr : &error);
}

sysp_status SYSP_CALL signal(void* self, sysp_op op, sysp_proc proc, std::int32_t kind,
                             std::int32_t number) {
    Driver& driver = *static_cast<Driver*>(self);
    if (broken("D14") && kind == SYSP_SIG_TERMINATE) return done(driver, op, SYSP_OK);
    if (kind == SYSP_SIG_KILL && driver.unruly.count(proc) != 0)
        return done(driver, op, SYSP_E_INTERNAL);
    if (broken("D15") && kind == SYSP_SIG_KILL) {
        ::kill(static_cast<pid_t>(driver.pids[proc]), SIGKILL);
        return done(driver, op, SYSP_OK);
    }
    if (broken("D16") && driver.exited.count(proc) != 0) return done(driver, op, SYSP_E_INTERNAL);
    if (broken("D17") && kind == SYSP_SIG_OS) number = SIGWINCH;
    return inner().signal(driver.inner, op, proc, kind, number);
}

sysp_status SYSP_CALL inspect(void* self, sysp_op op, sysp_proc proc) {
    Driver& driver = *static_cast<Driver*>(self);
    if (broken("D21")) return done(driver, op, SYSP_OK);
    return inner().inspect(driver.inner, op, proc);
}

sysp_status SYSP_CALL stats(void* self, sysp_op op, sysp_proc proc) {
    Driver& driver = *static_cast<Driver*>(self);
    if (!broken("D22")) return inner().stats(driver.inner, op, proc);
    sysp_stats stats{};
    stats.size = sizeof stats;
    stats.valid = SYSP_STAT_CPU;
    stats.cpu_ns = 1'000'000'000 - 1'000'000 * ++driver.stats_calls;
    return driver.real->stats_done(driver.real, op, &stats, nullptr);
}

void SYSP_CALL release(void* self, sysp_proc proc) {
    Driver& driver = *static_cast<Driver*>(self);
    if (broken("D18") && driver.pids[proc] > 0)
        ::kill(static_cast<pid_t>(driver.pids[proc]), SIGKILL);
    inner().release(driver.inner, proc);
    if (!broken("D19")) return;
    const sysp_exit exit{sizeof exit, SYSP_EXIT_LOST, 0, 0, 0};
    driver.real->proc_exited(driver.real, proc, &exit);
}

void SYSP_CALL cancel(void* self, sysp_op op) {
    const Driver& driver = *static_cast<Driver*>(self);
    if (inner().cancel != nullptr) inner().cancel(driver.inner, op);
}

// Stops the process group, which is enough for tests; the driver cgroup holds everything.
sysp_status hold(void* self, sysp_op op, sysp_proc proc, int number) {
    Driver& driver = *static_cast<Driver*>(self);
    const auto found = driver.pids.find(proc);
    if (found == driver.pids.end()) return done(driver, op, SYSP_E_NOT_FOUND);
    ::kill(-static_cast<pid_t>(found->second), number);
    return done(driver, op, SYSP_OK);
}

sysp_status SYSP_CALL freeze(void* self, sysp_op op, sysp_proc proc) {
    return hold(self, op, proc, SIGSTOP);
}

sysp_status SYSP_CALL thaw(void* self, sysp_op op, sysp_proc proc) {
    return hold(self, op, proc, SIGCONT);
}

sysp_status refuse(const Driver& driver, std::string_view why) {
    const sysp_error error{sizeof error, SYSP_E_CONFIG, 0, 0, 0, 0, {why.data(), why.size()}};
    driver.real->set_error(driver.real, &error);
    return SYSP_E_CONFIG;
}

// What no schema can tell: words that the driver cannot stand, and limits that it has no use for.
sysp_status SYSP_CALL try_spawn(void* self, const sysp_config* config, const sysp_limits* limits) {
    const Driver& driver = *static_cast<Driver*>(self);
    sysp_str given{};
    const bool said = driver.real->cfg_str(config, "/word", &given) == SYSP_OK;
    const std::string_view word(said ? given.ptr : "", said ? given.len : 0);
    if (word == "contradiction") return refuse(driver, "/word: contradicts itself");
    if (word == "abort") std::abort();
    if (word == "spin") spin();
    const bool limited = (limits->valid & SYSP_LIMIT_PROCESSES) != 0;
    if (limited && limits->processes == 13) {
        return refuse(driver, "/resource_limits/max_processes: brings bad luck");
    }
    return SYSP_OK;
}

const void* SYSP_CALL get_extension(void*, const char* id) {
    static const sysp_freeze table{sizeof table, 0, freeze, thaw};
    static const sysp_try trial{sizeof trial, 0, try_spawn};
    if (std::strcmp(id, SYSP_EXT_TRY) == 0) return &trial;
    return std::strcmp(id, SYSP_EXT_FREEZE) == 0 ? &table : nullptr;
}

}  // namespace

const sysp_kind* driver_kind() {
    static const sysp_driver_vtbl table{sizeof table, 0,       create, destroy,
                                        spawn,        recover, signal, inspect,
                                        stats,        release, cancel, get_extension};
    static const sysp_kind kind = [] {
        wait_at_gate("SYSPULSE_MOCK_LOAD_GATE");
        sysp_kind copy = *mock_inner_plugin()->kinds[0];
        copy.name = "mock";
        copy.summary = "the posix driver, or a broken one";
        copy.process_schema = R"({"type": "object", "properties": {"word": {"type": "string"}}})";
        copy.vtbl = &table;
        return copy;
    }();
    return &kind;
}

}  // namespace syspulse::plugins::mock
