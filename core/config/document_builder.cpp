#include "config/document_builder.hpp"

#include <algorithm>
#include <utility>

namespace syspulse::config {
namespace {

constexpr std::string_view merge_key = "<<";

// RFC 6901.
void append_token(std::string& pointer, std::string_view token) {
    pointer += '/';
    for (const char c : token) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
}

}  // namespace

bool DocumentBuilder::begin(Value::Kind kind, Position where, std::size_t anchor) {
    if (refused_) return false;
    if (expects_key()) return refuse(where, "a key must be a single word, not a list or a map");
    if (stack_.size() >= depth_max) {
        return refuse(where, "nested too deeply: at most " + std::to_string(depth_max) + " levels");
    }
    if (!charge(Weight{}, where)) return false;
    Frame frame;
    frame.value.kind = kind;
    frame.value.where = std::move(where);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
    return true;
}

bool DocumentBuilder::end() {
    if (refused_ || stack_.empty()) return false;
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add_merged(frame);
    return place(std::move(frame.value), frame.anchor);
}

bool DocumentBuilder::scalar(Value&& value, std::size_t anchor) {
    if (refused_) return false;
    if (!charge(Weight{.bytes = value.text.size()}, value.where)) return false;
    if (!expects_key()) return place(std::move(value), anchor);
    if (anchor != 0) anchors_.insert_or_assign(anchor, value);
    set_key(std::move(value));
    return true;
}

bool DocumentBuilder::alias(std::size_t anchor, const Position& where) {
    if (refused_) return false;
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) return refuse(where, "the alias stands inside its own anchor");
    const Weight weight = weigh(found->second);
    if (stack_.size() + weight.depth > depth_max) {
        return refuse(where, "nested too deeply: at most " + std::to_string(depth_max) + " levels");
    }
    if (!charge(weight, where)) return false;
    Value copy = found->second;
    if (!expects_key()) return place(std::move(copy), 0);
    if (!copy.is_scalar()) return refuse(where, "a key must be a single word, not a list or a map");
    set_key(std::move(copy));
    return true;
}

bool DocumentBuilder::expects_key() const noexcept {
    return !stack_.empty() && stack_.back().value.kind == Value::Kind::map &&
           !stack_.back().has_key;
}

std::string DocumentBuilder::pointer() const {
    std::string pointer;
    for (const Frame& frame : stack_) {
        if (frame.value.kind == Value::Kind::list) {
            append_token(pointer, std::to_string(frame.value.items.size()));
        } else if (frame.has_key) {
            append_token(pointer, frame.entry.key);
        }
    }
    return pointer;
}

DocumentBuilder::Weight DocumentBuilder::weigh(const Value& value) {
    Weight weight{.bytes = value.text.size()};
    const auto add = [&](const Value& child) {
        const Weight part = weigh(child);
        weight.nodes += part.nodes;
        weight.bytes += part.bytes;
        weight.depth = std::max(weight.depth, part.depth + 1);
    };
    for (const Value& item : value.items) add(item);
    for (const Member& member : value.members) {
        weight.bytes += member.key.size();
        add(member.value);
    }
    return weight;
}

bool DocumentBuilder::charge(const Weight& weight, const Position& where) {
    nodes_ += weight.nodes;
    bytes_ += weight.bytes;
    if (nodes_ <= nodes_max && bytes_ <= bytes_max) return true;
    return refuse(where, "the document is too large once its aliases are expanded: at most " +
                             std::to_string(nodes_max) + " values and " +
                             std::to_string(bytes_max >> 20U) + " MiB of text");
}

bool DocumentBuilder::refuse(const Position& where, std::string message) {
    refused_ = true;
    issues_.push_back({where, std::move(message)});
    return false;
}

void DocumentBuilder::set_key(Value&& key) {
    Frame& frame = stack_.back();
    frame.has_key = true;
    frame.entry.key = std::move(key.text);
    frame.entry.key_where = std::move(key.where);
    frame.is_merge = key.plain && frame.entry.key == merge_key;
    frame.discard = !frame.seen.insert(frame.entry.key).second;
    if (!frame.discard) return;
    issues_.push_back({frame.entry.key_where, "duplicate key \"" + frame.entry.key + "\""});
}

bool DocumentBuilder::place(Value&& value, std::size_t anchor) {
    if (anchor != 0) {
        // The copy is charged too: nested anchors would otherwise multiply memory by the depth.
        if (!charge(weigh(value), value.where)) return false;
        anchors_.insert_or_assign(anchor, value);
    }
    if (stack_.empty()) {
        root_ = std::move(value);
        complete_ = true;
        return true;
    }
    Frame& frame = stack_.back();
    if (frame.value.kind == Value::Kind::list) {
        frame.value.items.push_back(std::move(value));
    } else {
        add_entry(frame, std::move(value));
    }
    return true;
}

void DocumentBuilder::add_entry(Frame& frame, Value&& value) {
    frame.has_key = false;
    if (frame.discard) return;
    if (!frame.is_merge) {
        // A missing value has no place of its own: parsers name the next token, which misleads.
        if (value.kind == Value::Kind::null) value.where = frame.entry.key_where;
        frame.value.members.push_back(
            {std::move(frame.entry.key), std::move(frame.entry.key_where), std::move(value)});
        return;
    }
    if (value.kind == Value::Kind::map) {
        frame.merged.push_back(std::move(value));
        return;
    }
    const bool all_maps =
        value.kind == Value::Kind::list &&
        std::all_of(value.items.begin(), value.items.end(),
                    [](const Value& item) { return item.kind == Value::Kind::map; });
    if (!all_maps) {
        issues_.push_back(
            {value.where, "\"<<\" must name a map or a list of maps, found " + describe(value)});
        return;
    }
    for (Value& item : value.items) frame.merged.push_back(std::move(item));
}

// Keys of the map itself win over merged ones, and earlier merged maps over later ones.
void DocumentBuilder::add_merged(Frame& frame) {
    for (Value& source : frame.merged) {
        for (Member& member : source.members) {
            if (frame.seen.insert(member.key).second) {
                frame.value.members.push_back(std::move(member));
            }
        }
    }
    frame.merged.clear();
}

}  // namespace syspulse::config
