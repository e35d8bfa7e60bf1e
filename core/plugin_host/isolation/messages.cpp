#include "plugin_host/isolation/messages.hpp"

#include <type_traits>
#include <utility>

namespace syspulse::plugin_host {
namespace {

class Put {
  public:
    explicit Put(FrameWriter& writer) : writer_(writer) {}
    void operator()(bool& value) { writer_.u8(value ? 1 : 0); }
    void operator()(std::uint32_t& value) { writer_.u32(value); }
    void operator()(std::int32_t& value) { writer_.i32(value); }
    void operator()(std::uint64_t& value) { writer_.u64(value); }
    void operator()(std::int64_t& value) { writer_.i64(value); }
    void operator()(double& value) { writer_.f64(value); }
    void operator()(std::string& value) { writer_.text(value); }
    void operator()(std::vector<std::string>& value) { writer_.texts(value); }

  private:
    FrameWriter& writer_;
};

class Get {
  public:
    explicit Get(FrameReader& reader) : reader_(reader) {}
    void operator()(bool& value) { value = reader_.u8() != 0; }
    void operator()(std::uint32_t& value) { value = reader_.u32(); }
    void operator()(std::int32_t& value) { value = reader_.i32(); }
    void operator()(std::uint64_t& value) { value = reader_.u64(); }
    void operator()(std::int64_t& value) { value = reader_.i64(); }
    void operator()(double& value) { value = reader_.f64(); }
    void operator()(std::string& value) { value = reader_.text(); }
    void operator()(std::vector<std::string>& value) { value = reader_.texts(); }

  private:
    FrameReader& reader_;
};

template <class Fields>
void list(Fields& field, CreateCall& m) {
    field(m.instance), field(m.driver), field(m.kind), field(m.config);
}
template <class Fields>
void list(Fields& field, CheckCall& m) {
    field(m.instance), field(m.timeout_ms), field(m.proc), field(m.pid), field(m.unit),
        field(m.target);
}
template <class Fields>
void list(Fields& field, SpawnCall& m) {
    field(m.instance), field(m.proc), field(m.flags), field(m.run_id), field(m.unit), field(m.argv),
        field(m.env), field(m.cwd), field(m.user), field(m.config), field(m.limits),
        field(m.memory_bytes), field(m.open_files), field(m.processes), field(m.cpu_percent),
        field(m.stdio);
}
template <class Fields>
void list(Fields& field, RecoverCall& m) {
    field(m.instance), field(m.proc), field(m.flags), field(m.run_id), field(m.token),
        field(m.config);
}
template <class Fields>
void list(Fields& field, PlainCall& m) {
    field(m.instance), field(m.proc), field(m.kind), field(m.number);
}
template <class Fields>
void list(Fields& field, ExtensionCall& m) {
    field(m.instance), field(m.proc), field(m.id), field(m.function);
}
template <class Fields>
void list(Fields& field, HelloMessage& m) {
    field(m.protocol), field(m.descriptor);
}
template <class Fields>
void list(Fields& field, FailedMessage& m) {
    field(m.message);
}
template <class Fields>
void list(Fields& field, CreatedMessage& m) {
    field(m.instance), field(m.error), field(m.extensions);
}

// An enum as the number that it is; what is out of range becomes `last`.
template <class Fields, class Enum>
void code(Fields& field, Enum& value, Enum last) {
    auto number = static_cast<std::uint32_t>(value);
    field(number);
    value = number <= static_cast<std::uint32_t>(last) ? static_cast<Enum>(number) : last;
}

template <class Fields>
void list(Fields& field, ExitStatus& m) {
    code(field, m.kind, ExitStatus::Kind::lost);
    field(m.value), field(m.oom_killed), field(m.memory_peak_bytes);
}
template <class Fields>
void list(Fields& field, ExitedMessage& m) {
    field(m.proc);
    list(field, m.status);
}
template <class Fields>
void list(Fields& field, platform::SpawnedProcess& m) {
    field(m.pid), field(m.token), field(m.frozen);
}
template <class Fields>
void list(Fields& field, platform::CheckReport& m) {
    code(field, m.outcome, platform::CheckReport::Outcome::errored);
    field(m.message);
    std::vector<std::string> names;
    for (const model::Metric& metric : m.metrics) names.push_back(metric.name);
    field(names);
    m.metrics.resize(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        m.metrics[i].name = names[i];
        field(m.metrics[i].value);
    }
}
template <class Fields>
void list(Fields& field, MisbehavedMessage& m) {
    field(m.counts.stale), field(m.counts.wrong_type), field(m.counts.rejected),
        field(m.counts.thrown), field(m.counts.slow_calls), field(m.counts.unanswered),
        field(m.counts.log_lines_dropped);
}
template <class Fields>
void list(Fields&, std::monostate&) {}

template <class Fields>
void duration(Fields& field, Duration& value) {
    std::int64_t count = value.count();
    field(count);
    value = Duration{count};
}

template <class Fields>
void list(Fields& field, model::Pressure& m) {
    for (model::Pressure::Share* const share : {&m.some, &m.full}) {
        field(share->avg10), field(share->avg60), field(share->avg300);
        duration(field, share->total);
    }
}

template <class Fields, class Value>
void optional(Fields& field, std::optional<Value>& value) {
    bool present = value.has_value();
    field(present);
    if (!present) return value.reset();
    if (!value) value.emplace();
    if constexpr (std::is_same_v<Value, Duration>) {
        duration(field, *value);
    } else if constexpr (std::is_same_v<Value, model::Pressure>) {
        list(field, *value);
    } else {
        field(*value);
    }
}

template <class Fields>
void list(Fields& field, platform::ProcessStats& m) {
    optional(field, m.cpu_time);
    optional(field, m.memory_bytes);
    optional(field, m.tasks);
    optional(field, m.cpu_user);
    optional(field, m.cpu_system);
    optional(field, m.memory_peak_bytes);
    optional(field, m.io_read_bytes);
    optional(field, m.io_write_bytes);
    optional(field, m.throttled);
    optional(field, m.throttled_count);
    optional(field, m.cpu_pressure);
    optional(field, m.memory_pressure);
    optional(field, m.io_pressure);
}

template <std::size_t Index = 0, class Variant>
void choose(Variant& variant, std::uint32_t index) {
    if constexpr (Index < std::variant_size_v<Variant>) {
        if (index == Index) {
            variant.template emplace<Index>();
        } else {
            choose<Index + 1>(variant, index);
        }
    }
}

template <class Fields>
void list(Fields& field, DoneMessage& m) {
    code(field, m.type, OpType::stats);
    bool failed = m.error.has_value();
    field(failed);
    if (failed) {
        if (!m.error) m.error.emplace();
        code(field, m.error->code, ErrorCode::internal);
        field(m.error->message);
        field(m.unconfirmed);
        field(m.killable);
        return;
    }
    auto index = static_cast<std::uint32_t>(m.payload.index());
    field(index);
    if (index != m.payload.index()) choose(m.payload, index);
    std::visit([&](auto& payload) { list(field, payload); }, m.payload);
}

}  // namespace

template <class Message>
std::string encode(FrameType type, std::uint64_t id, const Message& message, std::size_t handles) {
    FrameWriter writer(type, id, handles);
    Put put(writer);
    // The same list serves for reading, which is why it takes what it could change.
    list(put, const_cast<Message&>(message));
    return writer.take();
}

template <class Message>
std::optional<Message> decode(std::string_view body) {
    FrameReader reader(body);
    Get get(reader);
    Message message;
    list(get, message);
    if (!reader.complete()) return std::nullopt;
    return message;
}

#define SYSPULSE_MESSAGE(Type)                                                       \
    template std::string encode(FrameType, std::uint64_t, const Type&, std::size_t); \
    template std::optional<Type> decode(std::string_view)

SYSPULSE_MESSAGE(CreateCall);
SYSPULSE_MESSAGE(CheckCall);
SYSPULSE_MESSAGE(SpawnCall);
SYSPULSE_MESSAGE(RecoverCall);
SYSPULSE_MESSAGE(PlainCall);
SYSPULSE_MESSAGE(ExtensionCall);
SYSPULSE_MESSAGE(HelloMessage);
SYSPULSE_MESSAGE(FailedMessage);
SYSPULSE_MESSAGE(CreatedMessage);
SYSPULSE_MESSAGE(DoneMessage);
SYSPULSE_MESSAGE(ExitedMessage);
SYSPULSE_MESSAGE(MisbehavedMessage);

}  // namespace syspulse::plugin_host
