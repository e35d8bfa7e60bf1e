// The few ids that one of many owners has, mostly none: then it takes one pointer.
#pragma once

#include <unordered_set>
#include <utility>

#include "base/boxed.hpp"

namespace syspulse::plugin_host {

template <class Id>
class IdSet {
  public:
    bool empty() const noexcept { return !ids_; }
    bool contains(Id id) const { return ids_ && ids_->contains(id); }
    void insert(Id id) {
        if (!ids_) ids_.emplace();
        ids_->insert(id);
    }
    // False if it was not in it.
    bool erase(Id id) {
        if (!ids_ || ids_->erase(id) == 0) return false;
        if (ids_->empty()) ids_.reset();
        return true;
    }
    std::unordered_set<Id> take() {
        auto taken = std::exchange(ids_, {});
        return taken ? std::move(*taken) : std::unordered_set<Id>();
    }

  private:
    Boxed<std::unordered_set<Id>> ids_;
};

}  // namespace syspulse::plugin_host
