#include "config/field_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

namespace syspulse::config {
namespace {

std::string quoted(std::string_view key) {
    return "\"" + std::string(key) + "\"";
}

std::string number_text(double number) {
    std::array<char, 64> buffer{};
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return error == std::errc{} ? std::string(buffer.data(), end) : std::string("?");
}

// Durations are kept to the microsecond: a double holds ten years of them exactly, so that writing
// a spec as JSON and reading it again changes nothing.
Duration to_duration(double seconds) {
    constexpr double micros = 1e6;
    return std::chrono::microseconds{std::llround(seconds * micros)};
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    std::string suffix(end, text.data() + text.size());
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (suffix.empty() || suffix == "B") return value;
    constexpr std::string_view units = "KMGT";
    const std::size_t unit = units.find(suffix.front());
    if (unit == std::string_view::npos) return std::nullopt;
    const std::string_view rest = std::string_view(suffix).substr(1);
    if (!rest.empty() && rest != "B" && rest != "I" && rest != "IB") return std::nullopt;
    const auto shift = static_cast<unsigned>((unit + 1) * 10);
    if (value > (std::numeric_limits<std::uint64_t>::max() >> shift)) return std::nullopt;
    return value << shift;
}

std::optional<bool> parse_flag(const Value& value) {
    if (value.kind == Value::Kind::boolean) return value.boolean;
    if (value.kind != Value::Kind::string || !value.plain) return std::nullopt;
    std::string word = value.text;
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (word == "yes" || word == "on") return true;
    if (word == "no" || word == "off") return false;
    return std::nullopt;
}

std::optional<std::string> literal_text(const Value& value) {
    if (!value.is_scalar() || value.kind == Value::Kind::null) return std::nullopt;
    if (value.text.find('\0') != std::string::npos) return std::nullopt;
    return value.text;
}

FieldReader::FieldReader(const Value& map, std::span<const std::string_view> keys, Issues& issues)
    : map_(map), issues_(issues) {
    for (const Member& member : map.members) {
        if (std::find(keys.begin(), keys.end(), member.key) != keys.end()) continue;
        fail(member.key_where,
             "unknown key " + quoted(member.key) + suggestion(member.key, keys, "allowed here"));
    }
}

const Position& FieldReader::key_position(std::string_view key) const {
    for (const Member& member : map_.members) {
        if (member.key == key) return member.key_where;
    }
    return map_.where;
}

void FieldReader::fail(const Position& where, std::string message) {
    issues_.push_back({where, std::move(message)});
}

void FieldReader::fail_type(std::string_view key, const Value& value, std::string_view expected) {
    fail(value.where,
         quoted(key) + " must be " + std::string(expected) + ", found " + describe(value));
}

bool FieldReader::any_text(std::string_view key, std::string& out) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    auto text = literal_text(*value);
    if (!text) {
        fail_type(key, *value, "a text without NUL bytes");
        return false;
    }
    out = *std::move(text);
    return true;
}

bool FieldReader::text(std::string_view key, std::string& out) {
    std::string read;
    if (!any_text(key, read)) return false;
    if (read.empty()) {
        fail(find(key)->where, quoted(key) + " must not be empty");
        return false;
    }
    out = std::move(read);
    return true;
}

bool FieldReader::texts(std::string_view key, std::vector<std::string>& out) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    if (value->kind != Value::Kind::list) {
        fail_type(key, *value, "a list");
        return false;
    }
    std::vector<std::string> read;
    for (const Value& item : value->items) {
        if (auto text = literal_text(item)) {
            read.push_back(*std::move(text));
        } else {
            fail(item.where, "every item of " + quoted(key) +
                                 " must be a text without NUL bytes, found " + describe(item));
        }
    }
    if (read.size() != value->items.size()) return false;
    out = std::move(read);
    return true;
}

bool FieldReader::flag(std::string_view key, bool& out) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    const auto read = parse_flag(*value);
    if (read) {
        out = *read;
    } else {
        fail_type(key, *value, "true or false");
    }
    return read.has_value();
}

bool FieldReader::number(std::string_view key, double& out, double min, double max) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    const bool numeric = value->kind == Value::Kind::integer || value->kind == Value::Kind::number;
    if (!numeric || !(value->number >= min && value->number <= max)) {
        fail_type(key, *value, "a number from " + number_text(min) + " to " + number_text(max));
        return false;
    }
    out = value->number;
    return true;
}

bool FieldReader::seconds(std::string_view key, Duration& out, Zero zero) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    const bool numeric = value->kind == Value::Kind::integer || value->kind == Value::Kind::number;
    const double read = numeric ? value->number : -1;
    const Duration duration = read >= 0 && read <= seconds_max ? to_duration(read) : Duration{-1};
    if (duration < Duration::zero() || (duration == Duration::zero() && zero == Zero::refused)) {
        fail_type(key, *value,
                  zero == Zero::allowed ? "a number of seconds from 0 to ten years"
                                        : "a number of seconds above 0 and at most ten years");
        return false;
    }
    out = duration;
    return true;
}

bool FieldReader::bytes(std::string_view key, std::uint64_t& out) {
    const Value* value = find(key);
    if (value == nullptr) return false;
    std::optional<std::uint64_t> read;
    if (value->kind == Value::Kind::integer || value->kind == Value::Kind::string) {
        read = parse_bytes(value->text);
    }
    // SQLite, cgroup files and the plugin interface agree on signed 64-bit sizes.
    constexpr auto bytes_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!read || *read == 0 || *read > bytes_max) {
        fail_type(key, *value, "a size above 0 such as 1048576, 512K, 256M or 2G");
        return false;
    }
    out = *read;
    return true;
}

std::optional<std::int64_t> FieldReader::whole_number(std::string_view key, std::int64_t min,
                                                      std::int64_t max) {
    const Value* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->kind == Value::Kind::integer && value->integer >= min && value->integer <= max) {
        return value->integer;
    }
    fail_type(key, *value,
              "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
}

std::optional<std::size_t> FieldReader::word_index(std::string_view key,
                                                   std::span<const std::string_view> names) {
    const Value* value = find(key);
    if (value == nullptr) return std::nullopt;
    const auto found = std::find(names.begin(), names.end(), value->text);
    if (value->is_scalar() && found != names.end()) {
        return static_cast<std::size_t>(found - names.begin());
    }
    std::string expected = "one of";
    for (const std::string_view name : names) {
        expected += (name == names.front() ? " " : ", ") + std::string(name);
    }
    std::string message = quoted(key) + " must be " + expected + ", found " + describe(*value);
    if (value->kind == Value::Kind::string) {
        const std::string near = suggestion(value->text, names, "");
        if (near.starts_with("; did you mean")) message += near;
    }
    fail(value->where, std::move(message));
    return std::nullopt;
}

}  // namespace syspulse::config
