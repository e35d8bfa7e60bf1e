#include "config/suggest.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

namespace syspulse::config {
namespace {

// Longer words are no slips of the fingers, and comparing them costs time.
constexpr std::size_t word_length_max = 64;

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> cost(a.size() + 1,
                                               std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
    }
    return cost[a.size()][b.size()];
}

std::string lower_with_underscores(std::string_view word) {
    std::string out(word);
    for (char& c : out) {
        c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    if (word.size() > word_length_max) return std::nullopt;
    const std::string normal = lower_with_underscores(word);
    constexpr std::size_t prefix_min = 3;
    // A word left short: "stat" for "status".
    for (const std::string_view candidate : candidates) {
        if (normal.size() >= prefix_min && candidate.starts_with(normal)) return candidate;
    }
    const std::size_t tolerance = std::max<std::size_t>(1, normal.size() / 3);
    std::optional<std::string_view> best;
    std::size_t best_distance = tolerance + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance =
            edit_distance(normal, lower_with_underscores(candidate.substr(0, word_length_max)));
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    if (best) return best;
    // A word that is too long, or left short with another letter: "environment" for "env".
    for (const std::string_view candidate : candidates) {
        const std::size_t common = std::min(normal.size(), candidate.size());
        if (common >= prefix_min && normal.substr(0, common) == candidate.substr(0, common)) {
            return candidate;
        }
    }
    return std::nullopt;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
    const auto best = nearest(word, candidates);
    return best ? "; did you mean \"" + std::string(*best) + "\"?" : std::string();
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string_view label) {
    std::string out = suggestion(word, candidates);
    if (!out.empty() || candidates.empty()) return out;
    out = "; " + std::string(label) + ": ";
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (i > 0) out += ", ";
        out += candidates[i];
    }
    return out;
}

}  // namespace syspulse::config
