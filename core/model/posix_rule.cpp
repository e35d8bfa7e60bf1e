#include "model/posix_rule.hpp"

#include <date/ptz.h>

#include <exception>

namespace syspulse::model {
namespace {

class Rule final : public PosixRule {
  public:
    explicit Rule(const std::string& text) : zone_(text) {}

    Period period_at(std::int64_t moment) const override {
        const auto info = zone_.get_info(date::sys_seconds{std::chrono::seconds{moment}});
        return {info.begin.time_since_epoch().count(), info.end.time_since_epoch().count(),
                info.offset.count()};
    }

  private:
    Posix::time_zone zone_;
};

}  // namespace

std::shared_ptr<const PosixRule> PosixRule::parse(const std::string& text) {
    try {
        return std::make_shared<const Rule>(text);
    } catch (const std::exception&) {
        return nullptr;
    }
}

}  // namespace syspulse::model
