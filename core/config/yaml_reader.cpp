// The one adapter to yaml-cpp. It uses the event interface, because the node interface drops
// duplicate keys silently and expands aliases without a bound.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <array>
#include <cctype>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "base/utf8.hpp"
#include "config/document_builder.hpp"
#include "config/readers.hpp"

namespace syspulse::config {
namespace {

// Leaves the parser, which offers no other way to stop it; the reason is already among the issues.
struct Stop {};

Position position_of(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1, {}};
}

class EventReader final : public YAML::EventHandler {
  public:
    explicit EventReader(Issues& issues) : issues_(issues), builder_(issues) {}

    DocumentBuilder& builder() { return builder_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ == 1) return;
        issues_.push_back(
            {position_of(mark), "a spec file holds one document: remove the second \"---\""});
        throw Stop{};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Value value;
        value.where = position_of(mark);
        go_on(builder_.scalar(std::move(value), anchor));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        go_on(builder_.alias(anchor, position_of(mark)));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        check_tag(tag, mark);
        Value value;
        value.kind = Value::Kind::string;
        // "!" marks a quoted scalar, and !!str asks for a string in so many words.
        value.plain = tag != "!" && tag != "tag:yaml.org,2002:str";
        value.text = text;
        value.where = position_of(mark);
        go_on(builder_.scalar(std::move(value), anchor));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        check_tag(tag, mark);
        go_on(builder_.begin(Value::Kind::list, position_of(mark), anchor));
    }
    void OnSequenceEnd() override { go_on(builder_.end()); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        check_tag(tag, mark);
        go_on(builder_.begin(Value::Kind::map, position_of(mark), anchor));
    }
    void OnMapEnd() override { go_on(builder_.end()); }

  private:
    static void go_on(bool accepted) {
        if (!accepted) throw Stop{};
    }

    void check_tag(const std::string& tag, const YAML::Mark& mark) {
        if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:"))
            return;
        issues_.push_back({position_of(mark), "the tag \"" + tag + "\" is not known: remove it"});
    }

    Issues& issues_;
    DocumentBuilder builder_;
    int documents_ = 0;
};

std::string lower_first(std::string text) {
    if (!text.empty()) {
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    }
    return text;
}

// The parser may stop a line late.
bool indented_by_tab(std::string_view text, int line) {
    for (int number = 1; number <= line && !text.empty(); ++number) {
        const std::string_view at = text.substr(0, text.find('\n'));
        const auto indent = at.find_first_not_of(' ');
        if (number + 1 >= line && indent != std::string_view::npos && at[indent] == '\t')
            return true;
        text.remove_prefix(std::min(text.size(), at.size() + 1));
    }
    return false;
}

std::string_view remedy(std::string_view text, std::string_view error, int line) {
    if (indented_by_tab(text, line)) return "; indent with spaces, tabs are not allowed";
    if (error.starts_with("unknown escape character"))
        return "; between double quotes a backslash is no part of a path: write single quotes, or "
               "/";
    return {};
}

bool parse(std::string_view text, EventReader& reader, Issues& issues) {
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(reader)) {
        }
        return true;
    } catch (const Stop&) {
        return false;
    } catch (const YAML::Exception& error) {
        const Position where = error.mark.is_null() ? Position{1, 1, {}} : position_of(error.mark);
        issues.push_back({where, "invalid YAML: " + lower_first(error.msg) +
                                     std::string(remedy(text, error.msg, where.line))});
        return false;
    }
}

// YAML takes no control characters but these; yaml-cpp does, and changes what is beside them.
bool allowed(char byte) {
    return static_cast<unsigned char>(byte) >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
}

// The first thing that no YAML file may hold, with its 1-based position.
std::optional<Issue> find_unreadable(std::string_view text) {
    Position where{1, 1, {}};
    while (!text.empty()) {
        const std::size_t length = utf8_sequence_length(text);
        if (length == 0) return Issue{where, "the text is not UTF-8: save the file in UTF-8"};
        if (!allowed(text.front())) {
            constexpr std::string_view digits = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(text.front());
            const std::string code{digits[byte / 16U], digits[byte % 16U]};
            return Issue{where, "the text has the control character U+00" + code +
                                    ": remove it, or write \"\\x" + code + "\" in a quoted text"};
        }
        if (text.front() == '\n') {
            ++where.line;
            where.column = 1;
        } else {
            where.column += static_cast<int>(length);
        }
        text.remove_prefix(length);
    }
    return std::nullopt;
}

}  // namespace

std::optional<Value> read_yaml(std::string_view text, Issues& issues) {
    if (text.size() > document_bytes_max) {
        issues.push_back({{1, 1, {}}, "the file is larger than 8 MiB: split it"});
        return std::nullopt;
    }
    if (auto issue = find_unreadable(text)) {
        issues.push_back(std::move(*issue));
        return std::nullopt;
    }
    EventReader reader(issues);
    if (!parse(text, reader, issues)) return std::nullopt;
    if (!reader.builder().complete()) {
        issues.push_back({{1, 1, {}}, "the file is empty: it needs a \"daemons\" block"});
        return std::nullopt;
    }
    Value root = reader.builder().take();
    if (root.kind == Value::Kind::null) {
        issues.push_back({{1, 1, {}}, "the file is empty: it needs a \"daemons\" block"});
        return std::nullopt;
    }
    return root;
}

}  // namespace syspulse::config
