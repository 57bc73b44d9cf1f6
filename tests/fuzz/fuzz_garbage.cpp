// Repositories of any shape: what a tag leads to is never garbage, nor what is young or named.
#include "fuzz.hpp"
#include "model/hasher.hpp"
#include "server/garbage.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using namespace tarpon::server;

constexpr std::size_t names_max = 32;

const digest& name_of(std::size_t number) {
    static const std::array<digest, names_max> names = [] {
        std::array<digest, names_max> all;
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = digest_of(std::string(1, static_cast<char>('a' + i)));
        return all;
    }();
    return names[number % names_max];
}

const touch_time young_after = touch_time() + std::chrono::hours(1);

/// Parts have smaller numbers, as digests cannot form a cycle.
repository_picture picture_of(const std::uint8_t* data, std::size_t size) {
    repository_picture picture;
    for (std::size_t at = 0, number = 0; at + 3 <= size && number < names_max; at += 3, ++number) {
        manifest_facts facts{name_of(number), {}};
        for (std::size_t part = 0; part < 8; ++part)
            if ((data[at] >> part & 1) && number > part)
                facts.parts.push_back(name_of(number - 1 - part));
        if ((data[at + 1] & 8) && number > 0)
            facts.subject = name_of(data[at + 2] % number);
        facts.tagged = data[at + 1] & 1;
        facts.released = data[at + 1] & 2;
        facts.touched = young_after + std::chrono::seconds((data[at + 1] & 4) ? 1 : -1);
        picture.links.push_back({facts.self, facts.touched});
        if (!(data[at + 1] & 16)) // otherwise a blob
            picture.manifests.push_back(std::move(facts));
    }
    return picture;
}

bool contains(const std::vector<digest>& all, const digest& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto picture = picture_of(data + 1, size - 1);
    const auto garbage = find_garbage(picture, {young_after, (data[0] & 1) != 0});
    for (const manifest_facts& one : picture.manifests) {
        const bool gone = contains(garbage.manifests, one.self);
        check(!gone || !(one.tagged || one.touched > young_after), "tagged and young ones stay");
        for (const digest& part : one.parts) {
            check(gone || !contains(garbage.manifests, part), "parts of what stays stay");
            check(!contains(garbage.links, part), "what is named stays");
        }
        const bool subject_stays = one.subject && !contains(garbage.manifests, *one.subject);
        const bool subject_is_there =
            std::any_of(picture.manifests.begin(), picture.manifests.end(), [&](const auto& other) {
                return one.subject && other.self == *one.subject;
            });
        check(!gone || !subject_stays || !subject_is_there, "referrers of what stays stay");
        check(!contains(garbage.links, one.self), "a manifest's own link stays");
    }
    auto unique = garbage.manifests;
    std::sort(unique.begin(), unique.end());
    check(std::adjacent_find(unique.begin(), unique.end()) == unique.end(), "each once");
    return 0;
}
