// See state_store.hpp.
#include "state/state_store.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

namespace tarpon::state {
namespace {

/// Of the tables. A file of another version is of no use, and made anew.
constexpr std::int64_t schema_version = 2;
constexpr std::int64_t tables = 3;
constexpr int places_wanted = 4;

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS layer(
  diff_id TEXT NOT NULL, recipe TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  used INTEGER NOT NULL, PRIMARY KEY(diff_id, recipe)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS place(
  host TEXT NOT NULL, digest TEXT NOT NULL, repository TEXT NOT NULL,
  used INTEGER NOT NULL, PRIMARY KEY(host, digest, repository)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload(
  host TEXT NOT NULL, repository TEXT NOT NULL, body TEXT NOT NULL, location TEXT NOT NULL,
  owner TEXT NOT NULL, used INTEGER NOT NULL,
  PRIMARY KEY(host, repository, body)) WITHOUT ROWID;
PRAGMA user_version=2;
)";

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::int64_t pragma(database& db, std::string_view name) {
    statement ask(db, concat("PRAGMA ", name));
    return ask.step() ? ask.number(0) : 0;
}

std::int64_t count_tables(database& db) {
    statement ask(
        db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
            "AND name IN ('layer', 'place', 'upload')");
    return ask.step() ? ask.number(0) : 0;
}

void remove_database(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    std::filesystem::remove(concat(path, "-journal"), ignored);
}

} // namespace

state_store::state_store(std::string folder)
    : folder_(std::move(folder)) {
    guarded(false, [this] {
        open();
        return true;
    });
}

std::string state_store::trouble() const {
    const std::lock_guard guard(mutex_);
    return trouble_;
}

template <class Value, class Work>
Value state_store::guarded(Value none, Work work) {
    const std::lock_guard guard(mutex_);
    try {
        return work();
    } catch (const database_error& e) {
        trouble_ =
            concat("going on without the state in ", folder_, ", which cannot be used: ", e.what());
        // Whoever holds it may hold it for long, and each call would wait again: this run goes on
        // without. A damaged one is of no use to the next run either.
        if (e.busy() || e.damaged())
            db_.reset();
        if (e.damaged() && lock_ && lock_->alone()) {
            remove_database(database_path());
            lock_->share();
        }
    }
    return none;
}

// --- opening -------------------------------------------------------------------------------------

std::string state_store::database_path() const {
    return concat(folder_, "/state.db");
}

void state_store::open() {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    lock_.emplace(concat(folder_, "/lock"));
    if (!lock_->is_open())
        throw database_error(SQLITE_CANTOPEN, lock_->why());
    if (!lock_->share())
        throw database_error(
            SQLITE_BUSY, errno == EWOULDBLOCK
                             ? std::string("another process is making it anew")
                             : concat("it cannot be locked: ", std::strerror(errno)));
    remove_dead(folder_);
    self_.emplace(folder_);
    try {
        open_database();
        return;
    } catch (const database_error& e) {
        // Only where nobody else has it open.
        if (!e.damaged() || !lock_->alone())
            throw;
    }
    struct share_again {
        const folder_lock& lock;
        ~share_again() { lock.share(); }
    } at_end{*lock_};
    remove_database(database_path());
    open_database();
}

void state_store::open_database() {
    try {
        db_.emplace(database_path());
        prepare();
    } catch (const database_error&) {
        db_.reset();
        throw;
    }
}

void state_store::prepare() {
    const std::int64_t version = pragma(*db_, "user_version");
    if (version != 0 && version != schema_version)
        throw database_error(SQLITE_NOTADB, "it is of another version");
    // Not at every start: writing the version takes the lock and a sync.
    if (version == 0 || count_tables(*db_) < tables) {
        transaction all(*db_);
        db_->execute(schema); // what is there stays
        all.commit();
    }
    remove_old();
}

void state_store::remove_old() {
    const auto life =
        std::chrono::duration_cast<std::chrono::seconds>(limits::unfinished_upload_life);
    // A look needs no lock that others may hold.
    statement old(*db_, "SELECT 1 FROM upload WHERE used < ? LIMIT 1");
    if (old.bind(now() - life.count()).step())
        statement(*db_, "DELETE FROM upload WHERE used < ?").bind(now() - life.count()).run();
    const std::int64_t pages = pragma(*db_, "page_count") - pragma(*db_, "freelist_count");
    if (pages * pragma(*db_, "page_size") <= limits::state_bytes_max)
        return;
    transaction all(*db_);
    for (const char* const table : {"layer", "place"})
        statement(
            *db_, concat(
                      "DELETE FROM ", table, " WHERE used < (SELECT used FROM ", table,
                      " ORDER BY used LIMIT 1 OFFSET (SELECT count(*)/2 FROM ", table, "))"))
            .run();
    all.commit();
    db_->execute("VACUUM");
}

// --- layers and places ---------------------------------------------------------------------------

std::optional<descriptor> state_store::find_layer(const layer_key& key) {
    return guarded(std::optional<descriptor>(), [&]() -> std::optional<descriptor> {
        if (!db_)
            return std::nullopt;
        statement ask(*db_, "SELECT digest, size FROM layer WHERE diff_id = ? AND recipe = ?");
        ask.bind(key.diff_id.str()).bind(key.recipe);
        if (!ask.step() || ask.number(1) < 0)
            return std::nullopt;
        const auto content = digest::parse(ask.text(0));
        if (!content)
            return std::nullopt;
        return descriptor{{}, *content, static_cast<std::uint64_t>(ask.number(1))};
    });
}

std::vector<std::string>
state_store::repositories_with(const std::string& host, const digest& content) {
    return guarded(std::vector<std::string>(), [&] {
        std::vector<std::string> found;
        if (!db_)
            return found;
        statement ask(
            *db_, "SELECT repository FROM place WHERE host = ? AND digest = ? "
                  "ORDER BY used DESC, repository LIMIT ?");
        ask.bind(host).bind(content.str()).bind(places_wanted);
        while (ask.step())
            found.push_back(ask.text(0));
        return found;
    });
}

void state_store::remember_places(const digest& content, const std::vector<blob_place>& places) {
    guarded(false, [&] {
        if (!db_)
            return false;
        transaction all(*db_);
        for (const blob_place& place : places)
            statement(*db_, "INSERT OR REPLACE INTO place VALUES(?,?,?,?)")
                .bind(place.host)
                .bind(content.str())
                .bind(place.repository)
                .bind(now())
                .run();
        all.commit();
        return true;
    });
}

void state_store::remember_layer(const layer_key& key, const descriptor& content) {
    guarded(false, [&] {
        if (!db_)
            return false;
        statement(*db_, "INSERT OR REPLACE INTO layer VALUES(?,?,?,?,?)")
            .bind(key.diff_id.str())
            .bind(key.recipe)
            .bind(content.digest.str())
            .bind(static_cast<std::int64_t>(content.size))
            .bind(now())
            .run();
        return true;
    });
}

// --- uploads -------------------------------------------------------------------------------------

std::optional<state_store::upload_row> state_store::find_upload(const upload_key& key) {
    statement ask(
        *db_, "SELECT location, owner FROM upload "
              "WHERE host = ? AND repository = ? AND body = ?");
    ask.bind(key.where.host).bind(key.where.repository).bind(key.body);
    if (!ask.step())
        return std::nullopt;
    return upload_row{ask.text(0), ask.text(1)};
}

void state_store::write_upload(const upload_key& key, const std::string& location) {
    statement(*db_, "INSERT OR REPLACE INTO upload VALUES(?,?,?,?,?,?)")
        .bind(key.where.host)
        .bind(key.where.repository)
        .bind(key.body)
        .bind(location)
        .bind(self_->name())
        .bind(now())
        .run();
}

std::optional<std::string> state_store::take_upload(const upload_key& key) {
    return guarded(std::optional<std::string>(), [&]() -> std::optional<std::string> {
        if (!db_)
            return std::nullopt;
        transaction all(*db_);
        const auto row = find_upload(key);
        if (!row || is_alive(folder_, row->owner)
            || row->location.size() > limits::location_bytes_max)
            return std::nullopt;
        write_upload(key, row->location);
        all.commit();
        return row->location;
    });
}

bool state_store::keep_upload(const upload_key& key, const std::string& location) {
    return guarded(false, [&] {
        if (!db_)
            return false;
        transaction all(*db_);
        const auto row = find_upload(key);
        if (row && row->owner != self_->name() && is_alive(folder_, row->owner))
            return false;
        write_upload(key, location);
        all.commit();
        return true;
    });
}

void state_store::forget_upload(const upload_key& key) {
    guarded(false, [&] {
        if (!db_)
            return false;
        statement(
            *db_, "DELETE FROM upload WHERE host = ? AND repository = ? AND body = ? "
                  "AND owner = ?")
            .bind(key.where.host)
            .bind(key.where.repository)
            .bind(key.body)
            .bind(self_->name())
            .run();
        return true;
    });
}

} // namespace tarpon::state
