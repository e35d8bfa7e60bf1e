// Text on a terminal: how wide it is, what of it is safe to print, colours and tables. Text from
// daemons and specs is never trusted to be printable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/context.hpp"

namespace syspulse::cli {

enum class Color : std::uint8_t { none, green, red, yellow, cyan, magenta, blue, dim, bold };

// Columns that UTF-8 text takes; wide characters take two, combining marks none. Broken bytes count
// one.
std::size_t display_width(std::string_view text);

// The text with control characters and broken UTF-8 replaced by '?', so that nothing in it steers
// the terminal.
std::string printable(std::string_view text);
std::string printable_lines(std::string_view text);  // The same, but newlines and tabs stay.

// At most `width` columns; what is cut ends in "...".
std::string shortened(std::string_view text, std::size_t width);

std::string colored(const Context& context, Color color, std::string_view text);

// green running/healthy, red failed/unhealthy, yellow starting/stopping/backoff, cyan scheduled,
// dim the rest.
Color state_color(std::string_view word) noexcept;

struct Cell {
    std::string text;
    Color color = Color::none;
};

// Aligned columns. When the terminal is too narrow the widest column, then the next, gives way;
// when all are at their narrowest, the last ones are left out.
class Table {
  public:
    explicit Table(std::vector<std::string> header);
    void add(std::vector<Cell> row);
    void print(const Context& context, std::ostream& out) const;

  private:
    std::vector<std::string> header_;
    std::vector<std::vector<Cell>> rows_;
};

// "name: value" lines, the values aligned.
void print_fields(const Context& context,
                  const std::vector<std::pair<std::string, std::string>>& fields);

// "12.3 MiB".
std::string format_bytes(std::uint64_t bytes);

// Without white space at the end.
std::string trimmed(std::string_view text);

// "a, b, c".
std::string join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace syspulse::cli
