// The rules of the plugin ABI that the kit can check, one function each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace syspulse::conformance {

enum class Outcome : std::uint8_t { pass, warn, skip, fail };

struct Verdict {
    Outcome outcome = Outcome::pass;
    std::string message;  // What was observed; of a pass usually empty.
};

inline Verdict pass(std::string message = {}) {
    return {Outcome::pass, std::move(message)};
}
inline Verdict warn(std::string message) {
    return {Outcome::warn, std::move(message)};
}
inline Verdict skip(std::string message) {
    return {Outcome::skip, std::move(message)};
}
inline Verdict fail(std::string message) {
    return {Outcome::fail, std::move(message)};
}

enum class Subject : std::uint8_t {
    module,   // Once for the file.
    kind,     // For every driver and checker.
    checker,  // For every checker.
    driver,   // For every driver.
};

class Case;

struct Item {
    std::string_view id;
    int level = 1;
    Subject subject = Subject::module;
    std::string_view text;  // The rule, for --explain.
    Verdict (*run)(Case&) = nullptr;
};

// A rule of the ABI that is not looked at.
struct LeftOut {
    std::string_view id;
    int level = 1;
    std::string_view text;  // The rule.
    std::string_view why;   // And what stands in for it.
};

std::span<const LeftOut> left_out_items();
const LeftOut* find_left_out(std::string_view id);

// All items, in the order of their ids.
std::span<const Item> items();
const Item* find_item(std::string_view id);

// The parts of the table, one per source file.
std::span<const Item> module_items();
std::span<const Item> config_items();
std::span<const Item> checker_items();
std::span<const Item> target_items();
std::span<const Item> many_items();
std::span<const Item> driver_items();
std::span<const Item> recovery_items();
std::span<const Item> state_items();
std::span<const Item> worker_items();
std::span<const Item> isolation_items();
std::span<const Item> takeover_items();
std::span<const Item> secret_items();
std::span<const Item> kernel_items();
std::span<const Item> memory_items();

}  // namespace syspulse::conformance
