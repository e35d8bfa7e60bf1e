// What the manager and a plugin host read from each other: the stream of frames, every message in
// them, and a plugin's descriptor. The first byte says how the rest is broken into pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "plugin_host/isolation/descriptor_text.hpp"
#include "plugin_host/isolation/messages.hpp"

using namespace syspulse::plugin_host;

namespace {

void decode_as_anything(std::string_view body) {
    static_cast<void>(decode<CreateCall>(body));
    static_cast<void>(decode<CheckCall>(body));
    static_cast<void>(decode<SpawnCall>(body));
    static_cast<void>(decode<RecoverCall>(body));
    static_cast<void>(decode<PlainCall>(body));
    static_cast<void>(decode<ExtensionCall>(body));
    static_cast<void>(decode<FailedMessage>(body));
    static_cast<void>(decode<CreatedMessage>(body));
    static_cast<void>(decode<DoneMessage>(body));
    static_cast<void>(decode<ExitedMessage>(body));
    static_cast<void>(decode<MisbehavedMessage>(body));
    if (const auto hello = decode<HelloMessage>(body)) {
        const auto info = parse_descriptor(hello->descriptor, {});
        // What is taken must be able to travel again.
        if (info && !parse_descriptor(descriptor_text(*info), {})) __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0];
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    decode_as_anything(rest);
    FrameSplitter splitter;
    while (!rest.empty()) {
        splitter.add(rest.substr(0, piece), {});
        rest.remove_prefix(std::min(piece, rest.size()));
        for (;;) {
            const auto frame = splitter.next();
            if (!frame) return 0;
            if (!*frame) break;
            decode_as_anything((*frame)->body);
        }
    }
    return 0;
}
