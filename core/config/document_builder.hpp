// Builds a Value tree from a parser's events and refuses documents that would grow without bound.
// Shared by the YAML and the JSON reader; knows neither.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/value.hpp"

namespace syspulse::config {

// Larger texts are refused before they are parsed.
inline constexpr std::size_t document_bytes_max = 8UL * 1024 * 1024;

// Every function that adds something returns false once the document is refused; the reason is then
// the last issue, and the parser should stop.
class DocumentBuilder {
  public:
    static constexpr std::size_t depth_max = 64;
    static constexpr std::size_t nodes_max = 500'000;             // After aliases are expanded.
    static constexpr std::size_t bytes_max = 32UL * 1024 * 1024;  // Of text, likewise.

    explicit DocumentBuilder(Issues& issues) : issues_(issues) {}

    // `anchor` is the number of the node's anchor, zero for none.
    bool begin(Value::Kind kind, Position where, std::size_t anchor = 0);
    bool end();
    bool scalar(Value&& value, std::size_t anchor = 0);
    bool alias(std::size_t anchor, const Position& where);

    // True when the next node is the key of a map entry.
    bool expects_key() const noexcept;
    // The JSON pointer of the node that comes next.
    std::string pointer() const;

    bool complete() const noexcept { return complete_; }
    Value take() { return std::move(root_); }

  private:
    struct Frame {
        Value value;
        std::size_t anchor = 0;
        Member entry;  // Map only: the entry whose value comes next.
        bool has_key = false;
        bool discard = false;   // The entry's key is a duplicate.
        bool is_merge = false;  // The entry's key is the merge key.
        std::unordered_set<std::string> seen;
        std::vector<Value> merged;
    };
    struct Weight {
        std::size_t nodes = 1;
        std::size_t bytes = 0;
        std::size_t depth = 0;
    };

    static Weight weigh(const Value& value);
    bool charge(const Weight& weight, const Position& where);
    bool refuse(const Position& where, std::string message);
    void set_key(Value&& key);
    bool place(Value&& value, std::size_t anchor);
    void add_entry(Frame& frame, Value&& value);
    void add_merged(Frame& frame);

    Issues& issues_;
    std::vector<Frame> stack_;
    std::unordered_map<std::size_t, Value> anchors_;  // Finished nodes only.
    Value root_;
    bool complete_ = false;
    bool refused_ = false;
    std::size_t nodes_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace syspulse::config
