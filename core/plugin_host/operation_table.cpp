#include "plugin_host/operation_table.hpp"

#include <utility>

#include "platform/this_process.hpp"

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t token_limit = 4096;

// An id is the generation in the upper and the place in the lower half; generations begin at one,
// so that no id is zero.
std::uint64_t make_id(std::uint32_t generation, std::uint32_t place) {
    return (std::uint64_t{generation} << 32) | place;
}
std::uint32_t place_of(std::uint64_t id) {
    return static_cast<std::uint32_t>(id);
}
std::uint32_t generation_of(std::uint64_t id) {
    return static_cast<std::uint32_t>(id >> 32);
}

template <class Slot>
std::uint32_t take_place(std::vector<Slot>& slots, std::vector<std::uint32_t>& free) {
    std::uint32_t place = 0;
    if (free.empty()) {
        place = static_cast<std::uint32_t>(slots.size());
        slots.emplace_back();
    } else {
        place = free.back();
        free.pop_back();
    }
    ++slots[place].generation;
    return place;
}

// Why a spawn's result cannot be true.
std::optional<Error> refuse(const platform::SpawnedProcess& process) {
    if (!may_be_a_daemon(process.pid)) {
        return Error{ErrorCode::internal,
                     "the driver reported process " + std::to_string(process.pid)};
    }
    if (process.token.empty() || process.token.size() > token_limit) {
        return Error{ErrorCode::internal, "the driver reported a token of " +
                                              std::to_string(process.token.size()) +
                                              " bytes, expected 1 to 4096"};
    }
    return std::nullopt;
}

}  // namespace

bool may_be_a_daemon(std::int64_t pid) {
    return pid > 1 && pid != platform::process_id();
}

const OperationTable::Operation* OperationTable::find(sysp_op op) const {
    const std::uint32_t place = place_of(op);
    if (place >= operations_.size()) return nullptr;
    const Operation& found = operations_[place];
    return found.used && found.generation == generation_of(op) ? &found : nullptr;
}

OperationTable::Operation* OperationTable::find(sysp_op op) {
    return const_cast<Operation*>(std::as_const(*this).find(op));
}

const OperationTable::Process* OperationTable::find_process(sysp_proc proc) const {
    const std::uint32_t place = place_of(proc);
    if (place >= processes_.size()) return nullptr;
    const Process& found = processes_[place];
    const bool live = found.state != Process::State::free;
    return live && found.generation == generation_of(proc) ? &found : nullptr;
}

OperationTable::Process* OperationTable::find_process(sysp_proc proc) {
    return const_cast<Process*>(std::as_const(*this).find_process(proc));
}

sysp_op OperationTable::begin(OpType type, const Instance* instance, CompletionSink* sink,
                              sysp_proc proc, std::uint64_t user) {
    const std::uint32_t place = take_place(operations_, free_operations_);
    Operation& made = operations_[place];
    made = {made.generation, type, true, false, instance, sink, proc, user};
    return make_id(made.generation, place);
}

void OperationTable::retire(sysp_op op) {
    operations_[place_of(op)].used = false;
    free_operations_.push_back(place_of(op));
}

bool OperationTable::waiting(sysp_op op) const {
    const Operation* const found = find(op);
    return found != nullptr && !found->given_up;
}

bool OperationTable::owed(sysp_op op) const {
    const Operation* const found = find(op);
    return found != nullptr && found->given_up;
}

bool OperationTable::give_up(sysp_op op) {
    Operation* const found = find(op);
    if (found == nullptr || found->given_up) return false;
    found->given_up = true;
    return true;
}

void OperationTable::drop_operations_of(const Instance* instance) {
    for (std::uint32_t place = 0; place < operations_.size(); ++place) {
        Operation& operation = operations_[place];
        if (operation.used && operation.instance == instance) {
            retire(make_id(operation.generation, place));
        }
    }
}

sysp_proc OperationTable::add_process(const Instance* instance, CompletionSink* sink, RunId run) {
    const std::uint32_t place = take_place(processes_, free_processes_);
    Process& made = processes_[place];
    made = {made.generation, Process::State::spawning, instance, sink, run, 0, std::nullopt};
    return make_id(made.generation, place);
}

void OperationTable::remove_process(sysp_proc proc) {
    Process* const found = find_process(proc);
    if (found == nullptr) return;
    pids_.erase(found->pid);
    found->state = Process::State::free;
    free_processes_.push_back(place_of(proc));
}

bool OperationTable::has_exited(sysp_proc proc) const {
    const Process* const found = find_process(proc);
    return found != nullptr && found->state == Process::State::exited;
}

bool OperationTable::mark_exited(sysp_proc proc) {
    Process* const found = find_process(proc);
    if (found == nullptr || found->state != Process::State::running) return false;
    found->state = Process::State::exited;
    return true;
}

sysp_status OperationTable::complete(const Instance* instance, sysp_op op, OpType type,
                                     Completion answer) {
    Operation* const found = find(op);
    if (found == nullptr || found->instance != instance) {
        ++counters_.stale;
        return SYSP_E_STALE;
    }
    if (found->given_up) {
        if (found->type == OpType::spawn) answered_late(*found, answer);
        retire(op);
        return SYSP_E_STALE;
    }
    if (found->type != type) {
        ++counters_.wrong_type;
        answer.error = Error{ErrorCode::internal,
                             "the plugin completed it with the function of another operation"};
        finish(op, std::move(answer));
        return SYSP_E_INVALID;
    }
    finish(op, std::move(answer));
    return SYSP_OK;
}

// A process that came up is cleaned up with the driver's help, unless its number cannot be true.
void OperationTable::answered_late(const Operation& operation, Completion& answer) {
    const auto* const process = std::get_if<platform::SpawnedProcess>(&answer.payload);
    if (!answer.error && process != nullptr && !may_be_a_daemon(process->pid)) {
        ++counters_.rejected;
        answer.error = refuse(*process);
        answer.unconfirmed = true;
    }
    if (answer.killable) answer.error.reset();
    push_late(operation.sink, operation.proc, std::move(answer));
}

void OperationTable::settle(sysp_op op, std::optional<Error> error, Instant at) {
    if (!waiting(op)) return;
    Completion answer;
    answer.error = std::move(error);
    answer.at = at;
    finish(op, std::move(answer));
}

void OperationTable::finish(sysp_op op, Completion answer) {
    const Operation operation = *find(op);
    retire(op);
    answer.what = Completion::What::operation;
    answer.type = operation.type;
    answer.sink = operation.sink;
    answer.op = op;
    answer.proc = operation.proc;
    answer.user = operation.user;
    if (operation.type == OpType::spawn && !answer.error) {
        spawned(operation.proc, answer);
    } else {
        const bool leaves = operation.type == OpType::spawn && answer.killable;
        inbox_.push_back(std::move(answer));
        if (leaves) push_late(operation.sink, operation.proc);
    }
}

void OperationTable::push_late(CompletionSink* sink, sysp_proc proc, Completion late) {
    late.what = Completion::What::late_spawn;
    late.sink = sink;
    late.proc = proc;
    inbox_.push_back(std::move(late));
}

void OperationTable::spawned(sysp_proc proc, Completion& answer) {
    const auto& result = std::get<platform::SpawnedProcess>(answer.payload);
    const Instant at = answer.at;
    if (auto refused = refuse(result)) {
        ++counters_.rejected;
        answer.error = std::move(refused);
        CompletionSink* const sink = answer.sink;
        answer.unconfirmed = true;
        // A driver that takes 1 for the number of a process and ends its group ends everybody's.
        const bool killable = may_be_a_daemon(result.pid);
        answer.killable = killable;
        inbox_.push_back(std::move(answer));
        if (killable) push_late(sink, proc);
        return;
    }
    Process* const process = find_process(proc);
    if (process != nullptr) {
        process->state = Process::State::running;
        process->pid = result.pid;
        pids_.insert(result.pid);
    }
    inbox_.push_back(std::move(answer));
    if (process == nullptr || !process->parked) return;
    process->state = Process::State::exited;
    push_exit(proc, *process, *process->parked, at);
}

void OperationTable::push_exit(sysp_proc proc, const Process& process, const ExitStatus& status,
                               Instant at) {
    Completion exit;
    exit.what = Completion::What::exited;
    exit.sink = process.sink;
    exit.proc = proc;
    exit.user = process.run.value;
    exit.payload = status;
    exit.at = at;
    inbox_.push_back(std::move(exit));
}

sysp_status OperationTable::process_exited(const Instance* instance, sysp_proc proc,
                                           const ExitStatus& status, Instant at) {
    Process* const found = find_process(proc);
    if (found == nullptr) {
        ++counters_.stale;
        return SYSP_E_STALE;
    }
    if (found->instance != instance) {
        ++counters_.rejected;
        return SYSP_E_INVALID;
    }
    switch (found->state) {
        case Process::State::spawning:
            if (!found->parked) found->parked = status;
            break;
        case Process::State::running:
            found->state = Process::State::exited;
            push_exit(proc, *found, status, at);
            break;
        case Process::State::exited:
        case Process::State::free:
            break;
    }
    return SYSP_OK;
}

}  // namespace syspulse::plugin_host
