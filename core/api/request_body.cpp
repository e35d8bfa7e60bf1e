#include "api/request_body.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace syspulse::api {
namespace {

using nlohmann::json;

constexpr std::size_t bytes_max = 64 * 1024;
constexpr double seconds_max = 1e9;  // Thirty years; fits a Duration.

Error unreadable(std::string_view why) {
    return {ErrorCode::invalid_argument, "cannot read request body: " + std::string(why)};
}

}  // namespace

RequestBody::RequestBody(json object) : object_(std::make_unique<json>(std::move(object))) {}
RequestBody::RequestBody(RequestBody&&) noexcept = default;
RequestBody& RequestBody::operator=(RequestBody&&) noexcept = default;
RequestBody::~RequestBody() = default;

Result<RequestBody> RequestBody::parse(std::string_view text) {
    if (text.empty()) return RequestBody(json::object());
    if (text.size() > bytes_max) return unreadable("it is longer than 64 KiB");
    json parsed = json::parse(text, nullptr, false);
    if (parsed.is_discarded()) return unreadable("it is not JSON");
    if (!parsed.is_object()) return unreadable("it is not a JSON object");
    return RequestBody(std::move(parsed));
}

json RequestBody::take(const char* key) {
    const auto found = object_->find(key);
    if (found == object_->end()) return nullptr;
    json value = std::move(*found);
    object_->erase(found);
    return value;
}

void RequestBody::mistake(std::string message) {
    if (mistake_.empty()) mistake_ = std::move(message);
}

bool RequestBody::take_flag(const char* key) {
    const json value = take(key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) mistake("'" + std::string(key) + "' must be true or false");
    return false;
}

std::optional<std::string> RequestBody::take_text(const char* key) {
    const json value = take(key);
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_null()) mistake("'" + std::string(key) + "' must be a string");
    return std::nullopt;
}

std::optional<Duration> RequestBody::take_seconds(const char* key) {
    const json value = take(key);
    if (value.is_null()) return std::nullopt;
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!std::isfinite(number) || number < 0 || number > seconds_max) {
        mistake("'" + std::string(key) + "' must be a number of seconds, from 0 to 1000000000");
        return std::nullopt;
    }
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(number));
}

Result<void> RequestBody::finish() const {
    if (!mistake_.empty()) return unreadable(mistake_);
    if (object_->empty()) return {};
    std::string names;
    for (const auto& [key, value] : object_->items()) {
        if (!names.empty()) names += ", ";
        names += "'" + key + "'";
    }
    return unreadable("unknown key " + names);
}

}  // namespace syspulse::api
