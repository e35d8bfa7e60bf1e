// Which plugin a process is inside of, in memory that may outlive it: whoever comes after a crash
// reads there what was being called. A mark is one relaxed store.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace syspulse {

// Zeros are an empty one. Nothing in it points anywhere.
struct PluginCalls {
    static constexpr std::size_t places = 32;
    static constexpr std::size_t known_plugins = 16;
    static constexpr std::size_t name_bytes = 64;

    // The number of a plugin in the lowest byte and above it the beginning of the function's name;
    // zero: no plugin is being called. The first is the loop's, the others are for workers.
    std::atomic<std::uint64_t> calls[places];
    // Number n is called plugins[n - 1]. A number stays the same plugin's. [loop thread]
    char plugins[known_plugins][name_bytes];
};

// Zero: its calls are not marked, as there are too many plugins or the name is too long.
inline std::uint8_t number_of_plugin(PluginCalls& calls, std::string_view id) {
    if (id.empty() || id.size() >= PluginCalls::name_bytes) return 0;
    for (std::size_t n = 0; n < PluginCalls::known_plugins; ++n) {
        char* const name = calls.plugins[n];
        if (name[0] == '\0') std::copy(id.begin(), id.end(), name);
        if (id == std::string_view(name, strnlen(name, PluginCalls::name_bytes)))
            return static_cast<std::uint8_t>(n + 1);
    }
    return 0;
}

inline std::uint64_t call_mark(std::uint8_t plugin, const char* function) {
    std::uint64_t mark = plugin;
    for (unsigned shift = 8; shift < 64 && *function != '\0'; shift += 8, ++function)
        mark |= static_cast<std::uint64_t>(static_cast<unsigned char>(*function)) << shift;
    return mark;
}

inline std::uint8_t plugin_of_mark(std::uint64_t mark) {
    return static_cast<std::uint8_t>(mark & 0xff);
}

// The name as it was marked, or the one of those that are longer than a mark.
inline std::string function_of_mark(std::uint64_t mark) {
    std::string name;
    for (mark >>= 8; mark != 0; mark >>= 8) name += static_cast<char>(mark & 0xff);
    for (const char* const whole : {"a posted function", "a ready callback", "a timer callback"}) {
        if (name == std::string_view(whole).substr(0, 7)) return whole;
    }
    return name;
}

// For as long as it lives, the loop is inside of the plugin. A call may be made inside of another.
class LoopCall {
  public:
    // Null, or a plugin of number zero: nothing is marked.
    LoopCall(PluginCalls* calls, std::uint8_t plugin, const char* function)
        : place_(calls == nullptr || plugin == 0 ? nullptr : &calls->calls[0]) {
        if (place_ == nullptr) return;
        outer_ = place_->load(std::memory_order_relaxed);
        place_->store(call_mark(plugin, function), std::memory_order_relaxed);
    }
    ~LoopCall() {
        if (place_ != nullptr) place_->store(outer_, std::memory_order_relaxed);
    }
    LoopCall(const LoopCall&) = delete;
    LoopCall& operator=(const LoopCall&) = delete;

  private:
    std::atomic<std::uint64_t>* place_;
    std::uint64_t outer_ = 0;
};

// The same for a worker. When all places are taken, it is not marked.
class WorkerCall {
  public:
    WorkerCall(PluginCalls* calls, std::uint8_t plugin) {
        if (calls == nullptr || plugin == 0) return;
        const std::uint64_t mark = call_mark(plugin, "worker");
        for (std::size_t n = 1; n < PluginCalls::places && place_ == nullptr; ++n) {
            std::uint64_t free = 0;
            if (calls->calls[n].compare_exchange_strong(free, mark, std::memory_order_relaxed))
                place_ = &calls->calls[n];
        }
    }
    ~WorkerCall() {
        if (place_ != nullptr) place_->store(0, std::memory_order_relaxed);
    }
    WorkerCall(const WorkerCall&) = delete;
    WorkerCall& operator=(const WorkerCall&) = delete;

  private:
    std::atomic<std::uint64_t>* place_ = nullptr;
};

}  // namespace syspulse
