#include "cli/api_connection.hpp"

#include <filesystem>
#include <utility>

#include "api/client.hpp"
#include "base/path_text.hpp"
#include "platform/data_dir.hpp"
#include "platform/local_socket.hpp"

namespace syspulse::cli {
namespace {

class ApiConnection : public Connection {
  public:
    ApiConnection(platform::SocketAddressPath address, std::string shown,
                  std::optional<platform::DataPaths> paths)
        : address_(std::move(address)),
          client_(address_.text(), std::move(shown)),
          paths_(std::move(paths)) {}

    Result<Response> request(const std::string& method, const std::string& target,
                             const std::string& body, std::optional<Duration> timeout) override {
        return converted(client_.request(method, target, body, timeout));
    }

    Result<Response> stream(const std::string& target,
                            const std::function<bool(std::string_view)>& on_data) override {
        return converted(client_.stream(target, on_data));
    }

  private:
    // Who holds the data directory's lock is there, although nobody listens.
    Error explained(Error error) const {
        if (error.code != ErrorCode::unavailable || !paths_ ||
            platform::is_listened_at(address_.text())) {
            return error;
        }
        const auto pid = platform::running_manager(*paths_);
        if (!pid || !*pid) return error;
        return {ErrorCode::unavailable,
                "the manager (pid " + std::to_string(**pid) + ") on " + paths_->directory.string() +
                    " does not listen on " + paths_->socket().string() +
                    "; it may be about to start or to end. If that lasts, see its output, and end "
                    "it with kill -TERM " +
                    std::to_string(**pid)};
    }

    Result<Response> converted(Result<api::Response> response) const {
        if (!response) {
            return explained(response.error());
        }
        return Response{response->status, std::move(response->body)};
    }

    platform::SocketAddressPath
        address_;  // Holds the directory open that a long path goes through.
    api::Client client_;
    std::optional<platform::DataPaths> paths_;  // Of whose lock the endpoint is.
};

Error no_manager(const std::string& where) {
    return {ErrorCode::unavailable,
            "no manager is running on " + where + "; start one with: syspulse daemon"};
}

struct Place {
    platform::SocketAddressPath address;
    std::string shown;                         // What messages call it.
    std::optional<platform::DataPaths> paths;  // Unless the endpoint is elsewhere.
};

Result<Place> find_manager(const GlobalOptions& globals) {
    const auto paths =
        platform::resolve_data_dir(globals.data_dir, platform::process_environment());
    if (!paths) {
        return paths.error();
    }
    std::filesystem::path socket = paths->socket();
    std::string shown = paths->directory.string();
    if (globals.socket) {
        socket = path_from_utf8(*globals.socket);
        shown = *globals.socket;
    } else if (const auto checked = platform::check_data_dir(paths->directory); !checked) {
        const bool missing = checked.error().code == ErrorCode::not_found;
        return missing ? no_manager(shown) : checked.error();
    }
    auto address = platform::SocketAddressPath::of(socket);
    if (!address) {
        const bool missing = address.error().code == ErrorCode::not_found;
        return missing ? no_manager(shown) : address.error();
    }
    return Place{std::move(*address), std::move(shown),
                 globals.socket ? std::nullopt : std::optional(*paths)};
}

}  // namespace

Result<std::unique_ptr<Connection>> connect_to_manager(const GlobalOptions& globals) {
    auto place = find_manager(globals);
    if (!place) return place.error();
    return std::unique_ptr<Connection>(std::make_unique<ApiConnection>(
        std::move(place->address), std::move(place->shown), std::move(place->paths)));
}

Result<std::function<void()>> watch_manager(const GlobalOptions& globals) {
    const auto place = find_manager(globals);
    if (!place) return place.error();
    return api::watch_for_end(place->address.text(), place->shown);
}

}  // namespace syspulse::cli
