// The few words of the Redis protocol (RESP 2) that a health check needs.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redis {

struct Reply {
    char type = 0;  // '+' status, '-' error, ':' number, '$' text; other types do not occur here.
    std::string text;
};

inline std::string command(const std::vector<std::string>& words) {
    std::string made = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words) {
        made += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return made;
}

// Takes replies off the front of what has been read.
class Replies {
  public:
    enum class State { more, reply, garbage };

    void add(std::string_view text) { read_ += text; }
    std::size_t size() const { return read_.size(); }

    // `more`: the next reply is not complete yet.
    State next(Reply& reply) {
        const auto end = read_.find("\r\n");
        if (end == std::string::npos)
            return read_.size() > longest_line ? State::garbage : State::more;
        const std::string line = read_.substr(0, end);
        if (line.empty() || std::string_view("+-:$").find(line.front()) == std::string_view::npos)
            return State::garbage;
        reply = {line.front(), line.substr(1)};
        std::size_t used = end + 2;
        if (reply.type == '$') {
            long size = 0;
            const auto parsed =
                std::from_chars(reply.text.data(), reply.text.data() + reply.text.size(), size);
            if (parsed.ec != std::errc{} || size < -1 || size > longest_text) return State::garbage;
            if (size >= 0 && read_.size() < used + static_cast<std::size_t>(size) + 2)
                return State::more;
            reply.text = size < 0 ? "" : read_.substr(used, static_cast<std::size_t>(size));
            if (size >= 0) used += static_cast<std::size_t>(size) + 2;
        }
        read_.erase(0, used);
        return State::reply;
    }

  private:
    static constexpr std::size_t longest_line = 4096;
    static constexpr long longest_text = 256 * 1024;
    std::string read_;
};

// The value of "key:value" in the text that INFO gives.
inline std::optional<std::string> info_value(std::string_view info, std::string_view key) {
    for (std::size_t at = 0; at < info.size();) {
        const auto end = std::min(info.find("\r\n", at), info.size());
        const auto line = info.substr(at, end - at);
        if (line.substr(0, key.size()) == key && line.size() > key.size() &&
            line[key.size()] == ':') {
            return std::string(line.substr(key.size() + 1));
        }
        at = end + 2;
    }
    return std::nullopt;
}

}  // namespace redis
