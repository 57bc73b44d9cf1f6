// The index pass: headers and metadata of every archive, a few at a time, on the workers.
#include "archive/archive_file.hpp"
#include "archive/file_range_source.hpp"
#include "async/for_each.hpp"
#include "async/worker_count.hpp"
#include "engine/read_once.hpp"
#include "migrate/migration_run.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <set>

namespace tarpon::migration {

namespace asio = boost::asio;
using archive::archive_contents;
using archive::archive_file;

namespace {

/// nullopt: it is packed. Throws `error`.
std::optional<archive_contents> contents_of(const archive_file& file) {
    if (!file.whole())
        throw error(
            errc::archive_unreadable, "it is no file, and a migration reads every archive twice")
            .with_hint("tarpon push reads pipes");
    if (file.sniff().value() != archive::encoding::tar)
        return std::nullopt;
    return file.index().value();
}

std::size_t looks_at_a_time(const migrate_options& options) {
    return async::worker_count(options.push.threads) + 1;
}

archive_load load_of(const archive_record& record, const archive_look& found) {
    archive_load load;
    load.name = concat(record.shared_name, " -> ", record.target);
    for (const blob_outline& blob : found.outline.blobs)
        load.blobs.emplace_back(blob.identity, blob.bytes);
    if (load.blobs.empty()) // broken
        load.blobs.emplace_back(
            concat("file ", record.shared_name), static_cast<std::uint64_t>(found.stamp.size));
    return load;
}

error unreadable_here(const std::string& name, const error& why) {
    error what(
        why.code(), concat("cannot read ", foreign_text(name)), why.one_line(),
        "every shard has to see all archives as the others do: mend it, or take it out of the "
        "sources of all of them");
    return what;
}

} // namespace

/// Whatever decides about an archive's references and what is pushed under them.
std::string migration_run::archive_settings(const archive_record& record) const {
    const destination& where = options_.push.where;
    std::string text = concat(settings_, " registry=", where.registry);
    for (const auto& [pattern, replacement] : where.map)
        text += concat(" map=", pattern, "=", replacement);
    return concat(text, " target=", record.target);
}

/// What is wrong with the archive is in `trouble`.
asio::awaitable<archive_look> migration_run::look(const archive_record& record) {
    archive_look found;
    try {
        auto ask = [this, &record, &found] {
            found.stamp = stamp_of(record.name);
            found.stamp.path = journal_key(found.stamp, record);
            if (journal_)
                found.done = journal_->find_done(found.stamp, archive_settings(record));
        };
        co_await async::run_on(run_.workers.get_executor(), ask);
        if (!found.done)
            co_await look_inside(record, found);
    } catch (const error& e) {
        if (e.code() == errc::storage)
            throw;
        found.trouble = e;
    } catch (const boost::system::system_error&) {
        throw; // an interrupt
    } catch (const std::exception& e) {
        found.trouble.emplace(errc::internal, "this is a bug in tarpon", e.what());
    }
    co_return found;
}

/// Of what is packed all has to be unpacked: one at a time, because each may need much memory.
asio::awaitable<void>
migration_run::look_inside(const archive_record& record, archive_look& found) {
    const auto executor = run_.workers.get_executor();
    auto look = [this, &record, &found] {
        std::optional<archive_file> file = archive_file::open(record.name).value();
        const auto contents = contents_of(*file);
        if (contents) {
            outline_images(record, *contents, found);
            file.reset();
        }
        return file;
    };
    const std::optional<archive_file> packed = co_await async::run_on(executor, look);
    found.packed = packed.has_value();
    if (!packed)
        co_return;
    const auto turn = co_await packed_.acquire();
    archive::file_range_source all(*packed, 0, packed->size(), run_.workers);
    const engine::passed_archive passed = co_await engine::read_once(all, run_.workers);
    auto outline = [this, &record, &passed, &found] {
        outline_images(record, passed.contents, found);
    };
    co_await async::run_on(executor, outline);
}

/// On a worker.
void migration_run::outline_images(
    const archive_record& record, const archive_contents& contents, archive_look& found) const {
    const destination where = destination_of(options_.push.where, record.target);
    engine::target_list list = targets_in(contents, where);
    found.outline = outline_of(record.shared_name, contents, list, run_.options);
    find_done_images(found);
    std::set<std::string> open;
    for (const journal_image& image : found.images)
        if (image.digest.empty())
            open.insert(image.reference);
    std::erase_if(list.targets, [&](const engine::image_target& target) {
        return !open.contains(references_of(target).front());
    });
    found.rest = outline_of(record.shared_name, contents, list, run_.options);
}

/// An image is done when all its references are.
void migration_run::find_done_images(archive_look& found) const {
    for (const image_outline& image : found.outline.images) {
        const std::size_t first = found.images.size();
        bool all = true;
        for (const std::string& reference : image.references) {
            journal_image one{reference, found.stamp.path, image.identity, settings_, {}};
            const auto done = journal_ ? journal_->find_done(one) : std::nullopt;
            one.digest = done.value_or(digest());
            if (journal_ && !done && journal_->replaces(one))
                found.replacing.push_back(one);
            all = all && done;
            found.images.push_back(std::move(one));
        }
        for (std::size_t i = first; !all && i < found.images.size(); ++i)
            found.images[i].digest = digest();
    }
}

/// All of an archive at once.
void migration_run::claim(std::size_t archive, const std::vector<journal_image>& images) {
    std::vector<std::size_t> before;
    for (const journal_image& image : images)
        if (claims_.claim(image.reference, archive, image.identity)
            == reference_claims::answer::again)
            before.push_back(claims_.holder_of(image.reference).value());
    rounds_.place(archive, archives_[archive].file, before);
}

void migration_run::note_done(std::size_t archive, const archive_look& found) {
    archive_record& record = archives_[archive];
    if (!found.done->content.empty())
        record.content = found.done->content;
    claim(archive, found.done->images);
    for (const journal_image& image : found.done->images)
        watch_.skipped(record.name, image, record.content);
    const std::uint64_t images = found.done->images.size();
    plan_.images += images;
    plan_.images_done += images;
    ++run_.totals.archives_done;
}

void migration_run::note_images(std::size_t archive, const archive_look& found) {
    archive_record& record = archives_[archive];
    writer_->add(archive_begun{found.stamp, archive_settings(record)});
    record.size = found.stamp.size;
    record.mtime_ns = found.stamp.mtime_ns;
    record.packed = found.packed;
    record.bytes = found.rest.bytes();
    record.bytes_to_read = found.rest.bytes_to_read();
    record.references = found.outline.references();
    record.to_do = found.outline.unplaced > 0;
    claim(archive, found.images);
    for (const journal_image& image : found.images) {
        if (image.digest.empty()) {
            record.to_do = true;
            writer_->add(image_planned{image});
            if (record.packed)
                record.packed_images.push_back(image);
            continue;
        }
        writer_->add(image_is_done{image});
        watch_.skipped(record.name, image, record.content);
        record.done_references.push_back(image.reference);
    }
    for (const journal_image& image : found.replacing)
        replacing_.emplace_back(archive, image);
    plan_.images += record.references;
    plan_.images_done += record.done_references.size();
    catalog_.add(found.rest);
    if (record.to_do)
        return;
    writer_->add(archive_is_done{found.stamp.path, record.content});
    ++run_.totals.archives_done;
}

void migration_run::note_trouble(std::size_t archive, const archive_look& found) {
    const archive_record& record = archives_[archive];
    error what = engine::of_archive(*found.trouble, record.name);
    if (!found.stamp.path.empty()) {
        writer_->add(archive_begun{found.stamp, archive_settings(record)});
        watch_.active[record.name].key = found.stamp.path;
    }
    run_.failed(std::move(what), {}, record.name);
    watch_.active.erase(record.name);
    ++run_.totals.archives_done;
}

asio::awaitable<void> migration_run::look_at(std::size_t archive) {
    if (!is_mine(archive))
        co_return;
    co_await writer_->room();
    archive_record& record = archives_[archive];
    archive_look found = co_await look(record);
    const bool some_done =
        found.done || std::any_of(found.images.begin(), found.images.end(), [](const auto& image) {
            return !image.digest.empty();
        });
    if (options_.hash_archives && some_done && (!found.done || found.done->content.empty()))
        try {
            record.content = co_await hash_file(record.name);
        } catch (const error& e) {
            found.trouble = e;
        }
    ++plan_.archives;
    if (found.trouble)
        note_trouble(archive, found);
    else if (found.done)
        note_done(archive, found);
    else
        note_images(archive, found);
}

/// What cannot be read here may be well on another machine, which would then come to other parts;
/// what is no archive is none everywhere.
asio::awaitable<void> migration_run::weigh(std::size_t archive, std::vector<archive_load>& loads) {
    const archive_record& record = archives_[archive];
    archive_look found;
    try {
        auto stat = [&record] {
            return stamp_of(record.name);
        };
        found.stamp = co_await async::run_on(run_.workers.get_executor(), stat);
        co_await look_inside(record, found);
    } catch (const error& e) {
        if (e.code() == errc::storage)
            throw;
        if (e.code() == errc::archive_unreadable)
            throw unreadable_here(record.name, e);
        found.trouble = e; // for whoever's archive it is
    }
    claim(archive, found.images);
    loads[archive] = load_of(record, found);
}

/// Every machine looks at every archive, and comes to the same end.
asio::awaitable<void> migration_run::choose_shard() {
    std::vector<archive_load> loads(archives_.size());
    auto weigh_one = [this, &loads](std::size_t archive) {
        return weigh(archive, loads);
    };
    co_await async::for_each_index(archives_.size(), looks_at_a_time(options_), weigh_one);
    auto assign = [this, &loads] {
        fingerprint_ = fingerprint_of(loads, options_.shard.count);
        if (journal_)
            journal_->check_shards(fingerprint_);
        return assign_shards(loads, options_.shard.count);
    };
    shards_ = co_await async::run_on(run_.workers.get_executor(), assign);
    writer_->add(shards_chosen{fingerprint_});
    run_.observer.on_log(
        log_level::info,
        concat("the archives of all ", options_.shard.count, " shards: ", fingerprint_));
}

asio::awaitable<void> migration_run::index_all() {
    if (options_.shard.count > 1)
        co_await choose_shard();
    auto look_at_one = [this](std::size_t archive) {
        return look_at(archive);
    };
    co_await async::for_each_index(archives_.size(), looks_at_a_time(options_), look_at_one);
    // Before the first of them is in the registry: else a run that is killed leaves a journal that
    // has done what is there no more.
    const auto replacing = std::exchange(replacing_, {});
    for (const auto& [archive, image] : replacing) {
        co_await writer_->room();
        if (!claims_.rival_of(image.reference, archive, image.identity))
            writer_->add(image_begun{image});
    }
    co_await writer_->drained();
    catalog_.write_to(plan_);
    run_.totals.images_total = plan_.images;
    run_.totals.images_done += plan_.images_done;
}

} // namespace tarpon::migration
