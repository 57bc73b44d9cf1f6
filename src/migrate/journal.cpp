// See journal.hpp.
#include "migrate/journal.hpp"

#include "model/text.hpp"
#include "registry/endpoint.hpp"

#include <tarpon/error.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace tarpon::migration {

using state::database;
using state::database_error;
using state::database_use;
using state::statement;
using state::transaction;

namespace {

/// In the head of the file: "TrpJ". Tells a journal from any other database.
constexpr std::int64_t application_id = 0x5472704a;
constexpr std::int64_t schema_version = 2;

constexpr const char* schema = R"(
CREATE TABLE run(destination TEXT NOT NULL, shards TEXT NOT NULL);
CREATE TABLE archive(
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, settings TEXT NOT NULL,
  state TEXT NOT NULL, content TEXT NOT NULL, error TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE image(
  reference TEXT NOT NULL, part TEXT NOT NULL, archive TEXT NOT NULL, identity TEXT NOT NULL,
  settings TEXT NOT NULL, state TEXT NOT NULL, digest TEXT NOT NULL, error TEXT NOT NULL,
  PRIMARY KEY(reference, part, archive)) WITHOUT ROWID;
CREATE INDEX image_of_archive ON image(archive);
PRAGMA application_id=1416785994;
PRAGMA user_version=2;
)";

static_assert(application_id == 1416785994);

std::int64_t pragma(database& db, std::string_view name) {
    statement ask(db, concat("PRAGMA ", name));
    return ask.step() ? ask.number(0) : 0;
}

/// A repository has many images without a tag, which are told apart by what they are; a tag has
/// one.
std::string part_of(const journal_image& image) {
    const std::size_t slash = image.reference.rfind('/');
    const bool tagged = image.reference.find(':', slash == image.reference.npos ? 0 : slash)
                        != image.reference.npos;
    return tagged ? std::string() : image.identity;
}

error no_journal(const std::string& path) {
    return error(
        errc::usage, concat(
                         foreign_text(path),
                         " is no journal of a migration, or one of another version of tarpon"));
}

/// A name that was mistyped is often that of an archive: it must not be taken for a journal that is
/// damaged and may be moved away. What cannot be read, SQLite says.
void check_is_database(const std::string& path) {
    constexpr std::string_view head = "SQLite format 3";
    std::ifstream file(path, std::ios::binary);
    std::string start(head.size(), '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    start.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (!start.empty() && start != head)
        throw no_journal(path);
}

tarpon::digest digest_in(const statement& row, int column) {
    const auto parsed = tarpon::digest::parse(row.text(column));
    return parsed ? *parsed : tarpon::digest();
}

} // namespace

std::string destination_name(const std::string& registry) {
    std::string_view rest = registry;
    tarpon::registry::take_scheme(rest);
    while (rest.ends_with('/'))
        rest.remove_suffix(1);
    return std::string(rest);
}

file_stamp stamp_of(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
        throw error(errc::archive_unreadable, std::strerror(errno));
    file_stamp stamp;
    stamp.path = std::filesystem::absolute(path).lexically_normal().string();
    stamp.size = found.st_size;
    stamp.mtime_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
    return stamp;
}

template <class Work>
auto journal::guarded(Work work) {
    const std::lock_guard guard(mutex_);
    try {
        return work();
    } catch (const database_error& e) {
        throw error(
            errc::storage, concat("cannot use the journal ", foreign_text(path_)), e.what(),
            e.damaged() ? concat(
                "it is left as it is; begin a new one with --journal FILE, or move it away: mv ",
                path_, " ", path_, ".damaged")
                        : std::string());
    }
}

journal::journal(const std::string& path, const std::string& destination)
    : path_(path) {
    check_is_database(path);
    guarded([&] {
        lock();
        open(destination, database_use::record);
    });
}

journal::journal(const std::string& path, database_use)
    : path_(path) {}

std::shared_ptr<journal>
journal::look_into(const std::string& path, const std::string& destination) {
    std::error_code unknown;
    if (!std::filesystem::exists(path, unknown) && !unknown)
        return nullptr;
    check_is_database(path);
    const std::shared_ptr<journal> one(new journal(path, database_use::look));
    const bool has_something =
        one->guarded([&] { return one->open(destination, database_use::look); });
    return has_something ? one : nullptr;
}

/// By the name of the file itself: links to it are the same journal.
void journal::lock() {
    std::error_code failed;
    const auto folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty())
        std::filesystem::create_directories(folder, failed);
    if (failed)
        throw error(
            errc::storage, concat("cannot use the journal ", foreign_text(path_)),
            concat("cannot make its folder: ", failed.message()));
    const auto real = std::filesystem::weakly_canonical(path_, failed);
    lock_.emplace(concat(failed ? path_ : real.string(), ".lock"));
    if (!lock_->is_open())
        throw error(
            errc::storage, concat("cannot use the journal ", foreign_text(path_)), lock_->why());
    if (lock_->alone())
        return;
    if (errno != EWOULDBLOCK)
        throw error(
            errc::storage, concat("cannot lock the journal ", foreign_text(path_)),
            std::strerror(errno),
            "keep it in a folder whose file system has locks: --journal FILE");
    throw error(
        errc::usage, concat("another run uses the journal ", foreign_text(path_)), {},
        "wait for it, or give this run a journal of its own: --journal FILE");
}

bool journal::open(const std::string& destination, database_use use) {
    db_.emplace(path_, use);
    const std::int64_t id = pragma(*db_, "application_id");
    statement any(*db_, "SELECT count(*) FROM sqlite_master");
    const bool is_new = id == 0 && any.step() && any.number(0) == 0;
    if (is_new && use == database_use::look)
        return false;
    if (is_new) {
        transaction all(*db_);
        db_->execute(schema);
        statement(*db_, "INSERT INTO run VALUES(?, '')").bind(destination).run();
        all.commit();
        return true;
    }
    if (id != application_id || pragma(*db_, "user_version") != schema_version)
        throw no_journal(path_);
    check_destination(destination);
    return true;
}

void journal::check_destination(const std::string& destination) {
    statement check(*db_, "PRAGMA quick_check(1)");
    if (!check.step() || check.text(0) != "ok")
        throw error(
            errc::storage, concat("the journal ", foreign_text(path_), " is damaged"),
            foreign_text(check.text(0)),
            concat(
                "it is left as it is; begin a new one with --journal FILE, or move it away: mv ",
                path_, " ", path_, ".damaged"));
    statement ask(*db_, "SELECT destination FROM run");
    const std::string there = ask.step() ? ask.text(0) : std::string();
    if (there != destination)
        throw error(
            errc::usage,
            concat(
                "the journal ", foreign_text(path_), " is of a migration to ",
                foreign_text(there, 200)),
            {}, "give this one a journal of its own: --journal FILE");
}

void journal::check_shards(const std::string& fingerprint) {
    std::string there;
    guarded([&] {
        statement ask(*db_, "SELECT shards FROM run");
        there = ask.step() ? ask.text(0) : std::string();
    });
    if (!there.empty() && there != fingerprint)
        throw error(
            errc::usage,
            concat(
                "the journal ", foreign_text(path_), " is of a shard of other archives (",
                foreign_text(there, 64), ", now ", fingerprint, ")"),
            "archives were added, removed or changed, and parts with them",
            "begin all shards anew, each with a new journal: --journal FILE; what is in the "
            "registry is not sent again");
}

// --- what is known -------------------------------------------------------------------------------

std::optional<journal::done_archive>
journal::find_done(const file_stamp& file, const std::string& settings) {
    return guarded([&]() -> std::optional<done_archive> {
        statement ask(
            *db_, "SELECT content FROM archive WHERE path = ? AND size = ? AND mtime_ns = ? "
                  "AND settings = ? AND state = 'done'");
        ask.bind(file.path).bind(file.size).bind(file.mtime_ns).bind(settings);
        if (!ask.step())
            return std::nullopt;
        done_archive found;
        found.content = digest_in(ask, 0);
        statement images(
            *db_, "SELECT reference, identity, settings, digest, state FROM image "
                  "WHERE archive = ? ORDER BY reference, part");
        images.bind(file.path);
        while (images.step()) {
            if (images.text(4) != "done")
                return std::nullopt;
            found.images.push_back(
                {images.text(0), file.path, images.text(1), images.text(2), digest_in(images, 3)});
        }
        return found;
    });
}

bool journal::replaces(const journal_image& image) {
    return guarded([&] {
        statement ask(
            *db_, "SELECT 1 FROM image WHERE reference = ? AND part = ? AND state = 'done' "
                  "AND (identity <> ? OR settings <> ?)");
        const std::string part = part_of(image);
        ask.bind(image.reference).bind(part).bind(image.identity).bind(image.settings);
        return ask.step();
    });
}

std::optional<tarpon::digest> journal::find_done(const journal_image& image) {
    return guarded([&]() -> std::optional<tarpon::digest> {
        statement ask(
            *db_, "SELECT digest FROM image WHERE reference = ? AND part = ? AND identity = ? "
                  "AND settings = ? AND state = 'done'");
        const std::string part = part_of(image);
        ask.bind(image.reference).bind(part).bind(image.identity).bind(image.settings);
        if (image.identity.empty() || !ask.step())
            return std::nullopt;
        const tarpon::digest found = digest_in(ask, 0);
        return found.empty() ? std::nullopt : std::optional(found);
    });
}

// --- writing -------------------------------------------------------------------------------------

bool journal::write(const std::vector<journal_record>& records) {
    return guarded([&] {
        try {
            transaction all(*db_);
            for (const journal_record& record : records)
                std::visit([this](const auto& one) { put(one); }, record);
            all.commit();
        } catch (const database_error& e) {
            if (!e.busy())
                throw;
            return false;
        }
        return true;
    });
}

void journal::put_image(const journal_image& image, const char* state) {
    const std::string part = part_of(image);
    statement(*db_, "INSERT OR REPLACE INTO image VALUES(?,?,?,?,?,?,?,'')")
        .bind(image.reference)
        .bind(part)
        .bind(image.archive)
        .bind(image.identity)
        .bind(image.settings)
        .bind(state)
        .bind(image.digest.str())
        .run();
}

/// Whoever had the reference for another image, or for the same one made otherwise, is not done any
/// more.
void journal::open_others(const journal_image& image) {
    const std::string part = part_of(image);
    const char* const others =
        " WHERE reference = ? AND part = ? AND archive <> ? "
        "AND state = 'done' AND (identity <> ? OR identity = '' OR settings <> ?)";
    const auto change = [&](const std::string& text) {
        statement(*db_, text)
            .bind(image.reference)
            .bind(part)
            .bind(image.archive)
            .bind(image.identity)
            .bind(image.settings)
            .run();
    };
    change(concat(
        "UPDATE archive SET state = 'open' WHERE path IN (SELECT archive FROM image", others, ")"));
    change(concat("UPDATE image SET state = 'open'", others));
}

void journal::put(const image_planned& record) {
    put_image(record.image, "open");
}

void journal::put(const image_begun& record) {
    open_others(record.image);
    put_image(record.image, "open");
}

void journal::put(const image_is_done& record) {
    open_others(record.image);
    put_image(record.image, "done");
    // What an archive had before it changed says no more than this.
    statement(*db_, "DELETE FROM image WHERE reference = ? AND part = ? AND archive = ''")
        .bind(record.image.reference)
        .bind(part_of(record.image))
        .run();
}

void journal::put(const image_failed& record) {
    if (record.reference.empty())
        statement(*db_, "UPDATE archive SET state = 'failed', error = ? WHERE path = ?")
            .bind(record.error)
            .bind(record.archive)
            .run();
    else
        statement(
            *db_, "UPDATE image SET state = 'failed', error = ? "
                  "WHERE reference = ? AND archive = ? AND state <> 'done'")
            .bind(record.error)
            .bind(record.reference)
            .bind(record.archive)
            .run();
}

void journal::put(const archive_begun& record) {
    // What it holds now is told next; images of it that are done stay known by what they are.
    statement(*db_, "UPDATE OR REPLACE image SET archive = '' WHERE archive = ? AND state = 'done'")
        .bind(record.file.path)
        .run();
    statement(*db_, "DELETE FROM image WHERE archive = ?").bind(record.file.path).run();
    statement(*db_, "INSERT OR REPLACE INTO archive VALUES(?,?,?,?,'open','','')")
        .bind(record.file.path)
        .bind(record.file.size)
        .bind(record.file.mtime_ns)
        .bind(record.settings)
        .run();
}

void journal::put(const archive_is_done& record) {
    statement(*db_, "UPDATE archive SET state = 'done', content = ?, error = '' WHERE path = ?")
        .bind(record.content.str())
        .bind(record.archive)
        .run();
}

void journal::put(const shards_chosen& record) {
    statement(*db_, "UPDATE run SET shards = ?").bind(record.fingerprint).run();
}

} // namespace tarpon::migration
