// The checker `postgres`: healthy when the server of a connection string answers a query. It drives
// libpq's asynchronous interface from the host's loop. With a host name instead of an address libpq
// asks the resolver on the loop thread, so give `hostaddr` where the resolver may be slow.
#include <libpq-fe.h>
#include <syspulse/plugin.hpp>

namespace sdk = syspulse::sdk;

class PostgresChecker : public sdk::AsyncChecker {
  public:
    static constexpr const char* name = "postgres";
    static constexpr const char* summary = "Runs a query on a PostgreSQL server";
    static sdk::Schema schema() {
        return sdk::Schema{}
            .add("password", sdk::Option::string().by_default("").secret())
            .add("query", sdk::Option::string().length(1, 4096).by_default("SELECT 1"))
            .add("expect",
                 sdk::Option::string().optional().describe("The first value of the first row"));
    }

    explicit PostgresChecker(const sdk::Config& config)
        : AsyncChecker(config), password_(config.str("/password")), query_(config.str("/query")) {
        if (config.has("/expect")) expected_ = config.str("/expect");
    }
    ~PostgresChecker() override { release(); }

    void start(sdk::Completion& completion, const sdk::CheckRequest& request) override {
        const char* const names[] = {"application_name", "dbname",
                                     password_.empty() ? nullptr : "password", nullptr};
        const char* const values[] = {"syspulse", request.target.c_str(), password_.c_str(),
                                      nullptr};
        connection_ = PQconnectStartParams(names, values, 1 /* dbname is a connection string */);
        if (connection_ == nullptr) throw std::bad_alloc{};
        completion_ = std::move(completion);
        began_ = io().now_ns();
        if (PQstatus(connection_) == CONNECTION_BAD) return fail_with(PQerrorMessage(connection_));
        deadline_ = io().timer(request.timeout,
                               [this, limit = request.timeout] { finish(sdk::timed_out(limit)); });
        next_ = &PostgresChecker::connecting;
        wait_for(SYSP_IO_WRITE);
    }
    void cancel() override {
        release();
        completion_.fail(sdk::Error::cancelled());
    }

  private:
    using Step = void (PostgresChecker::*)();

    // The socket may be another one after each step, as libpq tries one address after the other.
    void wait_for(std::uint32_t interest) {
        watch_.reset();
        watch_ = io().watch(PQsocket(connection_), interest,
                            [this](std::uint32_t) { (this->*next_)(); });
    }
    void connecting() {
        watch_.reset();  // Before libpq may close the socket.
        switch (PQconnectPoll(connection_)) {
            case PGRES_POLLING_READING:
                return wait_for(SYSP_IO_READ);
            case PGRES_POLLING_WRITING:
                return wait_for(SYSP_IO_WRITE);
            case PGRES_POLLING_OK:
                connected_ = io().now_ns();
                if (PQsetnonblocking(connection_, 1) != 0 ||
                    PQsendQuery(connection_, query_.c_str()) == 0) {
                    return fail_with(PQerrorMessage(connection_));
                }
                next_ = &PostgresChecker::sending;
                return sending();
            default:
                return fail_with(PQerrorMessage(connection_));
        }
    }
    void sending() {
        const int left = PQflush(connection_);
        if (left < 0) return fail_with(PQerrorMessage(connection_));
        if (left == 0) next_ = &PostgresChecker::receiving;
        wait_for(left == 0 ? SYSP_IO_READ : SYSP_IO_READ | SYSP_IO_WRITE);
    }
    void receiving() {
        if (PQconsumeInput(connection_) == 0) return fail_with(PQerrorMessage(connection_));
        if (PQisBusy(connection_) != 0) return;
        const std::unique_ptr<PGresult, decltype(&PQclear)> rows{PQgetResult(connection_),
                                                                 &PQclear};
        const auto status = PQresultStatus(rows.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            return fail_with(PQresultErrorMessage(rows.get()));
        const bool has_value = PQntuples(rows.get()) > 0 && PQnfields(rows.get()) > 0;
        const std::string value = has_value ? PQgetvalue(rows.get(), 0, 0) : "";
        auto result = sdk::Result::pass("the query gave " + (has_value ? value : "no row"));
        if (expected_ && (!has_value || value != *expected_)) {
            result = sdk::Result::fail("the query gave " + (has_value ? value : "no row") +
                                       ", expected " + *expected_);
        }
        const double second = 1e9;
        result.metrics = {
            {"connect_seconds", static_cast<double>(connected_ - began_) / second},
            {"query_seconds", static_cast<double>(io().now_ns() - connected_) / second}};
        finish(result);
    }
    // The texts of libpq have several lines; the first says what is wrong.
    void fail_with(const std::string& text) {
        finish(sdk::Result::fail(text.substr(0, text.find('\n'))));
    }
    void finish(const sdk::Result& result) {
        release();
        completion_.done(result);
    }
    void release() {
        watch_.reset();
        deadline_.reset();
        if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
    }

    std::string password_, query_;
    std::optional<std::string> expected_;
    PGconn* connection_ = nullptr;
    Step next_ = nullptr;
    std::uint64_t began_ = 0, connected_ = 0;  // Nanoseconds, of the loop's clock.
    sdk::Completion completion_;
    sdk::Watch watch_;
    sdk::Timer deadline_;
};

SYSPULSE_PLUGIN("org.syspulse.example.postgres", "1.0.0", "syspulse examples",
                sdk::async_checker<PostgresChecker>());
