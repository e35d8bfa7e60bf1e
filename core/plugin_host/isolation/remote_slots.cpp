#include "plugin_host/isolation/remote_slots.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "plugin_host/isolation/protocol.hpp"
#include "plugin_host/isolation/remote_plugin.hpp"
#include "plugin_host/plugin_config.hpp"

namespace syspulse::plugin_host {
namespace {

RemoteInstance& instance_of(void* self) {
    return *static_cast<RemoteInstance*>(self);
}

std::string text_of(const sysp_str& text) {
    return text.ptr == nullptr ? std::string() : std::string(text.ptr, text.len);
}

std::vector<std::string> texts_of(const sysp_str* texts, std::size_t count) {
    std::vector<std::string> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) all.push_back(text_of(texts[i]));
    return all;
}

void SYSP_CALL destroy(void* self) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->destroy(instance);
}

sysp_status SYSP_CALL start_check(void* self, sysp_op op, const sysp_check_request* request) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->check(instance, op,
                           {instance.id, request->timeout_ms, request->proc, request->pid,
                            text_of(request->unit), text_of(request->target)});
    return SYSP_OK;
}

void SYSP_CALL cancel(void* self, sysp_op op) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->cancel(instance, op);
}

sysp_status SYSP_CALL spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
    RemoteInstance& instance = instance_of(self);
    SpawnCall call;
    call.instance = instance.id;
    call.proc = request->proc;
    call.flags = request->flags;
    call.run_id = text_of(request->run_id);
    call.unit = text_of(request->unit);
    call.argv = texts_of(request->argv, request->argc);
    call.env = texts_of(request->env, request->envc);
    call.cwd = text_of(request->cwd);
    call.user = text_of(request->user);
    call.config = config_text(request->config);
    call.limits = request->limits->valid;
    call.memory_bytes = request->limits->memory_bytes;
    call.open_files = request->limits->open_files;
    call.processes = request->limits->processes;
    call.cpu_percent = request->limits->cpu_percent;
    std::vector<platform::NativeHandle> handles;
    for (unsigned i = 0; i < std::size(request->stdio); ++i) {
        if (request->stdio[i] == platform::no_handle) continue;
        call.stdio |= 1U << i;
        handles.push_back(request->stdio[i]);
    }
    instance.plugin->spawn(instance, op, call, handles);
    return SYSP_OK;
}

sysp_status SYSP_CALL recover(void* self, sysp_op op, const sysp_recover_request* request) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->recover(instance, op,
                             {instance.id, request->proc, request->flags, text_of(request->run_id),
                              text_of(request->token), config_text(request->config)});
    return SYSP_OK;
}

sysp_status SYSP_CALL signal(void* self, sysp_op op, sysp_proc proc, std::int32_t kind,
                             std::int32_t number) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->signal(instance, op, {instance.id, proc, kind, number});
    return SYSP_OK;
}

sysp_status SYSP_CALL inspect(void* self, sysp_op op, sysp_proc proc) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->ask(instance, op, FrameType::inspect, {instance.id, proc, 0, 0});
    return SYSP_OK;
}

sysp_status SYSP_CALL stats(void* self, sysp_op op, sysp_proc proc) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->ask(instance, op, FrameType::stats, {instance.id, proc, 0, 0});
    return SYSP_OK;
}

void SYSP_CALL release(void* self, sysp_proc proc) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->release(instance, proc);
}

void ask_freeze(void* self, sysp_op op, sysp_proc proc, FreezeFunction function) {
    RemoteInstance& instance = instance_of(self);
    instance.plugin->extension(
        instance, op, {instance.id, proc, SYSP_EXT_FREEZE, static_cast<std::uint32_t>(function)});
}

sysp_status SYSP_CALL freeze(void* self, sysp_op op, sysp_proc proc) {
    ask_freeze(self, op, proc, FreezeFunction::freeze);
    return SYSP_OK;
}

sysp_status SYSP_CALL thaw(void* self, sysp_op op, sysp_proc proc) {
    ask_freeze(self, op, proc, FreezeFunction::thaw);
    return SYSP_OK;
}

constexpr sysp_freeze freeze_table{sizeof(sysp_freeze), 0, freeze, thaw};

// As long as the process has not said what the plugin offers, everything is assumed: a call that
// turns out to be impossible is refused over there.
const void* SYSP_CALL get_extension(void* self, const char* id) {
    const RemoteInstance& instance = instance_of(self);
    const auto& offered = instance.extensions;
    if (id == nullptr || std::string_view(id) != SYSP_EXT_FREEZE) return nullptr;
    const bool refused = instance.known && std::ranges::find(offered, id) == offered.end();
    return refused ? nullptr : &freeze_table;
}

}  // namespace

void provide_remote_slots(LoadedKind& kind) {
    // There is no create: HostCore asks the RemotePlugin, which needs to know the kind.
    if (kind.info.type == KindType::checker) {
        kind.checker = {sizeof kind.checker, 0, nullptr, destroy, start_check, cancel, nullptr};
        return;
    }
    kind.driver = {sizeof kind.driver,
                   0,
                   nullptr,
                   destroy,
                   spawn,
                   recover,
                   signal,
                   inspect,
                   stats,
                   release,
                   cancel,
                   get_extension};
}

}  // namespace syspulse::plugin_host
