// The one adapter to nlohmann/json's parser. It uses the event interface, because the document
// interface drops duplicate keys silently and keeps no positions.
#include <nlohmann/json.hpp>

#include "config/document_builder.hpp"
#include "config/readers.hpp"

namespace syspulse::config {
namespace {

using Json = nlohmann::json;

class SaxReader final : public nlohmann::json_sax<Json> {
  public:
    SaxReader(Issues& issues, Places places) : issues_(issues), builder_(issues), places_(places) {}

    DocumentBuilder& builder() { return builder_; }

    bool null() override { return add(Value{}); }
    bool boolean(bool flag) override {
        Value value;
        value.kind = Value::Kind::boolean;
        value.boolean = flag;
        value.text = flag ? "true" : "false";
        return add(std::move(value));
    }
    bool number_integer(number_integer_t number) override {
        Value value;
        value.kind = Value::Kind::integer;
        value.integer = number;
        value.number = static_cast<double>(number);
        value.text = std::to_string(number);
        return add(std::move(value));
    }
    bool number_unsigned(number_unsigned_t number) override {
        if (number <= static_cast<number_unsigned_t>(INT64_MAX)) {
            return number_integer(static_cast<number_integer_t>(number));
        }
        return number_float(static_cast<number_float_t>(number), std::to_string(number));
    }
    bool number_float(number_float_t number, const string_t& text) override {
        Value value;
        value.kind = Value::Kind::number;
        value.number = number;
        value.text = text;
        return add(std::move(value));
    }
    bool string(string_t& text) override {
        Value value;
        value.kind = Value::Kind::string;
        value.text = std::move(text);
        return add(std::move(value));
    }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return builder_.begin(Value::Kind::map, here()); }
    bool key(string_t& text) override {
        Value value;
        value.kind = Value::Kind::string;
        if (places_ == Places::known) value.where.pointer = builder_.pointer() + "/" + text;
        value.text = std::move(text);
        return builder_.scalar(std::move(value));
    }
    bool end_object() override { return builder_.end(); }
    bool start_array(std::size_t) override { return builder_.begin(Value::Kind::list, here()); }
    bool end_array() override { return builder_.end(); }
    bool parse_error(std::size_t byte, const std::string&,
                     const nlohmann::detail::exception&) override {
        issues_.push_back({{}, "invalid JSON at byte " + std::to_string(byte)});
        return false;
    }

  private:
    Position here() const {
        return places_ == Places::known ? Position{0, 0, builder_.pointer()} : Position{};
    }
    bool add(Value&& value) {
        value.where = here();
        return builder_.scalar(std::move(value));
    }

    Issues& issues_;
    DocumentBuilder builder_;
    Places places_;
};

}  // namespace

std::optional<Value> read_json(std::string_view text, Issues& issues, Places places) {
    if (text.size() > document_bytes_max) {
        issues.push_back({{}, "the JSON text is larger than 8 MiB"});
        return std::nullopt;
    }
    SaxReader reader(issues, places);
    try {
        if (!Json::sax_parse(text.begin(), text.end(), &reader)) return std::nullopt;
    } catch (const Json::exception& error) {
        issues.push_back({{}, std::string("invalid JSON: ") + error.what()});
        return std::nullopt;
    }
    if (!reader.builder().complete()) return std::nullopt;
    return reader.builder().take();
}

}  // namespace syspulse::config
