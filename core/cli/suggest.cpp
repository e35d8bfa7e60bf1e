#include "cli/suggest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace syspulse::cli {
namespace {

// Edits between two words, a swap of neighbours counting as one: swaps are the commonest typing
// error.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
    std::optional<std::string_view> best;
    // With more than every third letter wrong it is another word.
    std::size_t best_distance = std::clamp<std::size_t>(word.size() / 3, 1, 3);
    for (const std::string_view candidate : candidates) {
        // A beginning of at least three letters is meant, however long the rest.
        const bool prefix = word.size() >= 3 && candidate.substr(0, word.size()) == word;
        const std::size_t edits = prefix ? 0 : distance(word, candidate);
        if (edits < best_distance || (!best && edits == best_distance && edits < word.size())) {
            best = candidate;
            best_distance = edits;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
    const auto found = nearest(word, candidates);
    return found ? "; did you mean \"" + std::string(*found) + "\"?" : std::string();
}

}  // namespace syspulse::cli
