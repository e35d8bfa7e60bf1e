// Which daemon has a name, for an owner that keeps the names themselves elsewhere: ten to twenty
// bytes for each, where a map of texts takes seventy and more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"

namespace syspulse {

// An open table with linear probing, at most three quarters full. A place without a key is free.
class NameIndex {
  public:
    // None if there is none. `name_of(key)` gives the name of a key that was inserted.
    template <class NameOf>
    DaemonKey find(std::string_view name, const NameOf& name_of) const {
        if (places_.empty()) return {};
        const std::uint32_t hash = hash_of(name);
        for (std::size_t at = home(hash); places_[at].key; at = next(at)) {
            if (places_[at].hash == hash && name_of(places_[at].key) == name)
                return places_[at].key;
        }
        return {};
    }

    // Of a name that is not in it.
    void insert(std::string_view name, DaemonKey key) {
        if (4 * (count_ + 1) > 3 * places_.size()) grow();
        put({hash_of(name), key});
        ++count_;
    }

    // Nothing when the key is not in it under this name.
    void erase(std::string_view name, DaemonKey key) {
        if (places_.empty()) return;
        std::size_t at = home(hash_of(name));
        while (places_[at].key && places_[at].key != key) at = next(at);
        if (!places_[at].key) return;
        close_up(at);
        --count_;
    }

  private:
    struct Place {
        std::uint32_t hash = 0;
        DaemonKey key;
    };

    static std::uint32_t hash_of(std::string_view name) {
        return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
    }
    // The number of places is a power of two.
    std::size_t home(std::uint32_t hash) const { return hash & (places_.size() - 1); }
    std::size_t next(std::size_t at) const { return (at + 1) & (places_.size() - 1); }
    std::size_t distance(std::size_t from, std::size_t to) const {
        return (to - from) & (places_.size() - 1);
    }

    void put(Place place) {
        std::size_t at = home(place.hash);
        while (places_[at].key) at = next(at);
        places_[at] = place;
    }

    void grow() {
        const std::vector<Place> old =
            std::exchange(places_, std::vector<Place>(places_.empty() ? 8 : 2 * places_.size()));
        for (const Place& place : old) {
            if (place.key) put(place);
        }
    }

    // Frees a place. Whoever stands behind it, and was looked for from there or before, moves up,
    // so that no free place comes between anybody's home and its own.
    void close_up(std::size_t hole) {
        for (std::size_t at = next(hole); places_[at].key; at = next(at)) {
            if (distance(home(places_[at].hash), at) < distance(hole, at)) continue;
            places_[hole] = places_[at];
            hole = at;
        }
        places_[hole] = {};
    }

    std::vector<Place> places_;
    std::size_t count_ = 0;
};

}  // namespace syspulse
