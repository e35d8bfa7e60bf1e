// What travels in the frames between the manager and a plugin host, one struct per kind of frame:
// the calls of the plugin ABI as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/exit_status.hpp"
#include "plugin_host/isolation/frame.hpp"
#include "plugin_host/operation_table.hpp"

namespace syspulse::plugin_host {

struct CreateCall {
    std::uint32_t instance = 0;
    bool driver = false;
    std::string kind;
    std::string config;  // JSON.
};

struct CheckCall {
    std::uint32_t instance = 0;
    std::uint32_t timeout_ms = 0;
    std::uint64_t proc = 0;
    std::int64_t pid = 0;
    std::string unit;
    std::string target;
};

struct SpawnCall {
    std::uint32_t instance = 0;
    std::uint64_t proc = 0;
    std::uint32_t flags = 0;
    std::string run_id;
    std::string unit;
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string cwd;
    std::string user;
    std::string config;
    std::uint32_t limits = 0;  // SYSP_LIMIT_* bits.
    std::uint64_t memory_bytes = 0;
    std::uint64_t open_files = 0;
    std::uint64_t processes = 0;
    std::uint32_t cpu_percent = 0;
    std::uint32_t stdio = 0;  // Bit i: a handle for stdio[i] comes along.
};

struct RecoverCall {
    std::uint32_t instance = 0;
    std::uint64_t proc = 0;
    std::uint32_t flags = 0;
    std::string run_id;
    std::string token;
    std::string config;
};

// signal, inspect, stats, release, cancel, destroy; what a call does not need is zero.
struct PlainCall {
    std::uint32_t instance = 0;
    std::uint64_t proc = 0;
    std::int32_t kind = 0;
    std::int32_t number = 0;
};

// A driver's extension that takes a process and is answered by op_done.
struct ExtensionCall {
    std::uint32_t instance = 0;
    std::uint64_t proc = 0;
    std::string id;
    std::uint32_t function = 0;  // Its place in the extension's table.
};

struct HelloMessage {
    std::uint32_t protocol = 0;
    std::string descriptor;  // JSON, see descriptor_text.hpp.
};

struct FailedMessage {
    std::string message;
};

struct CreatedMessage {
    std::uint32_t instance = 0;
    std::string error;  // Empty when it was created.
    std::vector<std::string> extensions;
};

struct DoneMessage {
    OpType type = OpType::plain;
    std::optional<Error> error;
    decltype(Completion::payload) payload;
    bool unconfirmed = false;  // With an error, as in Completion; the next one, too.
    bool killable = false;
};

struct ExitedMessage {
    std::uint64_t proc = 0;
    ExitStatus status;
};

// All that was counted in the process so far.
struct MisbehavedMessage {
    model::Misbehaviour counts;
};

// The frame with `handles` announced.
template <class Message>
std::string encode(FrameType type, std::uint64_t id, const Message& message,
                   std::size_t handles = 0);

// Nothing when the body is not exactly such a message.
template <class Message>
std::optional<Message> decode(std::string_view body);

}  // namespace syspulse::plugin_host
