// The inside of a plugin host process: carries out what the manager asks for with the same loader,
// host functions and loop that serve plugins inside of the manager.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "platform/clock.hpp"
#include "platform/event_loop.hpp"
#include "platform/helper_process.hpp"
#include "platform/peer_channel.hpp"
#include "plugin_host/host_core.hpp"
#include "plugin_host/isolation/messages.hpp"
#include "plugin_host/module_check.hpp"

namespace syspulse::plugin_host {

// [loop thread]
class HostSession final : private CompletionSink {
  public:
    HostSession(platform::EventLoop& loop, const platform::Clock& clock, CheckedModule module,
                platform::OwnLimits limits, OptionsCompletion complete_options = {});
    ~HostSession() override;

    // Says hello and serves until the manager goes; never returns then, as nothing is left to do.
    Result<void> serve(platform::OwnedHandle channel);

  private:
    struct Served {
        const LoadedKind* kind = nullptr;
        Instance* instance = nullptr;  // Null when it could not be created.
        PluginConfig config;
        std::optional<Error> error;
    };
    struct Process {
        sysp_proc local = 0;
        Served* served = nullptr;
        bool recovered = false;  // By an earlier host; not ours to end when its start fails.
    };
    using Slot = std::function<sysp_status(sysp_op)>;

    void received(std::string_view bytes, std::vector<platform::OwnedHandle> handles);
    void handle(Frame frame);
    void create(const CreateCall& call);
    Result<void> create(const CreateCall& call, Served& made);
    void destroy(std::uint32_t instance);
    void check(std::uint64_t id, const CheckCall& call);
    void spawn(std::uint64_t id, const SpawnCall& call,
               const std::vector<platform::OwnedHandle>& handles);
    void recover(std::uint64_t id, const RecoverCall& call);
    void try_spawn(std::uint64_t id, const SpawnCall& call);
    void plain(FrameType type, std::uint64_t id, const PlainCall& call);
    void extension(std::uint64_t id, const ExtensionCall& call);
    void release(const PlainCall& call);
    void cancel(std::uint64_t id, const PlainCall& call);

    Served* served(std::uint64_t id, std::uint32_t instance);
    Process& process(Served& served, std::uint64_t proc);
    void start(Served& served, OpType type, std::uint64_t id, sysp_proc proc, const char* function,
               const Slot& slot);
    void refuse(std::uint64_t id, OpType type, Error error);

    void completed(Completion& completion) override;
    void operation_ended(Completion& completion);
    void send(const std::string& frame, std::span<const platform::NativeHandle> handles = {});

    platform::EventLoop& loop_;
    CheckedModule module_;
    platform::OwnLimits limits_;
    std::shared_ptr<HostCore> core_;
    std::unique_ptr<platform::PeerChannel> channel_;
    FrameSplitter splitter_;
    std::unordered_map<std::uint32_t, Served> served_;
    std::unordered_map<std::uint64_t, Process> processes_;   // By the manager's name.
    std::unordered_map<std::uint64_t, sysp_op> operations_;  // By the frame's id.
    std::unordered_map<sysp_op, std::uint64_t> names_;       // Of processes being started.
};

}  // namespace syspulse::plugin_host
