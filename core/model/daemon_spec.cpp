#include "model/daemon_spec.hpp"

#include <algorithm>

namespace syspulse::model {
namespace {

constexpr std::size_t name_length_max = 128;

constexpr bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool begin_alike(const DaemonSpec& one, const DaemonSpec& other) {
    return one.command == other.command && one.working_dir == other.working_dir &&
           one.env == other.env && one.user == other.user && one.driver == other.driver &&
           one.limits == other.limits && one.log == other.log;
}

bool is_valid_daemon_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > name_length_max || !is_alphanumeric(name.front()))
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return is_alphanumeric(c) || c == '.' || c == '_' || c == '@' || c == '-';
    });
}

}  // namespace syspulse::model
