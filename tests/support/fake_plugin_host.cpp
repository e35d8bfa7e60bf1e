#include "support/fake_plugin_host.hpp"

#include <algorithm>
#include <cstring>

#include "support/host_system.hpp"

namespace syspulse::testing {
namespace {

// A run id is unique for ever, over all hosts of this process too.
std::string unused_run_id() {
    static std::uint64_t last = 0;
    return "run-" + std::to_string(own_pid()) + '.' + std::to_string(++last);
}

constexpr std::uint64_t patience_ns = 60'000'000'000;
std::uint64_t now_ns() {
    return monotonic_ns();
}

sysp_str view(const std::string& text) {
    return {text.c_str(), text.size()};
}
std::string text(sysp_str value) {
    return value.ptr ? std::string(value.ptr, value.len) : "";
}
std::vector<sysp_str> views(const std::vector<std::string>& strings) {
    std::vector<sysp_str> result;
    for (const auto& s : strings) result.push_back(view(s));
    return result;
}

const Options& options_of(const sysp_config* config) {
    return *reinterpret_cast<const Options*>(config);
}

const std::string* lookup(const sysp_config* config, const char* path) {
    const auto found = options_of(config).find(path);
    return found == options_of(config).end() ? nullptr : &found->second;
}

sysp_status cfg_str(const sysp_config* config, const char* path, sysp_str* out) {
    const auto* value = lookup(config, path);
    if (value == nullptr) return SYSP_E_NOT_FOUND;
    *out = view(*value);
    return SYSP_OK;
}

sysp_status cfg_i64(const sysp_config* config, const char* path, std::int64_t* out) {
    const auto* value = lookup(config, path);
    if (value == nullptr) return SYSP_E_NOT_FOUND;
    *out = std::stoll(*value);
    return SYSP_OK;
}

sysp_status cfg_f64(const sysp_config* config, const char* path, double* out) {
    const auto* value = lookup(config, path);
    if (value == nullptr) return SYSP_E_NOT_FOUND;
    *out = std::stod(*value);
    return SYSP_OK;
}

sysp_status cfg_bool(const sysp_config* config, const char* path, std::int32_t* out) {
    const auto* value = lookup(config, path);
    if (value == nullptr) return SYSP_E_NOT_FOUND;
    *out = *value == "true";
    return SYSP_OK;
}

sysp_status cfg_count(const sysp_config* config, const char* path, std::size_t* out) {
    const auto* value = lookup(config, path);
    if (value == nullptr || value->empty() || value->front() != '#') return SYSP_E_NOT_FOUND;
    *out = std::stoul(value->substr(1));
    return SYSP_OK;
}

}  // namespace

struct FakePluginHost::Slots {
    static FakePluginHost& of(const sysp_host* host) {
        return *static_cast<FakePluginHost*>(host->impl);
    }
    static const void* get_extension(const sysp_host* host, const char* id) {
        return std::strcmp(id, SYSP_EXT_IO) == 0 ? &of(host).io_ : nullptr;
    }
    static void set_error(const sysp_host* host, const sysp_error* error) {
        Done& rejection = of(host).rejection_;
        rejection = {};
        rejection.status = error->code;
        rejection.os_code = error->os_code;
        rejection.message = text(error->message);
    }
    static sysp_status run(const sysp_host* host, void (*fn)(void*), void* context) {
        of(host).run_on_worker(fn, context);
        return SYSP_OK;
    }
    static sysp_status post(const sysp_host* host, void (*fn)(void*), void* context) {
        const std::lock_guard lock{of(host).mutex_};
        of(host).posted_.emplace_back(fn, context);
        return SYSP_OK;
    }
    static sysp_status op_done(const sysp_host* host, sysp_op op, const sysp_error* error) {
        of(host).complete(op, {}, error);
        return SYSP_OK;
    }
    static sysp_status check_done(const sysp_host* host, sysp_op op,
                                  const sysp_check_result* result, const sysp_error* error) {
        Done done;
        if (result != nullptr) {
            done.outcome = result->outcome;
            done.message = text(result->message);
        }
        of(host).complete(op, done, error);
        return SYSP_OK;
    }
    static sysp_status spawn_done(const sysp_host* host, sysp_op op,
                                  const sysp_spawn_result* result, const sysp_error* error) {
        Done done;
        if (result != nullptr) {
            done.pid = result->pid;
            done.token = text(result->token);
            done.flags = result->flags;
        }
        of(host).beginning_.erase(op);
        of(host).complete(op, done, error);
        return SYSP_OK;
    }
    static sysp_status stats_done(const sysp_host* host, sysp_op op, const sysp_stats* result,
                                  const sysp_error* error) {
        Done done;
        if (result != nullptr) done.stats = *result;
        of(host).complete(op, done, error);
        return SYSP_OK;
    }
    static sysp_status proc_exited(const sysp_host* host, sysp_proc proc, const sysp_exit* exit) {
        of(host).exits_[proc] = *exit;
        if (of(host).serving_watch_) of(host).told_by_watch_.insert(proc);
        for (const auto& [op, begun] : of(host).beginning_)
            if (begun == proc) of(host).told_before_start_.insert(proc);
        return SYSP_OK;
    }
    static sysp_status watch(const sysp_host* host, sysp_handle handle, std::uint32_t interest,
                             void (*ready)(void*, std::uint32_t), void* context,
                             std::uint64_t* id) {
        const auto& watches = of(host).watches_;
        const bool watched = std::any_of(watches.begin(), watches.end(), [&](const auto& known) {
            return known.second.handle == handle;
        });
        if (watched || of(host).watches_refused_) return SYSP_E_OS;
        *id = of(host).next_id_++;
        of(host).watches_[*id] = {handle, interest, ready, context};
        return SYSP_OK;
    }
    static sysp_status rewatch(const sysp_host* host, std::uint64_t id, std::uint32_t interest) {
        of(host).watches_.at(id).interest = interest;
        return SYSP_OK;
    }
    static void unwatch(const sysp_host* host, std::uint64_t id) { of(host).watches_.erase(id); }
    static sysp_status start_timer(const sysp_host* host, std::uint64_t delay_ns,
                                   void (*due)(void*), void* context, std::uint64_t* id) {
        *id = of(host).next_id_++;
        of(host).timers_[*id] = {testing::now_ns() + delay_ns, delay_ns, due, context};
        return SYSP_OK;
    }
    static void cancel_timer(const sysp_host* host, std::uint64_t id) {
        of(host).timers_.erase(id);
    }
    static std::uint64_t now_ns(const sysp_host*) { return testing::now_ns(); }
};

FakePluginHost::FakePluginHost(const std::string& file, const Options& options)
    : options_(options) {
    kind_ = load_plugin(file)->kinds[0];
    host_ = {sizeof host_,
             SYSP_ABI_MAJOR,
             SYSP_ABI_MINOR,
             this,
             Slots::get_extension,
             note_line,
             Slots::set_error,
             Slots::run,
             Slots::post,
             Slots::op_done,
             Slots::check_done,
             Slots::spawn_done,
             Slots::stats_done,
             Slots::proc_exited,
             cfg_str,
             cfg_i64,
             cfg_f64,
             cfg_bool,
             cfg_count,
             cfg_str};
    io_ = {sizeof io_,          0,
           Slots::watch,        Slots::rewatch,
           Slots::unwatch,      Slots::start_timer,
           Slots::cancel_timer, Slots::now_ns};
    create();
}

FakePluginHost::~FakePluginHost() {
    // The same slot in both tables.
    if (self_ != nullptr) vtbl<sysp_checker_vtbl>().destroy(self_);
    join_workers();
    run_posted();
}

void FakePluginHost::create() {
    self_ = nullptr;
    const auto* config = reinterpret_cast<const sysp_config*>(&options_);
    create_status_ = vtbl<sysp_checker_vtbl>().create(&host_, config, &self_);
}

void FakePluginHost::recreate() {
    vtbl<sysp_checker_vtbl>().destroy(self_);
    create();
}

void FakePluginHost::complete(sysp_op op, Done done, const sysp_error* error) {
    if (error != nullptr) {
        done.status = error->code;
        done.os_code = error->os_code;
        done.message = text(error->message);
    }
    const std::lock_guard lock{mutex_};
    done_[op].push_back(done);
}

std::optional<Done> FakePluginHost::result(sysp_op op) {
    const std::lock_guard lock{mutex_};
    const auto found = done_.find(op);
    if (found == done_.end()) return std::nullopt;
    return found->second.front();
}

int FakePluginHost::completions(sysp_op op) {
    const std::lock_guard lock{mutex_};
    return static_cast<int>(done_[op].size());
}

void FakePluginHost::run_due_timers() {
    if (timers_held_) return;
    for (bool ran = true; ran;) {
        ran = false;
        for (const auto& [id, timer] : timers_) {
            if (timer.due_ns > now_ns()) continue;
            const Timer due = timer;
            timers_.erase(id);
            due.due(due.context);
            ran = true;
            break;
        }
    }
}

void FakePluginHost::run_posted() {
    std::vector<std::pair<void (*)(void*), void*>> posted;
    {
        const std::lock_guard lock{mutex_};
        posted.swap(posted_);
    }
    for (const auto& [fn, context] : posted) fn(context);
}

void FakePluginHost::turn() {
    std::vector<Polled> handles;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, watch] : watches_) {
        handles.push_back({watch.handle, watch.interest});
        ids.push_back(id);
    }
    // Short, because posted work has no descriptor to wake us.
    poll_handles(handles, timer_is_near(now_ns()) ? 0 : longest_wait_ms);
    for (std::size_t i = 0; i < handles.size(); ++i) {
        const auto found = watches_.find(ids[i]);
        if (handles[i].ready == 0 || found == watches_.end()) continue;
        serving_watch_ = true;
        found->second.ready(found->second.context, handles[i].ready);
        serving_watch_ = false;
    }
    run_due_timers();
    run_posted();
}

bool FakePluginHost::run_until(const std::function<bool()>& condition) {
    const auto end = now_ns() + patience_ns;
    while (!condition()) {
        if (now_ns() > end) return false;
        turn();
    }
    return true;
}

Done FakePluginHost::finish(sysp_op op, sysp_status accepted) {
    if (accepted != SYSP_OK) {
        rejection_.status = accepted;
        return rejection_;
    }
    Done never;
    never.status = SYSP_E_TIMEOUT;
    if (!run_until([&] { return result(op).has_value(); })) return never;
    return *result(op);
}

sysp_op FakePluginHost::start_check(const std::string& target, std::uint32_t timeout_ms) {
    sysp_check_request request{};
    request.size = sizeof request;
    request.timeout_ms = timeout_ms;
    request.proc = 7;
    request.pid = 4711;
    request.unit = {"web", 3};
    request.target = view(target);
    const sysp_op op = next_id_++;
    const auto status = vtbl<sysp_checker_vtbl>().start(self_, op, &request);
    if (status != SYSP_OK) {
        rejection_.status = status;
        const std::lock_guard lock{mutex_};
        done_[op].push_back(rejection_);
    }
    return op;
}

Done FakePluginHost::check(const std::string& target, std::uint32_t timeout_ms) {
    return finish(start_check(target, timeout_ms), SYSP_OK);
}

void FakePluginHost::cancel_check(sysp_op op) {
    vtbl<sysp_checker_vtbl>().cancel(self_, op);
}

Done FakePluginHost::spawn(sysp_proc proc, const Spawn& spawn) {
    const sysp_op op = begin_spawn(proc, spawn);
    Done done = op == 0 ? rejection_ : finish(op, SYSP_OK);
    if (done.status == SYSP_OK) started_.push_back(done);
    return done;
}

sysp_op FakePluginHost::begin_spawn(sysp_proc proc, const Spawn& spawn) {
    const auto argv = views(spawn.argv);
    const auto env = views(spawn.env);
    sysp_limits limits = spawn.limits;
    limits.size = sizeof limits;
    sysp_spawn_request request{};
    request.size = sizeof request;
    request.proc = proc;
    const std::string run_id = spawn.run_id.empty() ? unused_run_id() : spawn.run_id;
    request.run_id = view(run_id);
    request.unit = {"web", 3};
    request.argv = argv.data();
    request.argc = argv.size();
    request.env = env.data();
    request.envc = env.size();
    request.cwd = view(spawn.cwd);
    request.user = view(spawn.user);
    std::copy_n(spawn.stdio, 3, request.stdio);
    request.config = reinterpret_cast<const sysp_config*>(&process_options);
    request.limits = &limits;
    request.pid_slot = spawn.pid_slot;
    const sysp_op op = next_id_++;
    beginning_[op] = proc;
    rejection_.status = vtbl<sysp_driver_vtbl>().spawn(self_, op, &request);
    if (rejection_.status == SYSP_OK) return op;
    beginning_.erase(op);
    return 0;
}

Done FakePluginHost::recover(sysp_proc proc, const std::string& run_id, const std::string& token) {
    sysp_recover_request request{};
    request.size = sizeof request;
    request.proc = proc;
    request.run_id = view(run_id);
    request.token = view(token);
    request.config = reinterpret_cast<const sysp_config*>(&process_options);
    const sysp_op op = next_id_++;
    return finish(op, vtbl<sysp_driver_vtbl>().recover(self_, op, &request));
}

Done FakePluginHost::signal(sysp_proc proc, std::int32_t sig, std::int32_t os_sig) {
    const sysp_op op = next_id_++;
    return finish(op, vtbl<sysp_driver_vtbl>().signal(self_, op, proc, sig, os_sig));
}

Done FakePluginHost::inspect(sysp_proc proc) {
    const sysp_op op = next_id_++;
    return finish(op, vtbl<sysp_driver_vtbl>().inspect(self_, op, proc));
}

Done FakePluginHost::stats(sysp_proc proc) {
    const sysp_op op = next_id_++;
    return finish(op, vtbl<sysp_driver_vtbl>().stats(self_, op, proc));
}

std::optional<sysp_exit> FakePluginHost::wait_exit(sysp_proc proc) {
    if (!run_until([&] { return exits_.count(proc) != 0; })) return std::nullopt;
    return exits_[proc];
}

}  // namespace syspulse::testing
