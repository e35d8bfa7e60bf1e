// A driver without processes: argv[0] says how it behaves, so that the host can be tested against
// answers that a real driver gives rarely or never.
#include <syspulse/plugin.h>

#include <cstring>
#include <map>
#include <stdexcept>
#include <string>

namespace {

struct Driver {
    const sysp_host* host = nullptr;
    std::int64_t next_pid = 1000000;
    std::map<sysp_op, sysp_proc> unanswered;
    std::string behaviour;
    bool looked = false;
    bool killed = false;
};

sysp_error make_error(sysp_status code, const char* text) {
    sysp_error error{};
    error.size = sizeof error;
    error.code = code;
    error.message = {text, std::strlen(text)};
    return error;
}

sysp_status answer(Driver& driver, sysp_op op, std::int64_t pid, const std::string& token,
                   std::uint32_t flags = 0) {
    sysp_spawn_result result{};
    result.size = sizeof result;
    result.flags = flags;
    result.pid = pid;
    result.token = {token.data(), token.size()};
    return driver.host->spawn_done(driver.host, op, &result, nullptr);
}

void exited(Driver& driver, sysp_proc proc, std::int32_t code) {
    sysp_exit exit{};
    exit.size = sizeof exit;
    exit.kind = SYSP_EXIT_CODE;
    exit.value = code;
    exit.flags = code == 7 ? std::uint32_t{SYSP_EXITF_OOM} : 0;
    exit.memory_peak_bytes = code == 7 ? 4096 : 0;
    driver.host->proc_exited(driver.host, proc, &exit);
}

sysp_status create(const sysp_host* host, const sysp_config*, void** self) {
    *self = new Driver{host, 1000000, {}, {}, false, false};
    return SYSP_OK;
}

void destroy(void* self) {
    delete static_cast<Driver*>(self);
}

sysp_status spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
    Driver& driver = *static_cast<Driver*>(self);
    const std::string how = request->argv[0].ptr;
    driver.behaviour = how;
    const std::int64_t pid = driver.next_pid++;
    if (how == "throw") throw std::runtime_error("on purpose");
    if (how == "reject") {
        const sysp_error error = make_error(SYSP_E_DENIED, "not today\n\x1b[31m");
        driver.host->set_error(driver.host, &error);
        return SYSP_E_DENIED;
    }
    if (how == "never" || how == "late" || how == "fails-late") {
        driver.unanswered.emplace(op, request->proc);
        return SYSP_OK;
    }
    if (how == "wrong-type") {
        driver.host->op_done(driver.host, op, nullptr);
        return SYSP_OK;
    }
    if (how == "early") exited(driver, request->proc, 3);
    if (how == "init-pid") {
        answer(driver, op, 1, "t");
    } else if (how == "huge-token" || how == "huge-token-unruly") {
        answer(driver, op, pid, std::string(1 << 20, 'x'));
    } else {
        answer(driver, op, pid, "token");
    }
    if (how == "twice") answer(driver, op, pid, "token");
    if (how == "quick") exited(driver, request->proc, 7);
    return how == "both" ? SYSP_E_INVALID : SYSP_OK;
}

sysp_status recover(void* self, sysp_op op, const sysp_recover_request* request) {
    Driver& driver = *static_cast<Driver*>(self);
    const std::string token = request->token.ptr;
    if (token == "late" && !driver.looked) {
        // Answered when it is cancelled.
        driver.looked = true;
        driver.behaviour = "late";
        driver.unanswered.emplace(op, request->proc);
        return SYSP_OK;
    }
    const bool spared = token == "unless-killed" && !driver.killed;
    if (spared || token == "token" || (token == "late" && !driver.killed)) {
        answer(driver, op, 4242, "token", SYSP_SPAWNF_FROZEN);
    } else {
        const sysp_error error = make_error(SYSP_E_NOT_FOUND, "no such process");
        driver.host->spawn_done(driver.host, op, nullptr, &error);
    }
    return SYSP_OK;
}

sysp_status signal(void* self, sysp_op op, sysp_proc proc, std::int32_t kind, std::int32_t number) {
    Driver& driver = *static_cast<Driver*>(self);
    driver.killed = driver.killed || kind == SYSP_SIG_KILL;
    if (driver.behaviour == "huge-token-unruly") {
        const sysp_error error = make_error(SYSP_E_OS, "it will not die");
        driver.host->op_done(driver.host, op, &error);
        return SYSP_OK;
    }
    if (driver.behaviour == "unacknowledging" && kind == SYSP_SIG_OS) {
        driver.unanswered.emplace(op, proc);
        exited(driver, proc, 128 + number);
        return SYSP_OK;
    }
    driver.host->op_done(driver.host, op, nullptr);
    if (kind == SYSP_SIG_KILL || kind == SYSP_SIG_TERMINATE) {
        exited(driver, proc, 128 + number);
        exited(driver, proc, 0);
    }
    return SYSP_OK;
}

sysp_status inspect(void* self, sysp_op op, sysp_proc) {
    Driver& driver = *static_cast<Driver*>(self);
    const sysp_error error = make_error(SYSP_E_NOT_FOUND, "");
    driver.host->op_done(driver.host, op, driver.behaviour == "forgotten" ? &error : nullptr);
    return SYSP_OK;
}

sysp_status freeze(void* self, sysp_op op, sysp_proc) {
    Driver& driver = *static_cast<Driver*>(self);
    driver.host->op_done(driver.host, op, nullptr);
    return SYSP_OK;
}

sysp_status thaw(void* self, sysp_op op, sysp_proc) {
    Driver& driver = *static_cast<Driver*>(self);
    const sysp_error error = make_error(SYSP_E_OS, "still frozen");
    driver.host->op_done(driver.host, op, &error);
    return SYSP_OK;
}

constexpr sysp_freeze freezer{sizeof(sysp_freeze), 0, freeze, thaw};

const void* get_extension(void* self, const char* id) {
    const bool known = static_cast<Driver*>(self)->behaviour == "freezable";
    return known && std::strcmp(id, SYSP_EXT_FREEZE) == 0 ? &freezer : nullptr;
}

sysp_status stats(void* self, sysp_op op, sysp_proc proc) {
    Driver& driver = *static_cast<Driver*>(self);
    if (driver.behaviour == "immeasurable") {
        driver.unanswered.emplace(op, proc);
        return SYSP_OK;
    }
    sysp_stats measured{};
    measured.size = sizeof measured;
    measured.valid = SYSP_STAT_CPU_SPLIT | SYSP_STAT_THROTTLED | SYSP_STAT_PSI_IO;
    measured.cpu_ns = 5;
    measured.cpu_user_ns = 3;
    measured.cpu_system_ns = ~std::uint64_t{0};
    measured.throttled_ns = 7;
    measured.throttled_count = 2;
    measured.io_pressure.some_avg10 = 12.5;
    measured.io_pressure.full_avg10 = 1e300;
    driver.host->stats_done(driver.host, op, &measured, nullptr);
    return SYSP_OK;
}

void release(void*, sysp_proc) {}

void cancel(void* self, sysp_op op) {
    Driver& driver = *static_cast<Driver*>(self);
    if (driver.behaviour == "late") answer(driver, op, driver.next_pid++, "token");
    if (driver.behaviour == "fails-late") {
        const sysp_error error = make_error(SYSP_E_OS, "too late");
        driver.host->spawn_done(driver.host, op, nullptr, &error);
    }
    driver.unanswered.erase(op);
}

constexpr sysp_driver_vtbl table{sizeof(sysp_driver_vtbl),
                                 0,
                                 create,
                                 destroy,
                                 spawn,
                                 recover,
                                 signal,
                                 inspect,
                                 stats,
                                 release,
                                 cancel,
                                 get_extension};
constexpr sysp_kind kind{sizeof(sysp_kind),
                         SYSP_KIND_DRIVER,
                         "fake",
                         "Runs nothing",
                         "{}",
                         nullptr,
                         &table,
                         SYSP_LIMIT_MEMORY,
                         0};
constexpr const sysp_kind* kinds[] = {&kind};
constexpr sysp_module module{sizeof(sysp_module),
                             SYSP_MAGIC,
                             SYSP_ABI_MAJOR,
                             SYSP_ABI_MINOR,
                             0,
                             "org.example.fake-driver",
                             "1.2.3",
                             "example",
                             "raw",
                             kinds,
                             1,
                             nullptr};

}  // namespace

extern "C" const sysp_module* SYSP_CALL syspulse_plugin_v1() {
    return &module;
}
