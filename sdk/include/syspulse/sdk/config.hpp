// Reading the options that the host validated against the kind's schema and completed with its
// defaults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"

namespace syspulse::sdk {

namespace detail {

// Reads a JSON object whose values are all strings: what cfg_json answers for a map of strings.
class StringMapReader {
  public:
    explicit StringMapReader(std::string_view json) : rest_(json) {}

    std::map<std::string, std::string> read() {
        std::map<std::string, std::string> result;
        expect('{');
        if (!accept('}')) {
            do {
                std::string key = string();
                expect(':');
                result[std::move(key)] = string();
            } while (accept(','));
            expect('}');
        }
        return result;
    }

  private:
    static Error malformed() { return {SYSP_E_CONFIG, "not a map of strings"}; }
    void skip_space() {
        const auto at = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
    }
    bool accept(char wanted) {
        skip_space();
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char wanted) {
        if (!accept(wanted)) throw malformed();
    }
    char take() {
        if (rest_.empty()) throw malformed();
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    std::uint32_t hex4() {
        std::uint32_t value = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = take();
            const std::string_view digits = "0123456789abcdef";
            const auto digit = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
            if (digit == std::string_view::npos) throw malformed();
            value = value * 16 + static_cast<std::uint32_t>(digit);
        }
        return value;
    }
    std::uint32_t code_point() {
        const std::uint32_t high = hex4();
        if (high < 0xd800 || high > 0xdbff) return high;
        if (take() != '\\' || take() != 'u') throw malformed();
        return 0x10000 + ((high - 0xd800) << 10) + ((hex4() - 0xdc00) & 0x3ff);
    }
    static void append_utf8(std::string& out, std::uint32_t c) {
        const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
        if (c < 0x80) return put(c);
        if (c < 0x800) {
            put(0xc0 | (c >> 6));
        } else if (c < 0x10000) {
            put(0xe0 | (c >> 12));
            put(0x80 | ((c >> 6) & 0x3f));
        } else {
            put(0xf0 | ((c >> 18) & 0x07));
            put(0x80 | ((c >> 12) & 0x3f));
            put(0x80 | ((c >> 6) & 0x3f));
        }
        put(0x80 | (c & 0x3f));
    }
    std::string string() {
        expect('"');
        std::string result;
        for (char c = take(); c != '"'; c = take()) {
            if (c != '\\') {
                result += c;
                continue;
            }
            const char escape = take();
            const std::string_view names = "bfnrt";
            const auto at = names.find(escape);
            if (escape == 'u') {
                append_utf8(result, code_point());
            } else {
                result += at == std::string_view::npos ? escape : "\b\f\n\r\t"[at];
            }
        }
        return result;
    }

    std::string_view rest_;
};

}  // namespace detail

// A borrowed view, valid during the call that got it (create, spawn, recover). Keys are JSON
// Pointers ("/port"). A required or defaulted key never fails; `has` tells whether an optional one
// is there. [any]
class Config {
  public:
    Config(const sysp_host* host, const sysp_config* config) : host_(host), config_(config) {}

    const sysp_host* host() const noexcept { return host_; }

    std::string str(const std::string& path) const {
        sysp_str value{};
        need(host_->cfg_str(config_, path.c_str(), &value), path);
        return std::string(text_of(value));
    }
    std::int64_t i64(const std::string& path) const {
        std::int64_t value = 0;
        need(host_->cfg_i64(config_, path.c_str(), &value), path);
        return value;
    }
    double f64(const std::string& path) const {
        double value = 0;
        need(host_->cfg_f64(config_, path.c_str(), &value), path);
        return value;
    }
    bool flag(const std::string& path) const {
        std::int32_t value = 0;
        need(host_->cfg_bool(config_, path.c_str(), &value), path);
        return value != 0;
    }
    // The canonical JSON text of any value, for plugins that bring a parser; "" is the whole
    // config.
    std::string json(const std::string& path) const {
        sysp_str value{};
        need(host_->cfg_json(config_, path.c_str(), &value), path);
        return std::string(text_of(value));
    }
    bool has(const std::string& path) const {
        sysp_str value{};
        return host_->cfg_json(config_, path.c_str(), &value) == SYSP_OK;
    }
    std::size_t count(const std::string& path) const {
        std::size_t value = 0;
        need(host_->cfg_count(config_, path.c_str(), &value), path);
        return value;
    }
    // Lists and maps read as empty when the key is absent.
    std::vector<std::string> strings(const std::string& path) const {
        std::vector<std::string> result;
        const std::size_t size = has(path) ? count(path) : 0;
        for (std::size_t i = 0; i < size; ++i)
            result.push_back(str(path + '/' + std::to_string(i)));
        return result;
    }
    std::vector<std::int64_t> integers(const std::string& path) const {
        std::vector<std::int64_t> result;
        const std::size_t size = has(path) ? count(path) : 0;
        for (std::size_t i = 0; i < size; ++i)
            result.push_back(i64(path + '/' + std::to_string(i)));
        return result;
    }
    std::map<std::string, std::string> string_map(const std::string& path) const {
        if (!has(path)) return {};
        return detail::StringMapReader{json(path)}.read();
    }

  private:
    static void need(sysp_status status, const std::string& path) {
        if (status != SYSP_OK) throw Error{SYSP_E_CONFIG, path + ": no usable value"};
    }

    const sysp_host* host_;
    const sysp_config* config_;
};

}  // namespace syspulse::sdk
