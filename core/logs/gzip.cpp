#include "logs/gzip.hpp"

#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

namespace syspulse::logs {
namespace {

constexpr std::size_t gzip_block_bytes = 128 * 1024;
constexpr int gzip_window_bits = 15 + 16;  // zlib's way to ask for the gzip format.

Error cannot_compress(const std::filesystem::path& target) {
    return {ErrorCode::internal, "cannot compress a rotated log into " + target.string() +
                                     ": is the disk full or read-only?"};
}

}  // namespace

Result<void> gzip(const platform::OutputFile& source, const std::filesystem::path& target,
                  const std::atomic<bool>& stop) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(target.string().c_str(), "wb6e"),
                                                          &gzclose);
    if (!file) return cannot_compress(target);
    using std::filesystem::perms;
    std::error_code failed;
    std::filesystem::permissions(target, perms::owner_read | perms::owner_write | perms::group_read,
                                 failed);
    if (failed) return cannot_compress(target);
    std::vector<char> block(gzip_block_bytes);
    for (std::uint64_t offset = 0;;) {
        if (stop) return Error{ErrorCode::cancelled, "cannot compress a log: stopping"};
        const auto got = source.read_at(offset, block);
        if (!got) return got.error();
        if (*got == 0) break;
        const auto size = static_cast<unsigned>(*got);
        if (gzwrite(file.get(), block.data(), size) != static_cast<int>(size)) {
            return cannot_compress(target);
        }
        offset += *got;
    }
    if (gzflush(file.get(), Z_FINISH) != Z_OK) return cannot_compress(target);
    return {};
}

struct GzipReader::State {
    platform::OutputFile file;
    std::uint64_t offset = 0;  // In the file.
    std::vector<unsigned char> input = std::vector<unsigned char>(gzip_block_bytes);
    z_stream stream = {};
    bool ended = false;

    ~State() { inflateEnd(&stream); }
};

GzipReader::GzipReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GzipReader::~GzipReader() = default;

Result<std::unique_ptr<GzipReader>> GzipReader::open(platform::OutputFile file) {
    auto state = std::make_unique<State>();
    state->file = std::move(file);
    if (inflateInit2(&state->stream, gzip_window_bits) != Z_OK) {
        return Error{ErrorCode::internal, "cannot read a compressed log: out of memory"};
    }
    return std::unique_ptr<GzipReader>(new GzipReader(std::move(state)));
}

void GzipReader::rewind() {
    inflateReset(&state_->stream);
    state_->stream.avail_in = 0;
    state_->offset = 0;
    state_->ended = false;
}

bool GzipReader::refill() {
    State& s = *state_;
    if (s.stream.avail_in > 0) return true;
    auto* bytes = reinterpret_cast<char*>(s.input.data());
    const auto got = s.file.read_at(s.offset, std::span(bytes, s.input.size()));
    if (!got || *got == 0) return false;
    s.offset += *got;
    s.stream.next_in = s.input.data();
    s.stream.avail_in = static_cast<unsigned>(*got);
    return true;
}

std::size_t GzipReader::read(std::span<char> bytes) {
    State& s = *state_;
    s.stream.next_out = reinterpret_cast<unsigned char*>(bytes.data());
    s.stream.avail_out = static_cast<unsigned>(bytes.size());
    while (!s.ended && s.stream.avail_out > 0) {
        if (!refill()) break;
        const int result = inflate(&s.stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            s.ended = !refill();
            if (!s.ended) inflateReset(&s.stream);
        } else if (result != Z_OK) {
            s.ended = true;
        }
    }
    return bytes.size() - s.stream.avail_out;
}

}  // namespace syspulse::logs
