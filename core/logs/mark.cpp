#include "logs/mark.hpp"

#include <array>
#include <charconv>

namespace syspulse::logs {
namespace {

constexpr char separator = '.';
constexpr std::string_view nowhere = "0";

std::string text_of(const std::optional<Position>& position) {
    if (!position) return std::string(nowhere);
    const platform::FileId index = position->index.value_or(platform::FileId{});
    std::string text;
    for (const std::uint64_t number :
         {position->log.device, position->log.file, index.device, index.file, position->offset}) {
        std::array<char, 16> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16);
        if (!text.empty()) text += separator;
        text.append(digits.data(), end.ptr);
    }
    return text;
}

bool read(std::string_view text, std::optional<Position>& position) {
    if (text == nowhere) return true;
    std::array<std::uint64_t, 5> numbers{};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (i > 0 && (at == end || *at++ != separator)) return false;
        const auto found = std::from_chars(at, end, numbers[i], 16);
        if (found.ec != std::errc{}) return false;
        at = found.ptr;
    }
    position = Position{{numbers[0], numbers[1]}, std::nullopt, numbers[4]};
    if (numbers[3] != 0) position->index = platform::FileId{numbers[2], numbers[3]};
    return at == end;
}

}  // namespace

std::string Mark::text() const {
    return text_of(out) + '-' + text_of(err);
}

Result<Mark> Mark::parse(std::string_view text) {
    Mark mark;
    const std::size_t middle = text.find('-');
    if (middle == std::string_view::npos || !read(text.substr(0, middle), mark.out) ||
        !read(text.substr(middle + 1), mark.err)) {
        return Error{ErrorCode::invalid_argument,
                     "cannot go on from '" + std::string(text) + "': that is no mark of a log"};
    }
    return mark;
}

}  // namespace syspulse::logs
