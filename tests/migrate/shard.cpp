#include "migrate/shard.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

BOOST_AUTO_TEST_SUITE(test_shard)

using namespace tarpon;
using namespace tarpon::migration;

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

struct outcome {
    std::vector<std::uint64_t> bytes; ///< of each shard, blobs counted once in each
    std::uint64_t unique = 0;         ///< of all blobs
    std::uint64_t overlap = 0;        ///< what shards hold in sum, beyond that
    std::map<std::string, int> holders;

    std::uint64_t most() const { return *std::max_element(bytes.begin(), bytes.end()); }
};

outcome measure(const std::vector<archive_load>& loads, const std::vector<int>& shards, int count) {
    outcome seen;
    std::set<std::pair<int, std::string>> held;
    std::set<std::string> all;
    seen.bytes.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < loads.size(); ++i)
        for (const auto& [digest, bytes] : loads[i].blobs) {
            if (all.insert(digest).second)
                seen.unique += bytes;
            if (held.emplace(shards[i], digest).second) {
                seen.bytes[static_cast<std::size_t>(shards[i])] += bytes;
                ++seen.holders[digest];
            }
        }
    seen.overlap =
        std::accumulate(seen.bytes.begin(), seen.bytes.end(), std::uint64_t{0}) - seen.unique;
    return seen;
}

/// Images of `families` bases, as registries have them: base layers, and layers of their own.
std::vector<archive_load> images(unsigned seed, int families, int images) {
    std::mt19937 random(seed);
    const auto up_to = [&](std::uint64_t most) {
        return 1 + random() % most;
    };
    std::vector<std::uint64_t> bases;
    for (int family = 0; family < families; ++family)
        bases.push_back(up_to(200 * mib));
    std::vector<archive_load> loads;
    for (int image = 0; image < images; ++image) {
        const std::size_t family = random() % static_cast<unsigned>(families);
        archive_load load{concat("image-", image, ".tar"), {}};
        load.blobs.emplace_back(concat("base-", family), bases[family]);
        if (random() % 2)
            load.blobs.emplace_back(concat("runtime-", family), bases[family] / 3);
        for (std::uint64_t own = up_to(3); own > 0; --own)
            load.blobs.emplace_back(concat("own-", image, "-", own), up_to(30 * mib));
        loads.push_back(load);
    }
    return loads;
}

std::optional<shard> from(std::map<std::string, std::string> variables) {
    return shard_from_environment([&](const std::string& name) {
        const auto at = variables.find(name);
        return at == variables.end() ? std::nullopt : std::optional<std::string>(at->second);
    });
}

std::string shown(const std::optional<shard>& one) {
    return one ? concat(one->index, "/", one->count) : "none";
}

std::string trouble(const std::map<std::string, std::string>& variables) {
    try {
        return shown(from(variables));
    } catch (const error& why) {
        BOOST_TEST((why.code() == errc::usage));
        return why.message();
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(one_shard_has_all) {
    BOOST_TEST(
        assign_shards(images(1, 2, 3), 1) == std::vector<int>(3, 0),
        boost::test_tools::per_element());
    BOOST_TEST(assign_shards({}, 4).empty());
}

BOOST_AUTO_TEST_CASE(shards_are_even_and_share_little) {
    for (const unsigned seed : {1u, 2u, 3u, 4u, 5u})
        for (const int count : {2, 4, 7, 16}) {
            const auto loads = images(seed, 20, 1000);
            const auto seen = measure(loads, assign_shards(loads, count), count);
            const std::uint64_t fair = seen.unique / static_cast<std::uint64_t>(count);
            BOOST_TEST_CONTEXT("seed " << seed << ", " << count << " shards") {
                // Within 10 % of a perfect split that shares nothing …
                BOOST_TEST(seen.most() < fair + fair / 10);
                // … and a cut sends one family's base (and what is on it) once more at most.
                BOOST_TEST(
                    seen.overlap <= static_cast<std::uint64_t>(count - 1) * (200 + 67) * mib);
                for (const auto& [digest, holders] : seen.holders)
                    BOOST_TEST((holders == 1 || !digest.starts_with("own-")));
            }
        }
}

// Scattering them would send every base from every machine.
BOOST_AUTO_TEST_CASE(families_stay_together) {
    std::vector<archive_load> loads;
    for (int image = 0; image < 40; ++image)
        loads.push_back(
            {concat(image, ".tar"),
             {{concat("base-", image % 4), 100 * mib}, {concat("own-", image), mib}}});
    const auto shards = assign_shards(loads, 4);
    BOOST_TEST(measure(loads, shards, 4).overlap == 0u);
    for (std::size_t image = 4; image < 40; ++image)
        BOOST_TEST(shards[image] == shards[image % 4]);
}

// One base under everything: it has to go along, but nothing else does.
BOOST_AUTO_TEST_CASE(a_family_that_is_too_large_is_cut) {
    std::vector<archive_load> loads;
    for (int image = 0; image < 100; ++image)
        loads.push_back(
            {concat(image, ".tar"), {{"base", 50 * mib}, {concat("own-", image), 10 * mib}}});
    const auto seen = measure(loads, assign_shards(loads, 4), 4);
    BOOST_TEST(seen.overlap == 3 * 50 * mib);
    BOOST_TEST(seen.most() == 50 * mib + 25 * 10 * mib);
}

// Few archives of very different sizes: more than a cut is needed.
BOOST_AUTO_TEST_CASE(odd_sizes_are_packed) {
    std::vector<archive_load> loads;
    for (const std::uint64_t size : {30u, 20u, 20u, 10u, 10u, 10u, 10u, 5u, 5u})
        loads.push_back({concat(loads.size(), ".tar"), {{concat("b", loads.size()), size * mib}}});
    const auto seen = measure(loads, assign_shards(loads, 4), 4);
    BOOST_TEST(seen.overlap == 0u);
    BOOST_TEST(seen.most() == 30 * mib);
}

BOOST_AUTO_TEST_CASE(archives_of_the_same_blobs_are_spread) {
    std::vector<archive_load> loads;
    for (int image = 0; image < 100; ++image)
        loads.push_back({concat(image, ".tar"), {{"all", 1024}}});
    const auto shards = assign_shards(loads, 4);
    for (int shard = 0; shard < 4; ++shard)
        BOOST_TEST(std::count(shards.begin(), shards.end(), shard) == 25);
}

// Machines list a folder in different orders.
BOOST_AUTO_TEST_CASE(order_does_not_matter) {
    auto loads = images(7, 5, 300);
    loads.push_back({"empty.tar", {}});
    loads.push_back({"twice.tar", {{"base-1", 5}, {"base-1", 5}}});
    const auto by_name = [](const std::vector<archive_load>& all, int count) {
        const auto shards = assign_shards(all, count);
        std::map<std::string, int> found;
        for (std::size_t i = 0; i < all.size(); ++i)
            found[all[i].name] = shards[i];
        return found;
    };
    const auto first = by_name(loads, 5);
    std::mt19937 random(1);
    for (int round = 0; round < 10; ++round) {
        std::shuffle(loads.begin(), loads.end(), random);
        for (archive_load& load : loads)
            std::shuffle(load.blobs.begin(), load.blobs.end(), random);
        BOOST_TEST((by_name(loads, 5) == first));
    }
}

BOOST_AUTO_TEST_CASE(more_shards_than_archives_leave_some_empty) {
    const auto loads = images(3, 2, 3);
    const auto shards = assign_shards(loads, 10);
    BOOST_TEST(shards.size() == 3u);
    for (const int shard : shards)
        BOOST_TEST((shard >= 0 && shard < 10));
}

BOOST_AUTO_TEST_CASE(sizes_at_the_end_of_their_range_do_no_harm) {
    const std::uint64_t huge = std::uint64_t{1} << 50;
    const auto shards = assign_shards({{"a", {{"x", huge}}}, {"b", {{"y", huge}}}, {"c", {}}}, 2);
    BOOST_TEST(shards[0] != shards[1]);
}

BOOST_AUTO_TEST_CASE(fingerprints_tell_other_archives_apart) {
    const std::vector<archive_load> loads{{"a", {{"x", 1}, {"y", 2}}}, {"b", {{"x", 1}}}};
    const std::string known = fingerprint_of(loads, 3);
    BOOST_TEST(known.size() == 16u);
    BOOST_TEST(fingerprint_of({loads[1], loads[0]}, 3) == known);
    BOOST_TEST(fingerprint_of(loads, 4) != known);
    auto other = loads;
    other[1].name = "c";
    BOOST_TEST(fingerprint_of(other, 3) != known);
    other = loads;
    other[0].blobs[1].second = 3;
    BOOST_TEST(fingerprint_of(other, 3) != known);
    other = loads;
    other[0].blobs[1].first = "z";
    BOOST_TEST(fingerprint_of(other, 3) != known);
    other.pop_back();
    BOOST_TEST(fingerprint_of(other, 3) != known);
}

BOOST_AUTO_TEST_CASE(shards_as_text) {
    BOOST_TEST(shown(parse_shard("1/4").value()) == "1/4");
    BOOST_TEST(shown(parse_shard("4/4").value()) == "4/4");
    for (const char* bad :
         {"", "1", "0/4", "5/4", "1/", "/4", "1/4/4", "a/b", "-1/4", "1 /4", "1/0", "1/10001"})
        BOOST_TEST(!parse_shard(bad), bad);
    BOOST_TEST(
        parse_shard("9/4").error().message == "\"9/4\" is not I/N with 1 <= I <= N <= 10000");
}

BOOST_AUTO_TEST_CASE(slurm_says_which_shard) {
    BOOST_TEST(
        shown(from({{"SLURM_ARRAY_TASK_ID", "0"}, {"SLURM_ARRAY_TASK_COUNT", "4"}})) == "1/4");
    const auto task = [](const char* id, const char* count, const char* first, const char* last,
                         const char* step) {
        return trouble(
            {{"SLURM_ARRAY_TASK_ID", id},
             {"SLURM_ARRAY_TASK_COUNT", count},
             {"SLURM_ARRAY_TASK_MIN", first},
             {"SLURM_ARRAY_TASK_MAX", last},
             {"SLURM_ARRAY_TASK_STEP", step}});
    };
    BOOST_TEST(task("3", "4", "0", "3", "1") == "4/4");
    BOOST_TEST(task("1", "4", "1", "4", "1") == "1/4");
    BOOST_TEST(task("4", "4", "1", "4", "1") == "4/4");
    BOOST_TEST(task("14", "3", "10", "14", "2") == "3/3");
    BOOST_TEST(task("3", "3", "1", "7", "1").find("the array has gaps") != std::string::npos);
    BOOST_TEST(task("3", "2", "2", "4", "2").find("the array has gaps") != std::string::npos);
    BOOST_TEST(task("9", "4", "0", "3", "1").find("none of 4 shards") != std::string::npos);
    BOOST_TEST(task("x", "4", "0", "3", "1") == "SLURM_ARRAY_TASK_ID=x is not a number");
    BOOST_TEST(task("0", "0", "", "", "").find("there can be 1 to") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(kubernetes_says_which_shard) {
    BOOST_TEST(shown(from({{"JOB_COMPLETION_INDEX", "0"}, {"TARPON_SHARDS", "4"}})) == "1/4");
    BOOST_TEST(shown(from({{"JOB_COMPLETION_INDEX", "3"}, {"TARPON_SHARDS", "4"}})) == "4/4");
    BOOST_TEST(
        trouble({{"JOB_COMPLETION_INDEX", "4"}, {"TARPON_SHARDS", "4"}})
        == "JOB_COMPLETION_INDEX=4, TARPON_SHARDS=4: that is none of 4 shards");
    BOOST_TEST(
        trouble({{"TARPON_SHARDS", "4"}})
        == "TARPON_SHARDS is set, and JOB_COMPLETION_INDEX is not");
    // Somebody else's index is no shard.
    BOOST_TEST(shown(from({{"JOB_COMPLETION_INDEX", "3"}})) == "none");
    BOOST_TEST(shown(from({})) == "none");
    BOOST_TEST(shown(from({{"SLURM_ARRAY_TASK_ID", ""}, {"TARPON_SHARDS", ""}})) == "none");
}

BOOST_AUTO_TEST_SUITE_END()
