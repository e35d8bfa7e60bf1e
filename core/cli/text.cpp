#include "cli/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>
#include <utility>

namespace syspulse::cli {
namespace {

struct Character {
    char32_t point = 0;
    std::size_t bytes = 1;
    bool valid = false;
};

// The character that begins at `at`; an invalid byte is a character of its own.
Character decode(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(at);
    if (lead < 0x80) {
        return {lead, 1, true};
    }
    const std::size_t length = lead >= 0xF0 ? 4U : lead >= 0xE0 ? 3U : 2U;
    if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) {
        return {};
    }
    char32_t point = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U) {
            return {};
        }
        point = (point << 6U) | (byte(at + i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return {point, length, point >= least[length] && point <= 0x10FFFF && !surrogate};
}

struct Range {
    char32_t first;
    char32_t last;
};

bool within(char32_t point, const Range* begin, const Range* end) {
    return std::any_of(begin, end,
                       [&](const Range& r) { return point >= r.first && point <= r.last; });
}

std::size_t width_of(char32_t point) {
    // Combining marks, joiners and variation selectors.
    static constexpr std::array<Range, 8> none{{{0x300, 0x36F},
                                                {0x483, 0x489},
                                                {0x591, 0x5BD},
                                                {0x1AB0, 0x1AFF},
                                                {0x200B, 0x200D},
                                                {0x20D0, 0x20FF},
                                                {0xFE00, 0xFE0F},
                                                {0xFE20, 0xFE2F}}};
    // East Asian wide and full-width blocks, and emoji.
    static constexpr std::array<Range, 9> wide{{{0x1100, 0x115F},
                                                {0x2E80, 0x303E},
                                                {0x3041, 0xA4CF},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFE30, 0xFE6F},
                                                {0xFF00, 0xFF60},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};
    if (within(point, none.data(), none.data() + none.size())) {
        return 0;
    }
    return within(point, wide.data(), wide.data() + wide.size()) ? 2 : 1;
}

bool is_control(char32_t point) {
    const bool steers_direction =
        (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || steers_direction;
}

std::string cleaned(std::string_view text, bool keep_lines) {
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Character c = decode(text, at);
        const bool kept = keep_lines && (c.point == '\n' || c.point == '\t');
        if (c.valid && (kept || !is_control(c.point))) {
            result.append(text.substr(at, c.bytes));
        } else {
            result.push_back('?');
        }
        at += c.bytes;
    }
    return result;
}

std::string_view escape_of(Color color) noexcept {
    switch (color) {
        case Color::green:
            return "\x1b[32m";
        case Color::red:
            return "\x1b[31m";
        case Color::yellow:
            return "\x1b[33m";
        case Color::cyan:
            return "\x1b[36m";
        case Color::magenta:
            return "\x1b[35m";
        case Color::blue:
            return "\x1b[34m";
        case Color::dim:
            return "\x1b[2m";
        case Color::bold:
            return "\x1b[1m";
        case Color::none:
            break;
    }
    return {};
}

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest = 6;
constexpr std::size_t readable_remark = 12;  // The last column, which says what else there is.

// Of a terminal's line. A column of width zero is left out, gap and all.
std::size_t total(const std::vector<std::size_t>& widths) {
    std::size_t sum = 0;
    for (const std::size_t width : widths) {
        sum += width == 0 ? 0 : width + gap;
    }
    return sum - std::min(sum, gap);
}

// Takes from the widest column after the first `whole` ones, one at a time so that long columns
// share the loss, until all fit or none is wider than `narrowest`.
void shrink(std::vector<std::size_t>& widths, std::size_t whole, std::size_t columns) {
    while (total(widths) > columns) {
        const auto widest =
            std::max_element(widths.begin() + static_cast<std::ptrdiff_t>(whole), widths.end());
        if (widest == widths.end() || *widest <= narrowest) {
            return;
        }
        --*widest;
    }
}

// The first two columns tell which and how, and stay whole. The others give way, those in the
// middle first, before one of them becomes too narrow to say anything.
void fit(std::vector<std::size_t>& widths, std::size_t columns) {
    const std::size_t whole = widths.size() > 2 ? 2 : 1;
    const auto fitted = [&] {
        auto tried = widths;
        shrink(tried, whole, columns);
        const bool readable = tried.back() >= std::min(widths.back(), readable_remark);
        const bool fits = readable && total(tried) <= columns;
        if (fits) {
            widths = tried;
        }
        return fits;
    };
    for (std::size_t drop = whole + 1; !fitted() && drop + 1 < widths.size(); ++drop) {
        widths[drop] = 0;
    }
    for (std::size_t drop = whole; !fitted() && drop < widths.size(); ++drop) {
        widths[drop] = 0;
    }
}

}  // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Character c = decode(text, at);
        width += c.valid ? width_of(c.point) : 1;
        at += c.bytes;
    }
    return width;
}

std::string printable(std::string_view text) {
    return cleaned(text, false);
}

std::string printable_lines(std::string_view text) {
    return cleaned(text, true);
}

std::string shortened(std::string_view text, std::size_t width) {
    if (display_width(text) <= width) {
        return std::string(text);
    }
    constexpr std::string_view dots = "...";
    const std::size_t room = width > dots.size() ? width - dots.size() : 0;
    std::string result;
    std::size_t used = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Character c = decode(text, at);
        used += c.valid ? width_of(c.point) : 1;
        if (used > room) {
            break;
        }
        result.append(text.substr(at, c.bytes));
        at += c.bytes;
    }
    return result.append(dots.substr(0, std::min(width, dots.size())));
}

std::string colored(const Context& context, Color color, std::string_view text) {
    if (!context.terminal.color || color == Color::none) {
        return std::string(text);
    }
    return std::string(escape_of(color)).append(text).append("\x1b[0m");
}

Color state_color(std::string_view word) noexcept {
    if (word == "running" || word == "healthy") {
        return Color::green;
    }
    if (word == "failed" || word == "unhealthy") {
        return Color::red;
    }
    if (word == "starting" || word == "stopping" || word == "backoff") {
        return Color::yellow;
    }
    return word == "scheduled" ? Color::cyan : Color::dim;
}

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {}

void Table::add(std::vector<Cell> row) {
    row.resize(header_.size());
    for (Cell& cell : row) {
        cell.text = printable(cell.text);
    }
    rows_.push_back(std::move(row));
}

void Table::print(const Context& context, std::ostream& out) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < header_.size(); ++i) {
        std::size_t width = header_[i].size();
        for (const auto& row : rows_) {
            width = std::max(width, display_width(row[i].text));
        }
        widths.push_back(width);
    }
    if (context.terminal.columns != 0) {
        fit(widths, context.terminal.columns);
    }
    const auto print_row = [&](const std::vector<Cell>& row) {
        std::size_t blanks = 0;  // Held back, so that no line ends in blanks.
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths[i] == 0) {
                continue;
            }
            const std::string shown = shortened(row[i].text, widths[i]);
            if (!shown.empty()) {
                out << std::string(blanks, ' ') << colored(context, row[i].color, shown);
                blanks = 0;
            }
            blanks += widths[i] - display_width(shown) + gap;
        }
        out << '\n';
    };
    std::vector<Cell> header;
    for (const std::string& title : header_) {
        header.push_back({title, Color::bold});
    }
    print_row(header);
    for (const auto& row : rows_) {
        print_row(row);
    }
}

void print_fields(const Context& context,
                  const std::vector<std::pair<std::string, std::string>>& fields) {
    std::size_t width = 0;
    for (const auto& [name, value] : fields) {
        width = std::max(width, display_width(name));
    }
    for (const auto& [name, value] : fields) {
        const bool is_state = name == "state" || name == "health" || name == "health_status";
        const std::string clean = printable(value);
        const std::size_t word = is_state ? clean.find_first_of(", ") : 0;
        const std::string first = clean.substr(0, word);
        const std::string rest = word == std::string::npos ? "" : clean.substr(word);
        context.out << colored(context, Color::bold, printable(name)) << (name.empty() ? ' ' : ':')
                    << std::string(width - display_width(name) + 1, ' ')
                    << (is_state ? colored(context, state_color(first), first) : first) << rest
                    << '\n';
    }
    context.out << std::flush;
}

std::string format_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < units.size()) {
        value /= 1024.0;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text.data();
}

std::string trimmed(std::string_view text) {
    return std::string(text.substr(0, text.find_last_not_of(" \t\r\n") + 1));
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (const std::string& part : parts) {
        result.append(result.empty() ? "" : separator).append(part);
    }
    return result;
}

}  // namespace syspulse::cli
