// A checker whose answer is its target: "WORD" or "WORD:ARGUMENT".
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "mock.hpp"

namespace syspulse::plugins::mock {
namespace {

constexpr int channel_fd = 3;  // Of a plugin host, which a sound plugin has no business with.

struct Checker;

struct Pending {
    Checker* checker = nullptr;
    sysp_op op = 0;
    std::uint64_t timer = 0;
    bool in_time = true;
};

struct Checker {
    const sysp_host* host = nullptr;
    const sysp_io* io = nullptr;
    const sysp_config* config = nullptr;
    std::string word;
    std::map<sysp_op, std::unique_ptr<Pending>> pending;
    std::string key;
    unsigned checks = 0;
    unsigned impatient = 0;  // Those that are to be quick.
    sysp_op late = 0;
};

std::string shared_word;  // What instances must not share.

sysp_kind descriptor;

void answer(const sysp_host* host, sysp_op op, std::int32_t outcome, std::string_view text) {
    const sysp_metric metric{{"value", 5}, broken("H16") ? std::nan("") : 1.0};
    sysp_check_result result{};
    result.size = sizeof result;
    result.outcome = outcome;
    result.message = {text.data(), text.size()};
    result.metrics = &metric;
    result.metric_count = 1;
    const sysp_status told = host->check_done(host, op, &result, nullptr);
    if (broken("T03") && told == SYSP_E_STALE) std::abort();
}

// Two that are sound among many that are not.
void answer_with_metrics(const sysp_host* host, sysp_op op) {
    const auto named = [](std::string_view name, double value) {
        return sysp_metric{{name.data(), name.size()}, value};
    };
    const std::string huge(100'000, 'x');
    std::vector<sysp_metric> metrics{named("", 1),
                                     named("Upper", 1),
                                     named("with space", 1),
                                     named("esc\x1b[31m", 1),
                                     named(huge, 1),
                                     {{nullptr, 5}, 1},
                                     named("nan", std::nan("")),
                                     named("infinite", HUGE_VAL),
                                     named("connect_seconds", 0.25),
                                     named("connect_seconds", 7),
                                     named("used_bytes", 1e18)};
    metrics.resize(5'000, named("used_bytes", 3));
    sysp_check_result result{};
    result.size = sizeof result;
    result.outcome = SYSP_CHECK_PASS;
    result.message = {"measured", 8};
    result.metrics = metrics.data();
    result.metric_count = metrics.size();
    host->check_done(host, op, &result, nullptr);
}

void answer_error(const sysp_host* host, sysp_op op, sysp_status code, std::string_view text) {
    sysp_error error{};
    error.size = sizeof error;
    error.code = code;
    error.message = {text.data(), text.size()};
    host->check_done(host, op, nullptr, &error);
}

sysp_status refuse(const sysp_host* host, sysp_status code, std::string_view text) {
    sysp_error error{};
    error.size = sizeof error;
    error.code = code;
    error.message = {text.data(), text.size()};
    host->set_error(host, &error);
    return code;
}

void exhaust_memory() {
    constexpr std::size_t piece = 16UL << 20;
    for (;;) std::memset(new char[piece], 1, piece);
}

void leak_descriptors() {
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
    }
}

void write_to_channel(std::string_view bytes, int times = 64) {
    for (int i = 0; i < times; ++i)
        static_cast<void>(!::write(channel_fd, bytes.data(), bytes.size()));
}

// A frame as a plugin host writes it: the end of operation `wire`, but of a check with nothing in
// it. Its numbers are little-endian: length, type, handles, id; then type of operation, no error,
// no payload.
void forge_completion(char wire) {
    std::string frame("\x19\0\0\0\x43\0\0\0\0\0\0\0\0\0\0\0", 16);
    frame[8] = wire;
    frame.append(9, '\0');
    write_to_channel(frame, 1);
}

struct Work {
    const sysp_host* host;
    sysp_op op;
    bool stuck;
};

void on_worker(void* data) {
    const std::unique_ptr<Work> work(static_cast<Work*>(data));
    while (work->stuck) ::pause();
    answer(work->host, work->op, SYSP_CHECK_PASS, "from a worker");
}

sysp_status work(Checker& checker, sysp_op op, bool stuck) {
    auto work = std::make_unique<Work>(Work{checker.host, op, stuck});
    const sysp_status status = checker.host->run(checker.host, on_worker, work.get());
    if (status == SYSP_OK) {
        static_cast<void>(work.release());
        return status;
    }
    if (broken("H03")) return status;
    return refuse(checker.host, status, "no worker is free");
}

void due(void* data) {
    Pending& pending = *static_cast<Pending*>(data);
    Checker& checker = *pending.checker;
    const sysp_op op = pending.op;
    const bool in_time = pending.in_time;
    checker.pending.erase(op);
    answer(checker.host, op, in_time ? SYSP_CHECK_PASS : SYSP_CHECK_FAIL,
           in_time ? "after a while" : "too slow");
}

sysp_status wait(Checker& checker, sysp_op op, const std::string& text, std::uint32_t timeout_ms) {
    if (checker.io == nullptr) return refuse(checker.host, SYSP_E_UNSUPPORTED, "there is no loop");
    auto& pending = checker.pending[op];
    pending = std::make_unique<Pending>(Pending{&checker, op});
    const std::uint64_t ms = std::strtoull(text.c_str(), nullptr, 10);
    pending->in_time = ms <= timeout_ms;
    return checker.io->start_timer(checker.host,
                                   std::min<std::uint64_t>(ms, timeout_ms) * 1'000'000, due,
                                   pending.get(), &pending->timer);
}

// The words that only tests of isolation use. True if it was one.
bool misbehave(Checker& checker, sysp_op op, const std::string& word) {
    const sysp_host* const host = checker.host;
    if (word == "crash") {
        volatile int* volatile nowhere = nullptr;
        *nowhere = 1;
    }
    if (word == "abort") std::abort();
    if (word == "exit") std::exit(7);
    if (word == "leave") std::exit(0);
    if (word == "both") {
        answer(host, op, SYSP_CHECK_PASS, "done");
        return false;
    }
    if (word == "spin") spin();
    if (word == "memory") exhaust_memory();
    if (word == "descriptors") {
        leak_descriptors();
        answer(host, op, SYSP_CHECK_FAIL, "no descriptor is left");
    } else if (word == "garbage") {
        write_to_channel("what a faulty plugin may write to any descriptor that it finds");
    } else if (word == "oversize") {
        write_to_channel(std::string("\xff\xff\xff\x7f\x43\0\0\0\1\0\0\0\0\0\0\0", 16));
    } else if (word == "forged") {
        for (char wire = 1; wire < 127; ++wire) forge_completion(wire);
    } else if (word == "twice") {
        answer(host, op, SYSP_CHECK_PASS, "once");
        answer(host, op, SYSP_CHECK_FAIL, "twice");
    } else if (word == "wrong") {
        host->stats_done(host, op, nullptr, nullptr);
    } else if (word == "invented") {
        for (const sysp_op nobodys : {sysp_op{0}, op + 1, op + (sysp_op{1} << 32), ~sysp_op{0}}) {
            answer(host, nobodys, SYSP_CHECK_FAIL, "of nothing");
        }
        answer(host, op, SYSP_CHECK_PASS, "of this one");
    } else if (word == "tell") {  // All that it was told in confidence, on every way there is.
        const std::string said = "the key is " + checker.key + "!";
        host->log(host, SYSP_LOG_WARN, said.data(), said.size());
        if (checker.checks % 2 == 0) answer(host, op, SYSP_CHECK_FAIL, said);
        if (checker.checks % 2 != 0) answer_error(host, op, SYSP_E_OS, said);
    } else if (word == "metrics") {
        answer_with_metrics(host, op);
    } else if (word == "late") {
        checker.late = op;  // Answered by cancel, on a thread of its own, and then once more.
    } else if (word != "never") {
        return false;
    }
    return true;
}

// What only the process of the plugin is called, and not that of the kit.
bool in_a_process_of_its_own() {
    return std::string_view(program_invocation_short_name) == "syspulse-plugin-host";
}

// What a check leaves behind, from the one of this number on.
void leave_behind(const Checker& checker) {
    constexpr unsigned many = 40;
    if ((broken("H18") && checker.checks == 1) || (broken("H21") && checker.checks > many))
        static_cast<void>(!::open("/dev/null", O_RDONLY | O_CLOEXEC));
    constexpr std::size_t size = 100'000;
    if (broken("H21.memory") && checker.checks > many) std::memset(new char[size], 1, size);
}

sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
    if (broken("M11") && copies() > 1) return refuse(host, SYSP_E_INTERNAL, "one is enough");
    if (broken("M13") && host->size != sizeof *host)
        return refuse(host, SYSP_E_INTERNAL, "too new");
    if ((broken("X02") || broken("X03")) && in_a_process_of_its_own() && is_locked())
        return refuse(host, SYSP_E_INTERNAL, "another one is at work");
    if (broken("M07")) descriptor.summary = "changed";
    auto checker = std::make_unique<Checker>();
    checker->host = host;
    checker->config = config;
    checker->io = static_cast<const sysp_io*>(host->get_extension(host, SYSP_EXT_IO));
    if (broken("H20") && checker->io->size == 0) return SYSP_E_INTERNAL;
    sysp_str word{};
    if (host->cfg_str(config, "/word", &word) == SYSP_OK) checker->word.assign(word.ptr, word.len);
    sysp_str key{};
    if (host->cfg_str(config, "/key", &key) == SYSP_OK) checker->key.assign(key.ptr, key.len);
    if (checker->word == "tell") return refuse(host, SYSP_E_CONFIG, "/key: " + checker->key);
    if (broken("C02") && checker->word == "third") {
        return refuse(host, SYSP_E_CONFIG, "never content");
    }
    if (checker->word == "abort") std::abort();
    if (checker->word == "spin") spin();
    if (checker->word == "contradiction" && !broken("C04")) {
        return refuse(host, SYSP_E_CONFIG, "/word: contradicts itself");
    }
    // Only where many are made; fewer are left to H18.
    static unsigned created = 0;
    if (broken("C05") && ++created > 200)
        static_cast<void>(!::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (broken("S02")) ::signal(SIGCHLD, SIG_IGN);
    if (broken("S01")) static_cast<void>(!::chdir("/proc"));
    if (broken("S03")) static_cast<void>(!::write(STDOUT_FILENO, "hello\n", 6));
    // A read of what the host's table has beyond its size.
    if (broken("M12") && *(&host->cfg_json + 1) == nullptr) return SYSP_E_INTERNAL;
    shared_word = checker->word;
    *self = checker.release();
    return SYSP_OK;
}

void SYSP_CALL destroy(void* self) {
    const std::unique_ptr<Checker> checker(static_cast<Checker*>(self));
    static unsigned destroyed = 0;
    if (broken("H10") && ++destroyed <= 5)
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
    for (const auto& [op, pending] : checker->pending) {
        checker->io->cancel_timer(checker->host, pending->timer);
    }
    if (!broken("C08")) return;
    static const sysp_config* remembered = nullptr;
    sysp_str word{};
    if (remembered != nullptr) checker->host->cfg_str(remembered, "/word", &word);
    remembered = checker->config;
}

sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
    Checker& checker = *static_cast<Checker*>(self);
    const sysp_host* const host = checker.host;
    const std::string target(request->target.ptr, request->target.len);
    const std::string word = target.substr(0, target.find(':'));
    const std::string argument = word.size() < target.size() ? target.substr(word.size() + 1) : "";
    ++checker.checks;
    if (broken("H01") && checker.checks <= 3)
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (broken("H12") && checker.checks > 1) return refuse(host, SYSP_E_BUSY, "once is enough");
    if (broken("H14") && request->size != sizeof *request) std::abort();
    if (broken("H15") && request->timeout_ms < 2) std::abort();
    if (broken("H17") && request->proc == 0) return refuse(host, SYSP_E_INVALID, "whose?");
    leave_behind(checker);
    if (broken("T04") && request->timeout_ms == 500) leave_a_worker(host);
    if (broken("H06") && request->timeout_ms == 500 && ++checker.impatient == 3) return SYSP_OK;
    if (broken("H03.done") && target.empty()) {
        answer(host, op, SYSP_CHECK_PASS, "done");
        return refuse(host, SYSP_E_INVALID, "there is no target");
    }
    if (broken("C07") && !checker.key.empty()) {
        host->log(host, SYSP_LOG_DEBUG, checker.key.data(), checker.key.size());
    }
    if (misbehave(checker, op, word)) return SYSP_OK;
    if (word == "both") return refuse(host, SYSP_E_INVALID, "and refused");
    if (word == "worker" || (word == "pass" && broken("H03"))) return work(checker, op, false);
    if (word == "stuck") return work(checker, op, true);
    if (word == "slow") return wait(checker, op, argument, request->timeout_ms);
    if (word == "error") {
        answer_error(host, op, SYSP_E_OS, "could not look");
        return SYSP_OK;
    }
    const bool flipped =
        (broken("H13") && checker.checks % 4 == 0) || (broken("X01") && in_a_process_of_its_own());
    if (word == "fail" && broken("H05")) {
        answer_error(host, op, SYSP_E_OS, "a failure is no verdict");
        return SYSP_OK;
    }
    std::string text = broken("C06") ? shared_word : checker.word;
    if (broken("H04")) text.assign(5000, 'x');
    answer(host, op, (word == "pass") != flipped ? SYSP_CHECK_PASS : SYSP_CHECK_FAIL, text);
    if (broken("H02") && request->timeout_ms == 1000) answer(host, op, SYSP_CHECK_PASS, "again");
    return SYSP_OK;
}

void SYSP_CALL cancel(void* self, sysp_op op) {
    Checker& checker = *static_cast<Checker*>(self);
    if (op == checker.late) {
        checker.late = 0;
        std::thread([host = checker.host, op] {
            answer(host, op, SYSP_CHECK_PASS, "too late");
            answer(host, op, SYSP_CHECK_PASS, "and once more");
        }).detach();
        return;
    }
    const auto found = checker.pending.find(op);
    if (found == checker.pending.end()) {
        if (broken("H08")) std::abort();
        return;
    }
    checker.io->cancel_timer(checker.host, found->second->timer);
    checker.pending.erase(found);
    constexpr unsigned many = 400;
    if (broken("H09") && checker.checks > many)
        answer_error(checker.host, op, SYSP_E_CANCELLED, "cancelled");
    if (!broken("H07")) answer_error(checker.host, op, SYSP_E_CANCELLED, "cancelled");
}

}  // namespace

const sysp_kind* checker_kind() {
    static const sysp_checker_vtbl table{
        sizeof table, 0, create, destroy, broken("M06") ? nullptr : start, cancel, nullptr};
    descriptor.size = sizeof descriptor;
    descriptor.type = SYSP_KIND_CHECKER;
    descriptor.name = "mock";
    descriptor.summary = "does what its target says";
    descriptor.config_schema =
        broken("C01")
            ? R"({"type": "object", "oneOf": []})"
            : R"({"type": "object", "properties": {"word": {"type": "string", "default": "pass"},
                      "key": {"type": "string", "maxLength": 20, "x-syspulse-secret": true}}})";
    descriptor.vtbl = &table;
    return &descriptor;
}

}  // namespace syspulse::plugins::mock
