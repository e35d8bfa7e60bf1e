#include "conformance/item.hpp"

#include <algorithm>
#include <vector>

namespace syspulse::conformance {
namespace {

const std::vector<Item>& all_items() {
    static const std::vector<Item> all = [] {
        std::vector<Item> items;
        for (const auto part :
             {module_items(), config_items(), checker_items(), target_items(), many_items(),
              driver_items(), recovery_items(), state_items(), worker_items(), isolation_items(),
              takeover_items(), secret_items(), kernel_items(), memory_items()}) {
            items.insert(items.end(), part.begin(), part.end());
        }
        std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
            constexpr std::string_view order = "MCHDTSX";
            const auto group = [&](const Item& item) { return order.find(item.id.front()); };
            return std::pair(group(a), a.id) < std::pair(group(b), b.id);
        });
        return items;
    }();
    return all;
}

}  // namespace

std::span<const Item> items() {
    return all_items();
}

const Item* find_item(std::string_view id) {
    for (const Item& item : all_items()) {
        if (item.id == id) return &item;
    }
    return nullptr;
}

}  // namespace syspulse::conformance
