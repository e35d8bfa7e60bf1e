#include "plugin_host/isolation/host_main.hpp"

#include <iostream>
#include <utility>

#include "plugin_host/isolation/descriptor_text.hpp"
#include "plugin_host/isolation/host_arguments.hpp"
#include "plugin_host/isolation/host_session.hpp"
#include "plugin_host/isolation/protocol.hpp"
#include "plugin_host/module_loader.hpp"

namespace syspulse::plugin_host {
namespace {

// The sanitizers map far more memory than any limit that makes sense without them. Compilers tell
// of them in one way or the other.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SYSPULSE_MAPS_SHADOW_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SYSPULSE_MAPS_SHADOW_MEMORY 1
#endif
#ifdef SYSPULSE_MAPS_SHADOW_MEMORY
constexpr bool memory_can_be_limited = false;
#else
constexpr bool memory_can_be_limited = true;
#endif

constexpr Duration tell_limit = std::chrono::seconds{10};

Result<CheckedModule> load(const std::filesystem::path& file) {
    const auto module = load_module(file);
    if (!module) return module.error();
    return check_module(*module, {});
}

int fail(const platform::OwnedHandle& channel, const Error& error) {
    static_cast<void>(platform::write_all(
        channel.get(), encode(FrameType::failed, 0, FailedMessage{error.message}), tell_limit));
    return 1;
}

// Ends without exit handlers: those of the plugin are none of the scan's business.
int scan(const HostArguments& arguments) {
    const platform::OwnedHandle channel = platform::helper_channel();
    platform::end_with_parent();
    const auto module = load(arguments.plugin);
    if (!module) platform::end_process(fail(channel, module.error()));
    const auto told =
        platform::write_all(channel.get(),
                            encode(FrameType::hello, 0,
                                   HelloMessage{isolation_protocol, descriptor_text(module->info)}),
                            tell_limit);
    platform::end_process(told ? 0 : 1);
}

int serve(const HostArguments& arguments, OptionsCompletion complete_options) {
    platform::OwnedHandle channel = platform::helper_channel();
    const IsolationPolicy& policy = arguments.policy;
    if (const auto became = platform::become(policy.user, policy.group); !became) {
        return fail(channel, became.error());
    }
    // After the change of the user, which would undo it.
    platform::end_with_parent();
    const platform::OwnLimits limits(
        memory_can_be_limited ? std::optional(policy.max_memory_bytes) : std::nullopt,
        policy.max_open_files);
    auto module = load(arguments.plugin);
    if (!module) return fail(channel, module.error());
    const auto clock = platform::make_system_clock();
    const auto loop = platform::make_event_loop(*clock);
    if (!loop) return fail(channel, loop.error());
    HostSession session(**loop, *clock, *std::move(module), limits, std::move(complete_options));
    const auto served = session.serve(std::move(channel));
    return served ? 0 : 1;
}

}  // namespace

bool is_plugin_host(const std::vector<std::string>& arguments) {
    return !arguments.empty() && arguments.front() == host_program_name;
}

int run_plugin_host(const std::vector<std::string>& arguments, OptionsCompletion complete_options) {
    const auto parsed = parse_host_arguments(arguments);
    if (!parsed) {
        std::cerr << host_program_name << ": only the manager starts this program\n";
        return 2;
    }
    return parsed->scan ? scan(*parsed) : serve(*parsed, std::move(complete_options));
}

}  // namespace syspulse::plugin_host
