// The push itself: archives take turns, several at a time, over one run's connections and memory.
#include "async/task_group.hpp"
#include "migrate/migration_run.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace tarpon::migration {

namespace asio = boost::asio;

namespace {

constexpr std::size_t hash_piece_bytes = 256 * 1024;

/// More than connections, because an archive waits for one blob after the other, and for those that
/// other archives are at.
int archives_at_a_time(int jobs) {
    return std::clamp(2 * jobs + 4, 8, limits::archives_open_max);
}

/// Every reference of the image is told, so that none of them stays open without a reason. `too`
/// says what the other archive does.
void refuse_contested(
    std::size_t position,
    const image_outline& image,
    const std::string& contested,
    const std::string& too,
    engine::target_list& list) {
    for (const std::string& reference : image.references) {
        const std::string what =
            reference == contested
                ? concat(reference, too)
                : concat(reference, " is of the same image as ", contested, ", which", too);
        list.unplaced.push_back({position, {errc::archive_metadata, what}, reference});
    }
}

} // namespace

asio::awaitable<digest> migration_run::hash_file(std::string path) {
    struct reading {
        std::ifstream file;
        hasher sum;
        int number = 0; ///< errno of what failed
        std::vector<char> piece = std::vector<char>(hash_piece_bytes);
    };
    auto state = std::make_shared<reading>();
    auto open = [state, path] {
        state->file.open(path, std::ios::binary);
        state->number = errno;
    };
    co_await async::run_on(run_.workers.get_executor(), open);
    if (!state->file)
        throw error(errc::archive_unreadable, std::strerror(state->number));
    auto hash_piece = [state] {
        errno = 0;
        state->file.read(state->piece.data(), static_cast<std::streamsize>(state->piece.size()));
        const auto got = static_cast<std::size_t>(state->file.gcount());
        state->sum.update(std::string_view(state->piece.data(), got));
        state->number = errno;
        return got == state->piece.size();
    };
    while (true) {
        const bool more = co_await async::run_on(run_.workers.get_executor(), hash_piece);
        if (!more)
            break;
    }
    if (state->file.bad() || !state->file.eof())
        throw error(errc::archive_unreadable, std::strerror(state->number));
    co_return state->sum.finish();
}

/// Each hand failed twice, and nobody got through between.
bool migration_run::is_outage() const {
    return unreachable_ >= 2 * archives_at_a_time(run_.jobs());
}

/// One word for all that would follow.
error migration_run::outage() const {
    const bool failed = outage_ == error_class::registry, refused = outage_ == error_class::auth;
    return error(
        failed    ? errc::registry_failed
        : refused ? errc::registry_unauthorized
                  : errc::transport_connect,
        concat(
            failed    ? "the registry failed"
            : refused ? "the registry did not let us in"
                      : "the registry could not be reached",
            " for ", unreachable_, " archives in a row", images_left()),
        {}, journal_ ? "run it again: it goes on where it was stopped" : "");
}

void migration_run::note_reach(const active_archive& ended) {
    if (ended.reached) {
        unreachable_ = 0;
    } else if (ended.unreachable) {
        outage_ = *ended.unreachable;
        ++unreachable_;
    }
    if (is_outage())
        changed_.notify_all();
}

/// What is left of an archive, when its contents are read again.
engine::target_list
migration_run::choose_targets(std::size_t archive, const archive::archive_contents& contents) {
    const archive_record& record = archives_[archive];
    const destination where = destination_of(options_.push.where, record.target);
    engine::target_list list = targets_in(contents, where);
    if (contents.images.size() == 1)
        for (engine::unplaced_image& image : list.unplaced)
            image.hint =
                concat("a line of a list, for @FILE: ", foreign_text(record.name), " NAME:TAG");
    const archive_outline outline = outline_of(record.name, contents, list, run_.options);
    active_archive& active = watch_.active[record.name];
    std::size_t position = 0;
    std::erase_if(list.targets, [&](const engine::image_target& target) {
        const image_outline& image = outline.images[position++];
        for (const std::string& reference : image.references) {
            active.identities[reference] = image.identity;
            if (const auto rival = claims_.rival_of(reference, archive, image.identity)) {
                const std::string other = foreign_text(archives_[*rival].name);
                refuse_contested(
                    target.image, image, reference,
                    concat(" would be written from ", other, " too"), list);
                return true;
            }
        }
        const auto& done = record.done_references;
        return std::find(done.begin(), done.end(), image.references.front()) != done.end();
    });
    return list;
}

bool migration_run::has_uncontested(std::size_t archive) const {
    const auto& images = archives_[archive].packed_images;
    return std::any_of(images.begin(), images.end(), [&](const journal_image& image) {
        return !claims_.rival_of(image.reference, archive, image.identity);
    });
}

asio::awaitable<void> migration_run::push_one(std::size_t archive) {
    archive_record& record = archives_[archive];
    co_await writer_->room();
    active_archive& active = watch_.active[record.name];
    active.settings = settings_;
    std::optional<error> failed;
    engine::archive_place place;
    try {
        auto look_again = [&record] {
            return stamp_of(record.name);
        };
        const file_stamp stamp = co_await async::run_on(run_.workers.get_executor(), look_again);
        active.key = journal_key(stamp, record);
        if (stamp.size != record.size || stamp.mtime_ns != record.mtime_ns)
            throw error(errc::archive_changed, "it changed since it was looked at")
                .with_hint("run it again");
        place.where = destination_of(options_.push.where, record.target);
        // Else its layers would be sent before anybody sees that none of its images goes.
        place.look_only = record.packed && (options_.plan_only || !has_uncontested(archive));
        if (options_.hash_archives && record.content.empty())
            record.content = co_await hash_file(record.name);
    } catch (const error& e) {
        failed = e;
    }
    active.content = record.content;
    if (failed) {
        run_.failed(engine::of_archive(std::move(*failed), record.name), {}, record.name);
        ++run_.totals.archives_done;
    } else {
        place.find_targets = [this, archive](const archive::archive_contents& contents) {
            return choose_targets(archive, contents);
        };
        co_await engine::push_archive(run_, record.name, std::move(place));
    }
    note_reach(active);
    run_.report.images.clear(); // the watch has them
    if (!active.failed && !options_.plan_only)
        writer_->add(archive_is_done{active.key, record.content});
    watch_.active.erase(record.name);
}

asio::awaitable<void> migration_run::take_turns(queue_end from) {
    while (const auto archive = queue_.take(from)) {
        // When nobody waits any more, the large blobs that are left get all places.
        if (queue_.empty())
            run_.sharing->leave_places(false);
        co_await push_one(*archive);
    }
}

/// One at a time, and alone: the layers of a stream hold memory while they wait for their turn, and
/// must not wait for others that wait for memory.
asio::awaitable<void> migration_run::push_packed(int round) {
    for (std::size_t i = 0; i < archives_.size(); ++i) {
        if (archives_[i].to_do && archives_[i].packed && rounds_.of(i) == round)
            co_await push_one(i);
    }
}

asio::awaitable<void> migration_run::push_round(int round) {
    queue_ = {};
    for (std::size_t i = 0; i < archives_.size(); ++i)
        if (archives_[i].to_do && !archives_[i].packed && rounds_.of(i) == round)
            queue_.add(i, archives_[i].bytes);
    queue_.sort();
    run_.sharing->leave_places(true);
    const int hands = archives_at_a_time(run_.jobs());
    async::task_group group(run_.executor);
    for (int hand = 0; hand < hands; ++hand)
        group.spawn(take_turns(hand % 4 == 3 ? queue_end::smallest : queue_end::largest));
    co_await group.join();
    co_await push_packed(round);
}

asio::awaitable<void> migration_run::push_all() {
    for (int round = 0; round < rounds_.count(); ++round)
        co_await push_round(round);
}

} // namespace tarpon::migration
