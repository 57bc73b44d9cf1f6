// See database.hpp.
#include "state/database.hpp"

#include <tarpon/limits.hpp>

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tarpon::state {
namespace {

/// SQLite would make it with the modes of everybody's files. One that is there is left alone:
/// closing it would end the locks that this process has on it.
void make_private_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return;
    if (fd < 0)
        throw database_error(SQLITE_CANTOPEN, path + ": " + std::strerror(errno));
    ::close(fd);
}

} // namespace

database_error::database_error(int code, const std::string& words)
    : std::runtime_error(words)
    , code_(code & 0xff) {}

bool database_error::busy() const noexcept {
    return code_ == SQLITE_BUSY || code_ == SQLITE_LOCKED;
}

bool database_error::damaged() const noexcept {
    return code_ == SQLITE_CORRUPT || code_ == SQLITE_NOTADB;
}

void statement::finalize::operator()(sqlite3_stmt* at) const noexcept {
    sqlite3_finalize(at);
}

void database::close::operator()(sqlite3* at) const noexcept {
    sqlite3_close(at);
}

database::database(const std::string& path, database_use use) {
    if (use != database_use::look)
        make_private_file(path);
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    at_.reset(raw);
    if (code != SQLITE_OK)
        throw database_error(code, path + ": " + sqlite3_errstr(code));
    sqlite3_busy_timeout(raw, static_cast<int>(limits::state_lock_time_max.count()));
    // What the file says must not run functions, nor damage us (a schema is text, too).
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    const char* settings = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL";
    if (use == database_use::record)
        settings = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL";
    else if (use == database_use::look)
        settings = "PRAGMA query_only=1";
    execute(settings);
}

void database::execute(const char* sql) {
    const int code = sqlite3_exec(at_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        throw database_error(code, sqlite3_errmsg(at_.get()));
}

statement::statement(database& in, std::string_view sql)
    : in_(in) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v2(in.at_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    at_.reset(raw);
    if (code != SQLITE_OK)
        throw database_error(code, sqlite3_errmsg(in.at_.get()));
}

statement& statement::bind(std::string_view text) {
    const int code = sqlite3_bind_text(
        at_.get(), ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    if (code != SQLITE_OK)
        throw database_error(code, sqlite3_errmsg(in_.at_.get()));
    return *this;
}

statement& statement::bind(std::int64_t number) {
    const int code = sqlite3_bind_int64(at_.get(), ++bound_, number);
    if (code != SQLITE_OK)
        throw database_error(code, sqlite3_errmsg(in_.at_.get()));
    return *this;
}

bool statement::step() {
    const int code = sqlite3_step(at_.get());
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        throw database_error(code, sqlite3_errmsg(in_.at_.get()));
    return false;
}

int statement::run() {
    while (step()) {
    }
    return sqlite3_changes(in_.at_.get());
}

std::string statement::text(int column) const {
    const unsigned char* bytes = sqlite3_column_text(at_.get(), column);
    const int size = sqlite3_column_bytes(at_.get(), column);
    if (!bytes)
        return {};
    return {bytes, bytes + size};
}

std::int64_t statement::number(int column) const {
    return sqlite3_column_int64(at_.get(), column);
}

transaction::transaction(database& in)
    : in_(in) {
    in_.execute("BEGIN IMMEDIATE");
}

transaction::~transaction() {
    if (!open_)
        return;
    try {
        in_.execute("ROLLBACK");
    } catch (const database_error&) {
        // SQLite has rolled it back by itself.
    }
}

void transaction::commit() {
    in_.execute("COMMIT");
    open_ = false;
}

} // namespace tarpon::state
