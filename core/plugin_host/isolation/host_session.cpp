#include "plugin_host/isolation/host_session.hpp"

#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "plugin_host/isolation/descriptor_text.hpp"
#include "plugin_host/isolation/protocol.hpp"
#include "plugin_host/keep_for_ever.hpp"
#include "plugin_host/plugin_text.hpp"
#include "plugin_host/spawn_arguments.hpp"
#include "plugin_host/try_spawn.hpp"

namespace syspulse::plugin_host {
namespace {

// Blocking checkers of one plugin; more would only wait for the same few targets.
constexpr std::size_t worker_limit = 16;

Error not_created(const std::string& message) {
    return {ErrorCode::invalid_argument, message};
}

// The driver is not asked: of a process that it never heard of it has no name.
Error unknown_process() {
    return {ErrorCode::not_found, "no such process"};
}

}  // namespace

HostSession::HostSession(platform::EventLoop& loop, const platform::Clock& clock,
                         CheckedModule module, platform::OwnLimits limits,
                         OptionsCompletion complete_options)
    : loop_(loop),
      module_(std::move(module)),
      limits_(limits),
      core_(std::make_shared<HostCore>(loop, clock, worker_limit, std::move(complete_options))) {
    keep_for_ever(core_);
}

HostSession::~HostSession() = default;

Result<void> HostSession::serve(platform::OwnedHandle channel) {
    auto opened = platform::open_peer_channel(
        loop_, std::move(channel),
        {[this](std::string_view bytes, std::vector<platform::OwnedHandle> handles) {
             received(bytes, std::move(handles));
         },
         [] { platform::end_process(0); }});
    if (!opened) return opened.error();
    channel_ = std::move(*opened);
    core_->on_misbehaviour([this] {
        send(encode(FrameType::misbehaved, 0, MisbehavedMessage{core_->misbehaviour()}));
    });
    send(encode(FrameType::hello, 0,
                HelloMessage{isolation_protocol, descriptor_text(module_.info)}));
    loop_.run();
    return {};
}

void HostSession::send(const std::string& frame, std::span<const platform::NativeHandle> handles) {
    channel_->send(frame, handles);
}

void HostSession::received(std::string_view bytes, std::vector<platform::OwnedHandle> handles) {
    splitter_.add(bytes, std::move(handles));
    for (;;) {
        auto frame = splitter_.next();
        if (!frame) {
            log::error("the manager sent " + frame.error().message);
            platform::end_process(1);
        }
        if (!*frame) return;
        handle(std::move(**frame));
    }
}

void HostSession::handle(Frame frame) {
    const auto with = [&frame]<class Message>(auto&& use, std::optional<Message> message) {
        if (message) return use(*message);
        log::error("the manager sent a frame of type " +
                   std::to_string(static_cast<int>(frame.type)) + " that cannot be read");
        platform::end_process(1);
    };
    switch (frame.type) {
        case FrameType::create:
            return with([&](const auto& m) { create(m); }, decode<CreateCall>(frame.body));
        case FrameType::check:
            return with([&](const auto& m) { check(frame.id, m); }, decode<CheckCall>(frame.body));
        case FrameType::spawn:
            return with([&](const auto& m) { spawn(frame.id, m, frame.handles); },
                        decode<SpawnCall>(frame.body));
        case FrameType::recover:
            return with([&](const auto& m) { recover(frame.id, m); },
                        decode<RecoverCall>(frame.body));
        case FrameType::try_spawn:
            return with([&](const auto& m) { try_spawn(frame.id, m); },
                        decode<SpawnCall>(frame.body));
        case FrameType::extension:
            return with([&](const auto& m) { extension(frame.id, m); },
                        decode<ExtensionCall>(frame.body));
        case FrameType::destroy:
        case FrameType::signal:
        case FrameType::inspect:
        case FrameType::stats:
        case FrameType::release:
        case FrameType::cancel:
            return with([&](const auto& m) { plain(frame.type, frame.id, m); },
                        decode<PlainCall>(frame.body));
        case FrameType::ping:
            return send(FrameWriter(FrameType::pong, frame.id).take());
        case FrameType::goodbye:
            for (auto& [id, served] : served_) {
                if (served.instance != nullptr) core_->destroy(*served.instance, *served.kind);
            }
            platform::end_process(0);
        case FrameType::hello:
        case FrameType::failed:
        case FrameType::created:
        case FrameType::done:
        case FrameType::exited:
        case FrameType::pong:
        case FrameType::misbehaved:
            break;
    }
    log::error("the manager sent a frame of an unknown type");
    platform::end_process(1);
}

// What operations on an instance that could not be created are told stands in `made`.
Result<void> HostSession::create(const CreateCall& call, Served& made) {
    if (made.kind == nullptr)
        return *(made.error = not_created("the plugin has no \"" + call.kind + "\" any more"));
    // A driver's own options are none of any spec.
    auto config =
        call.driver ? PluginConfig::parse(call.config) : core_->configure(*made.kind, call.config);
    // They were fine for another version of the plugin, and say nothing of the daemon.
    if (!config) return *(made.error = Error{ErrorCode::unavailable, config.error().message});
    made.config = *std::move(config);
    const auto created = core_->make(*made.kind, made.config);
    if (!created) {
        made.error = not_created(created.error().with("cannot set up " + call.kind).message);
        return created.error();
    }
    made.instance = *created;
    return {};
}

void HostSession::create(const CreateCall& call) {
    Served made;
    for (const auto& kind : module_.kinds) {
        const bool driver = kind->info.type == KindType::driver;
        if (driver == call.driver && kind->info.name == call.kind) made.kind = kind.get();
    }
    CreatedMessage answer{call.instance, {}, {}};
    const auto created = create(call, made);
    if (created) answer.extensions = extensions_of(*made.instance, *made.kind);
    if (!created) answer.error = created.error().message;
    served_.insert_or_assign(call.instance, std::move(made));
    send(encode(FrameType::created, 0, answer));
}

void HostSession::destroy(std::uint32_t instance) {
    const auto found = served_.find(instance);
    if (found == served_.end()) return;
    if (found->second.instance != nullptr) {
        core_->destroy(*found->second.instance, *found->second.kind);
    }
    std::erase_if(processes_, [&](const auto& entry) {
        if (entry.second.served != &found->second) return false;
        core_->remove_process(entry.second.local);
        return true;
    });
    served_.erase(found);
}

// The instance that an operation needs, or nothing after having answered why not.
HostSession::Served* HostSession::served(std::uint64_t id, std::uint32_t instance) {
    const auto found = served_.find(instance);
    if (found != served_.end() && found->second.instance != nullptr) return &found->second;
    const bool known = found != served_.end() && found->second.error;
    refuse(id, OpType::plain, known ? *found->second.error : not_created("no such instance"));
    return nullptr;
}

void HostSession::refuse(std::uint64_t id, OpType type, Error error) {
    send(encode(FrameType::done, id, DoneMessage{type, std::move(error), {}}));
}

HostSession::Process& HostSession::process(Served& served, std::uint64_t proc) {
    const auto [found, added] = processes_.try_emplace(proc);
    if (added) {
        found->second.served = &served;
        found->second.local = core_->add_process(*served.instance, this, RunId{proc});
    }
    return found->second;
}

void HostSession::start(Served& served, OpType type, std::uint64_t id, sysp_proc proc,
                        const char* function, const Slot& slot) {
    const sysp_op op = core_->begin(type, *served.instance, this, proc, id);
    if (id != 0) operations_[id] = op;
    const auto accepted = core_->call(*served.instance, function, [&] { return slot(op); });
    if (!accepted) core_->refused(*served.instance, op, accepted.error());
}

void HostSession::check(std::uint64_t id, const CheckCall& call) {
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    if (used->kind->checker.start == nullptr)
        return refuse(id, OpType::check, not_created("no checker"));
    sysp_check_request request{};
    request.size = sizeof request;
    request.timeout_ms = call.timeout_ms;
    request.proc = call.proc;
    request.pid = call.pid;
    request.unit = borrow(call.unit);
    request.target = borrow(call.target);
    start(*used, OpType::check, id, 0, "start", [&](sysp_op op) {
        return used->kind->checker.start(used->instance->self, op, &request);
    });
}

void HostSession::spawn(std::uint64_t id, const SpawnCall& call,
                        const std::vector<platform::OwnedHandle>& handles) {
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    if (used->kind->driver.spawn == nullptr)
        return refuse(id, OpType::spawn, not_created("no driver"));
    const auto config = core_->configure(*used->kind, call.config);
    if (!config) return refuse(id, OpType::spawn, config.error());
    core_->keep_secret(*used->instance, used->kind->info.process_schema, call.config);
    const platform::SpawnRequest request = request_of(call, handles);
    const sysp_proc local = process(*used, call.proc).local;
    const SpawnArguments arguments(request, local, call.limits, config->get());
    limits_.lift();
    start(*used, OpType::spawn, id, local, "spawn", [&](sysp_op op) {
        names_[op] = call.proc;
        return used->kind->driver.spawn(used->instance->self, op, arguments.get());
    });
}

void HostSession::recover(std::uint64_t id, const RecoverCall& call) {
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    if (used->kind->driver.recover == nullptr)
        return refuse(id, OpType::spawn, not_created("no driver"));
    const auto config = core_->configure_leniently(*used->kind, call.config);
    if (!config) return refuse(id, OpType::spawn, config.error());
    core_->keep_secret(*used->instance, used->kind->info.process_schema, call.config);
    sysp_recover_request request{};
    request.size = sizeof request;
    request.flags = call.flags;
    Process& looked_for = process(*used, call.proc);
    looked_for.recovered = true;
    request.proc = looked_for.local;
    request.run_id = borrow(call.run_id);
    request.token = borrow(call.token);
    request.config = config->get();
    limits_.lift();
    start(*used, OpType::spawn, id, request.proc, "recover", [&](sysp_op op) {
        names_[op] = call.proc;
        return used->kind->driver.recover(used->instance->self, op, &request);
    });
}

void HostSession::try_spawn(std::uint64_t id, const SpawnCall& call) {
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    const auto config = core_->configure(*used->kind, call.config);
    if (!config) return refuse(id, OpType::plain, config.error());
    const auto tried = ask_whether(*core_, *used->instance, *used->kind, *config, limits_in(call));
    if (!tried) return refuse(id, OpType::plain, tried.error());
    send(encode(FrameType::done, id, DoneMessage{OpType::plain, std::nullopt, {}}));
}

void HostSession::plain(FrameType type, std::uint64_t id, const PlainCall& call) {
    if (type == FrameType::destroy) return destroy(call.instance);
    if (type == FrameType::release) return release(call);
    if (type == FrameType::cancel) return cancel(id, call);
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    const sysp_driver_vtbl& driver = used->kind->driver;
    void* const self = used->instance->self;
    const auto found = processes_.find(call.proc);
    if (found == processes_.end()) return refuse(id, OpType::plain, unknown_process());
    const sysp_proc local = found->second.local;
    if (type == FrameType::signal && driver.signal != nullptr) {
        return start(*used, OpType::plain, id, local, "signal", [&](sysp_op op) {
            return driver.signal(self, op, local, call.kind, call.number);
        });
    }
    if (type == FrameType::inspect && driver.inspect != nullptr) {
        return start(*used, OpType::plain, id, local, "inspect",
                     [&](sysp_op op) { return driver.inspect(self, op, local); });
    }
    if (type == FrameType::stats && driver.stats != nullptr) {
        return start(*used, OpType::stats, id, local, "stats",
                     [&](sysp_op op) { return driver.stats(self, op, local); });
    }
    refuse(id, OpType::plain, {ErrorCode::unsupported, "the driver cannot do this"});
}

void HostSession::extension(std::uint64_t id, const ExtensionCall& call) {
    Served* const used = served(id, call.instance);
    if (used == nullptr) return;
    const auto found = processes_.find(call.proc);
    if (found == processes_.end()) return refuse(id, OpType::plain, unknown_process());
    const sysp_proc local = found->second.local;
    const ExtensionSlot slot = extension_slot(*used->instance, *used->kind, call);
    if (slot == nullptr)
        return refuse(id, OpType::plain, {ErrorCode::unsupported, "the driver cannot do this"});
    start(*used, OpType::plain, id, local, call.id.c_str(),
          [&](sysp_op op) { return slot(used->instance->self, op, local); });
}

void HostSession::release(const PlainCall& call) {
    const auto found = processes_.find(call.proc);
    if (found == processes_.end()) return;
    const Process ended = found->second;
    processes_.erase(found);
    static_cast<void>(core_->call(*ended.served->instance, "release", [&] {
        ended.served->kind->driver.release(ended.served->instance->self, ended.local);
        return sysp_status{SYSP_OK};
    }));
    core_->remove_process(ended.local);
}

void HostSession::cancel(std::uint64_t id, const PlainCall& call) {
    const auto found = operations_.find(id);
    const auto used = served_.find(call.instance);
    if (found == operations_.end() || used == served_.end()) return;
    const Served& served = used->second;
    const auto slot = served.kind->info.type == KindType::driver ? served.kind->driver.cancel
                                                                 : served.kind->checker.cancel;
    if (slot == nullptr || served.instance == nullptr) return;
    static_cast<void>(core_->call(*served.instance, "cancel", [&] {
        slot(served.instance->self, found->second);
        return sysp_status{SYSP_OK};
    }));
}

void HostSession::completed(Completion& completion) {
    switch (completion.what) {
        case Completion::What::exited:
            return send(
                encode(FrameType::exited, 0,
                       ExitedMessage{completion.user, std::get<ExitStatus>(completion.payload)}));
        case Completion::What::late_spawn:
            for (const auto& [proc, process] : processes_) {
                // The manager ends what it started itself; what was looked for is looked for again.
                if (process.local == completion.proc && process.recovered)
                    return release({0, proc, 0, 0});
            }
            return;
        case Completion::What::operation:
            return operation_ended(completion);
    }
}

void HostSession::operation_ended(Completion& completion) {
    const auto name = names_.extract(completion.op);
    operations_.erase(completion.user);
    DoneMessage message{completion.type, std::move(completion.error), std::move(completion.payload),
                        completion.unconfirmed, completion.killable};
    if (!name) return send(encode(FrameType::done, completion.user, message));
    limits_.restore();
    if (message.error) {
        if (!completion.unconfirmed) {
            core_->remove_process(completion.proc);
            processes_.erase(name.mapped());
        }
        return send(encode(FrameType::done, completion.user, message));
    }
    // While the driver has not collected it, the number cannot be anybody else's.
    const auto& spawned = std::get<platform::SpawnedProcess>(message.payload);
    const auto process = platform::open_process(spawned.pid);
    std::vector<platform::NativeHandle> handles;
    if (process) handles.push_back(process->get());
    if (process && spawned.group) handles.push_back(spawned.group->get());
    send(encode(FrameType::done, completion.user, message, handles.size()), handles);
}

}  // namespace syspulse::plugin_host
