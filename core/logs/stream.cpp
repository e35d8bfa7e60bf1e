#include "logs/stream.hpp"

#include <string>

namespace syspulse::logs {
namespace {

std::string numbered(std::string name, std::uint32_t number) {
    return number == 0 ? name : name + "." + std::to_string(number);
}

}  // namespace

std::string_view stream_name(Stream stream) noexcept {
    return stream == Stream::out ? "stdout" : "stderr";
}

std::filesystem::path log_path(const std::filesystem::path& dir, Stream stream,
                               std::uint32_t number) {
    return dir / numbered(std::string(stream_name(stream)) + ".log", number);
}

std::filesystem::path compressed_path(const std::filesystem::path& dir, Stream stream,
                                      std::uint32_t number) {
    return log_path(dir, stream, number) += ".gz";
}

std::filesystem::path index_path(const std::filesystem::path& dir, Stream stream,
                                 std::uint32_t number) {
    return dir / numbered("." + std::string(stream_name(stream)) + ".index", number);
}

std::filesystem::path pipe_path(const std::filesystem::path& dir, Stream stream) {
    return dir / ("." + std::string(stream_name(stream)) + ".fifo");
}

}  // namespace syspulse::logs
