// A checker whose answer is its target, through each way that an answer can take.
#include <syspulse/plugin.h>

#include <cstring>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>

namespace {

struct Checker {
    const sysp_host* host = nullptr;
    std::string word;
    sysp_op op = 0;
    std::string how;
};

void answer(const Checker& checker, sysp_op op, std::int32_t outcome) {
    sysp_check_result result{};
    result.size = sizeof result;
    result.outcome = outcome;
    result.message = {checker.word.data(), checker.word.size()};
    checker.host->check_done(checker.host, op, &result, nullptr);
}

void answer_with_metrics(const Checker& checker, sysp_op op) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const sysp_metric metrics[] = {{{"Upper", 5}, 1},   {{nullptr, 9}, 1}, {{"nan", 3}, nan},
                                   {{"a_bytes", 7}, 1}, {{"", 0}, 1},      {{"a_bytes", 7}, 2},
                                   {{"b", 1}, -2.5}};
    sysp_check_result result{};
    result.size = sizeof result;
    result.outcome = SYSP_CHECK_PASS;
    result.metrics = metrics;
    result.metric_count = std::size(metrics);
    checker.host->check_done(checker.host, op, &result, nullptr);
}

void pass_now(void* data) {
    const Checker& checker = *static_cast<const Checker*>(data);
    answer(checker, checker.op, SYSP_CHECK_PASS);
}

// The host of an instance that is gone by the time that another uses it.
const sysp_host* former = nullptr;

void nothing(void*) {}

void log_as(const sysp_host* host, const std::string& line) {
    host->log(host, SYSP_LOG_ERROR, line.data(), line.size());
}

// What each way to be heard gives to one who is late.
void answer_as_former(Checker checker, sysp_op op) {
    log_as(former, "a line of nobody's");
    log_as(checker.host, "a line of its own");
    sysp_check_result result{};
    result.size = sizeof result;
    result.outcome = SYSP_CHECK_FAIL;
    sysp_exit exit{};
    exit.size = sizeof exit;
    std::string statuses;
    for (const sysp_status status :
         {former->post(former, nothing, nullptr), former->run(former, nothing, nullptr),
          former->check_done(former, op, &result, nullptr), former->proc_exited(former, 1, &exit)})
        statuses += std::to_string(status) + " ";
    checker.word = statuses;
    answer(checker, op, SYSP_CHECK_PASS);
}

// Work that may run after destroy() owns what it uses.
void pass_and_delete(void* data) {
    pass_now(data);
    delete static_cast<Checker*>(data);
}

sysp_status create(const sysp_host* host, const sysp_config* config, void** self) {
    auto* const checker = new Checker{host, {}, 0, {}};
    sysp_str word{};
    if (host->cfg_str(config, "/key", &word) == SYSP_OK)
        checker->word.assign(1020, '-').append(word.ptr, word.len);
    if (host->cfg_str(config, "/word", &word) == SYSP_OK)
        checker->word.insert(0, word.ptr, word.len);
    if (checker->word == "bad") {
        delete checker;
        return SYSP_E_CONFIG;
    }
    *self = checker;
    return SYSP_OK;
}

void destroy(void* self) {
    delete static_cast<Checker*>(self);
}

sysp_status start(void* self, sysp_op op, const sysp_check_request* request) {
    Checker& checker = *static_cast<Checker*>(self);
    const sysp_host* const host = checker.host;
    const std::string how = request->target.ptr;
    checker.op = op;
    checker.how = how;
    if (how == "pass") answer(checker, op, SYSP_CHECK_PASS);
    if (how == "fail") answer(checker, op, SYSP_CHECK_FAIL);
    if (how == "unknown") answer(checker, op, 99);
    if (how == "wrong-type") host->stats_done(host, op, nullptr, nullptr);
    if (how == "throw") throw std::runtime_error("on purpose");
    if (how == "twice") {
        answer(checker, op, SYSP_CHECK_PASS);
        answer(checker, op, SYSP_CHECK_FAIL);
    }
    if (how == "both") {
        answer(checker, op, SYSP_CHECK_PASS);
        return SYSP_E_INVALID;
    }
    if (how == "invented") {
        for (const sysp_op nobodys : {sysp_op{0}, op + 1, op + (sysp_op{1} << 32), ~sysp_op{0}}) {
            answer(checker, nobodys, SYSP_CHECK_FAIL);
        }
        answer(checker, op, SYSP_CHECK_PASS);
    }
    if (how == "leave") former = host;
    if (how == "leave") answer(checker, op, SYSP_CHECK_PASS);
    if (how == "former") answer_as_former(checker, op);
    if (how == "metrics") answer_with_metrics(checker, op);
    if (how == "worker") return host->run(host, pass_and_delete, new Checker(checker));
    if (how == "posted") return host->post(host, pass_and_delete, new Checker(checker));
    if (how == "timer") {
        const auto* io = static_cast<const sysp_io*>(host->get_extension(host, SYSP_EXT_IO));
        std::uint64_t id = 0;
        return io->start_timer(host, 1000, pass_now, &checker, &id);
    }
    return SYSP_OK;
}

// The one completion that a cancelled check owes, and then another.
void cancel(void* self, sysp_op op) {
    const Checker& checker = *static_cast<const Checker*>(self);
    if (checker.how != "late") return;
    answer(checker, op, SYSP_CHECK_PASS);
    answer(checker, op, SYSP_CHECK_PASS);
}

constexpr sysp_checker_vtbl table{
    sizeof(sysp_checker_vtbl), 0, create, destroy, start, cancel, nullptr};
constexpr sysp_kind kind{sizeof(sysp_kind),
                         SYSP_KIND_CHECKER,
                         "probe",
                         "Says what it is told",
                         R"({"properties": {"key": {"x-syspulse-secret": true}}})",
                         nullptr,
                         &table,
                         0,
                         0};
constexpr const sysp_kind* kinds[] = {&kind};
constexpr sysp_module module{sizeof(sysp_module),
                             SYSP_MAGIC,
                             SYSP_ABI_MAJOR,
                             SYSP_ABI_MINOR,
                             0,
                             "org.example.fake-checker",
                             "1.0.0",
                             "example",
                             "raw",
                             kinds,
                             1,
                             nullptr};

}  // namespace

extern "C" const sysp_module* SYSP_CALL syspulse_plugin_v1() {
    return &module;
}
