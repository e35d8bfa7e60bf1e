// The log reader and its time index over files that a crash, an operator or another program left.
// The first byte chooses the file: 'a' the active one, 'z' what claims to be a compressed archive,
// else an archive. Then come two bytes with the length of the index, the index, and the log.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "logs/reader.hpp"
#include "logs/stream.hpp"
#include "logs/time_index.hpp"
#include "scratch.hpp"

namespace {

using namespace syspulse;

std::string read(const fuzz::Scratch& scratch, const logs::Query& query) {
    const auto lines = logs::read_tail(scratch.path(), "web", query);
    std::string text;
    if (!lines) return text;
    for (const logs::Line& line : *lines) text += line.text;
    return text;
}

void read_all_ways(const fuzz::Scratch& scratch) {
    static_cast<void>(read(scratch, {.lines = 1}));
    static_cast<void>(read(scratch, {.err = true, .lines = 3}));
    static_cast<void>(read(scratch, {.since = from_unix_ms(1'700'000'000'000)}));
    static_cast<void>(read(scratch, {.err = true, .since = from_unix_ms(0)}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    static const fuzz::Scratch scratch;
    const auto dir = scratch.path() / "web";
    std::filesystem::create_directories(dir);
    std::string_view log(reinterpret_cast<const char*>(data) + 3, size - 3);
    const std::string_view index = log.substr(0, data[1] + 256U * data[2]);
    log.remove_prefix(index.size());

    using logs::Stream;
    const std::uint32_t number = data[0] == 'a' ? 0 : 1;
    const bool packed = data[0] == 'z';
    scratch.write(packed ? logs::compressed_path(dir, Stream::out, number)
                         : logs::log_path(dir, Stream::out, number),
                  log);
    scratch.write(logs::index_path(dir, Stream::out, number), index);
    read_all_ways(scratch);
    if (!packed && read(scratch, {}) != log) std::abort();
    std::filesystem::remove_all(dir);
    return 0;
}
