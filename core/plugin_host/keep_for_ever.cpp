#include "plugin_host/keep_for_ever.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace syspulse::plugin_host {

void keep_for_ever(std::shared_ptr<void> object) {
    struct Kept {
        std::mutex mutex;
        std::vector<std::shared_ptr<void>> objects;
    };
    static Kept& kept = *new Kept;
    const std::lock_guard lock(kept.mutex);
    kept.objects.push_back(std::move(object));
}

}  // namespace syspulse::plugin_host
