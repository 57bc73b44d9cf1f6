// SQLite as objects: a connection, statements with bound values, rows. Blocking; one thread at a
// time.
//
// A rollback journal, not a write-ahead log: 3.40 (Debian 12) has a bug in the log that can damage
// a database which several processes write.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tarpon::state {

class database_error : public std::runtime_error {
public:
    database_error(int code, const std::string& words);
    /// SQLite's result code, without its extension.
    int code() const noexcept { return code_; }
    /// Somebody else had it locked for as long as we waited.
    bool busy() const noexcept;
    /// The file is no database, or a damaged one: it is of no use to anyone.
    bool damaged() const noexcept;

private:
    int code_;
};

class database;

/// One run of one statement. Ends with its object.
class statement {
public:
    statement(database& in, std::string_view sql);

    statement& bind(std::string_view text);
    statement& bind(std::int64_t number);
    /// To the next row; false after the last.
    bool step();
    /// To the end, for statements without rows; how many rows were changed.
    int run();

    std::string text(int column) const;
    std::int64_t number(int column) const;

private:
    struct finalize {
        void operator()(sqlite3_stmt* at) const noexcept;
    };
    database& in_;
    std::unique_ptr<sqlite3_stmt, finalize> at_;
    int bound_ = 0;
};

/// What a database is opened for.
enum class database_use {
    cache,  ///< what the last moments before a power cut wrote may be lost
    record, ///< what was committed is there
    look,   ///< nothing is made or changed, but for what a killed writer left half done
};

class database {
public:
    /// Opens or makes the file, for its owner's eyes only. Throws database_error.
    explicit database(const std::string& path, database_use use = database_use::cache);

    /// Statements without values.
    void execute(const char* sql);

private:
    friend class statement;
    struct close {
        void operator()(sqlite3* at) const noexcept;
    };
    std::unique_ptr<sqlite3, close> at_;
};

/// All or nothing: rolled back at its end unless commit() was called. Takes the lock at once, so
/// that what is read in it is still true when it writes.
class transaction {
public:
    explicit transaction(database& in);
    ~transaction();
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    void commit();

private:
    database& in_;
    bool open_ = true;
};

} // namespace tarpon::state
