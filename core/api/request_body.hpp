// The small JSON objects that carry the flags of a request. Members are taken one by one by whoever
// knows them; what is left over at the end is unknown and refused by name.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace syspulse::api {

class RequestBody {
  public:
    // An empty text is an object without members.
    static Result<RequestBody> parse(std::string_view text);
    RequestBody(RequestBody&&) noexcept;
    RequestBody& operator=(RequestBody&&) noexcept;
    ~RequestBody();

    // Absent and null give the default. The first mistake is kept for finish().
    bool take_flag(const char* key);
    std::optional<std::string> take_text(const char* key);
    std::optional<Duration> take_seconds(const char* key);

    // The first mistake, or the names of members that nobody took.
    Result<void> finish() const;

  private:
    explicit RequestBody(nlohmann::json object);
    nlohmann::json take(const char* key);
    void mistake(std::string message);

    std::unique_ptr<nlohmann::json> object_;
    std::string mistake_;
};

}  // namespace syspulse::api
