#include "plugin_host/plugin_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace syspulse::plugin_host {
namespace {

constexpr std::size_t metrics_max = 32;
constexpr std::size_t looked_at_max = 64;
constexpr std::size_t metric_name_max = 64;

bool is_metric_name(std::string_view name) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto fits = [lower](char c) { return lower(c) || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && name.size() <= metric_name_max && lower(name.front()) &&
           std::all_of(name.begin(), name.end(), fits);
}

}  // namespace

std::vector<model::Metric> sound_metrics(std::vector<model::Metric> metrics) {
    std::vector<model::Metric> sound;
    for (model::Metric& metric : metrics) {
        if (sound.size() == metrics_max) break;
        const bool known = std::any_of(sound.begin(), sound.end(), [&](const model::Metric& other) {
            return other.name == metric.name;
        });
        if (!known && is_metric_name(metric.name) && std::isfinite(metric.value)) {
            sound.push_back(std::move(metric));
        }
    }
    return sound;
}

std::vector<model::Metric> metrics_of(const sysp_check_result& raw) {
    std::vector<model::Metric> metrics;
    const std::size_t count = raw.metrics == nullptr ? 0 : raw.metric_count;
    for (std::size_t i = 0; i < std::min(count, looked_at_max); ++i) {
        const sysp_metric& metric = raw.metrics[i];
        // One byte above the limit is enough to have the name refused.
        const std::size_t length = std::min(metric.name.len, metric_name_max + 1);
        metrics.push_back(
            {metric.name.ptr == nullptr ? std::string() : std::string(metric.name.ptr, length),
             metric.value});
    }
    return metrics;
}

}  // namespace syspulse::plugin_host
