// Which daemons a command is about: names, shell-style patterns, --tag, --all.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/call.hpp"
#include "cli/command.hpp"
#include "cli/failure.hpp"
#include "cli/json_text.hpp"

namespace syspulse::cli {

bool is_pattern(std::string_view name) noexcept;

struct Selection {
    std::vector<std::string> names;  // Without repetitions, in the order asked for.
    std::vector<DaemonInfo>
        daemons;  // The same, as they are; empty when the manager was not asked.
    std::vector<NamedFailure> failures;  // Names that are not there, patterns that match nothing.
    std::vector<std::string> literal;    // Those of the names that were asked for by name.
    std::map<std::string, std::size_t> places;  // Of names and failures, by the words that ask.
    bool single = false;             // One literal name: its answer stands alone, not in a list.
    std::optional<Failure> refused;  // The manager could not be asked; all else is empty.
};

struct SelectionRequest {
    std::vector<std::string> names;
    std::vector<std::string> tags;
    bool all = false;
    bool need_daemons = false;  // Ask the manager even when plain names would do.
};

SelectionRequest selection_of(const Arguments& arguments);

// Plain names alone are taken as they are: the request that follows tells whether they exist.
Selection select(const Context& context, const SelectionRequest& request);

// What was done to one daemon.
struct Deed {
    std::string name;
    Answer answer;
    bool needless = false;                               // It was as it should be before.
    bool told = false;                                   // A person knows already.
    const std::vector<std::string>* selected = nullptr;  // All that the command is about.
};

// Makes requests for all selected names, many at once.
class Deeds {
  public:
    // `success` words one success for a person. With `waits` each is told as soon as it is there,
    // as the next one may take its time.
    Deeds(Context& context, const Selection& selection,
          std::function<std::string(const Deed&)> success, bool waits = false);

    // Calls make(i, deed) for the i-th name, on any thread.
    void each(const std::function<void(std::size_t, Deed&)>& make);
    // Tells what came of each in order, and returns the worst exit code.
    ExitCode tell();
    // Those that the manager tried and that did not get there, or not in time.
    std::vector<std::string> in_vain() const;

  private:
    void tell_early(Deed& deed);

    Context& context_;
    const Selection& selection_;
    std::function<std::string(const Deed&)> success_;
    bool waits_;
    std::vector<Deed> deeds_;
    std::mutex mutex_;
};

// Sends one request for each selected name and tells what came of it.
ExitCode perform(Context& context, const Selection& selection,
                 const std::function<Call(const std::string& name)>& request,
                 const std::function<std::string(const Deed&)>& success, bool waits = false);

// The telling alone, for callers that made the requests themselves.
ExitCode tell(Context& context, const Selection& selection, const std::vector<Deed>& deeds,
              const std::function<std::string(const Deed&)>& success);

}  // namespace syspulse::cli
