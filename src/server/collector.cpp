// See collector.hpp.
#include "server/collector.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <array>

namespace tarpon::server {
namespace {

constexpr const char* trash = "trash";

/// Half of a digest is enough to tell: two that agree by chance keep each other's content.
using short_digest = std::array<char, 32>;

short_digest shortened(const digest& content) {
    short_digest half{};
    const std::string_view hex = content.hex();
    std::copy_n(hex.begin(), half.size(), half.begin());
    return half;
}

error unreadable(std::string_view what, const std::string& repository) {
    return {
        errc::storage, concat("nothing is collected: ", what, " of ", repository),
        "it cannot be read, and might name anything",
        "push the image again, or delete it by its digest"};
}

} // namespace

struct collector::plan {
    std::string repository;
    std::vector<digest> manifests, links;
};

collector::collector(
    folder& root,
    blob_store& blobs,
    manifest_store& manifests,
    upload_store& uploads,
    collector_rules rules)
    : root_(root)
    , blobs_(blobs)
    , manifests_(manifests)
    , uploads_(uploads)
    , rules_(rules) {
    for (const folder::entry& left : root_.list(trash))
        root_.remove(concat(trash, "/", left.name));
}

/// Files come and go meanwhile: what is gone at a second look was deleted, and is no damage.
repository_picture collector::look_at(const std::string& repository) const {
    repository_picture picture;
    std::vector<digest> tagged, released;
    for (const folder::entry& tag : root_.list(tags_path(repository))) {
        const std::string path = tag_path(repository, tag.name);
        const auto text = root_.read(path, tag_file_bytes_max);
        const auto content = text ? parse_tag(*text) : std::nullopt;
        if (content)
            tagged.push_back(content->digest);
        else if (text)
            throw unreadable(concat("the tag ", foreign_text(tag.name)), repository);
    }
    for (const folder::entry& mark : root_.list(released_path(repository)))
        if (auto content = digest_of_name(mark.name))
            released.push_back(std::move(*content));
    std::sort(tagged.begin(), tagged.end());
    std::sort(released.begin(), released.end());
    for_each_digest(root_, manifests_path(repository), [&](const digest& self) {
        const std::string path = manifest_path(repository, self);
        const auto document = manifests_.parsed(repository, self);
        const auto touched = root_.changed_at(path);
        if (!touched)
            return;
        if (!document)
            throw unreadable(concat("the manifest ", self.str()), repository);
        manifest_facts facts{self, parts_of(*document)};
        if (document->subject)
            facts.subject = document->subject->digest;
        facts.tagged = std::binary_search(tagged.begin(), tagged.end(), self);
        facts.released = std::binary_search(released.begin(), released.end(), self);
        facts.touched = *touched;
        picture.manifests.push_back(std::move(facts));
    });
    for_each_digest(root_, links_path(repository), [&](const digest& blob) {
        if (const auto touched = root_.changed_at(link_path(repository, blob)))
            picture.links.push_back({blob, *touched});
    });
    return picture;
}

/// While something is pushed into a repository, longer than the grace maybe, its blobs wait for a
/// manifest as long as an upload may take.
repository_garbage collector::judge(const std::string& repository, collection& found) const {
    const auto pause = rules_.grace / 4; // between two uploads of one push
    const auto grace = uploads_.busy(repository, pause)
                           ? std::max(rules_.grace, uploads_.session_life())
                           : rules_.grace;
    const auto now = std::chrono::system_clock::now();
    auto garbage = find_garbage(look_at(repository), {now - grace, rules_.untagged});
    if (garbage.oldest_young) {
        const auto due = *garbage.oldest_young + grace;
        found.next = std::min(found.next.value_or(due), due);
    }
    return garbage;
}

std::vector<collector::plan>
collector::look(const std::atomic<bool>& stop, collection& found) const {
    std::vector<plan> plans;
    std::size_t planned = 0;
    for_each_repository(root_, [&](const std::string& repository) {
        if (stop)
            return;
        repository_garbage garbage = judge(repository, found);
        const auto take = [&](std::vector<digest>& some) {
            const std::size_t room = rules_.plan_max - planned;
            if (some.size() > room) {
                some.resize(room);
                found.next = std::chrono::system_clock::now(); // the rest in another run
            }
            planned += some.size();
        };
        take(garbage.manifests); // their order allows it: what names others comes first
        take(garbage.links);
        if (!garbage.manifests.empty() || !garbage.links.empty())
            plans.push_back({repository, std::move(garbage.manifests), std::move(garbage.links)});
    });
    return plans;
}

/// Ends where one is wanted again: what comes after it may be part of it.
void collector::remove_manifests(
    const plan& what, const store_gate::watch& since, collection& done) {
    // Marks first, so that a kill in the middle leaves them known for what they are.
    for (const digest& manifest : what.manifests) {
        const auto alone = blobs_.gate().alone();
        if (since.relied_on(what.repository, manifest))
            return;
        manifests_.release(what.repository, manifest);
    }
    for (const digest& manifest : what.manifests) {
        const auto alone = blobs_.gate().alone();
        if (since.relied_on(what.repository, manifest)
            || !manifests_.remove_untagged(what.repository, manifest))
            return;
        ++done.manifests;
    }
}

void collector::remove_links(
    const plan& what, const store_gate::watch& since, const std::atomic<bool>& stop) {
    for (const digest& blob : what.links) {
        if (stop)
            return;
        const auto alone = blobs_.gate().alone();
        if (!since.relied_on(what.repository, blob))
            root_.remove(link_path(what.repository, blob));
    }
}

collection collector::run(const std::atomic<bool>& stop) {
    collection done;
    uploads_.remove_expired();
    {
        const store_gate::watch since(blobs_.gate());
        std::vector<plan> plans = look(stop, done);
        for (plan& what : plans) {
            if (stop)
                return done;
            if (!what.manifests.empty()) {
                remove_manifests(what, since, done);
                what.links = judge(what.repository, done).links;
            }
            remove_links(what, since, stop);
        }
    }
    if (!stop)
        sweep(stop, done);
    return done;
}

void collector::sweep(const std::atomic<bool>& stop, collection& done) {
    const store_gate::watch since(blobs_.gate());
    std::vector<short_digest> linked;
    for_each_repository(root_, [&](const std::string& repository) {
        for_each_digest(root_, links_path(repository), [&](const digest& blob) {
            linked.push_back(shortened(blob));
        });
    });
    std::sort(linked.begin(), linked.end());
    for_each_digest(root_, "blobs", [&](const digest& content) {
        if (stop || std::binary_search(linked.begin(), linked.end(), shortened(content)))
            return;
        auto alone = blobs_.gate().alone();
        if (since.relied_on(content))
            return;
        const auto size = root_.size_of(blob_path(content));
        if (!size)
            return; // no file
        const std::string away = concat(trash, "/", trash_number_++);
        root_.make_parents(away);
        root_.rename(blob_path(content), away);
        alone.unlock();
        root_.remove(away); // of a large file this takes a while
        ++done.blobs;
        done.bytes += *size;
    });
}

} // namespace tarpon::server
