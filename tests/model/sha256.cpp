#include "model/sha256.hpp"

#include "support/bytes.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/evp.h>

#include <random>
#include <string>

BOOST_AUTO_TEST_SUITE(test_sha256)

namespace bdata = boost::unit_test::data;
using tarpon::sha256;
using tarpon::test::bytes_of;
using tarpon::test::noise;
using digest_bytes = std::array<unsigned char, 32>;

digest_bytes by_openssl(std::string_view text) {
    digest_bytes out{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr);
    return out;
}

boost::test_tools::assertion_result processor_has_it(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result answer(sha256::available());
    answer.message() << "SKIPPED: this processor has no SHA instructions";
    return answer;
}
const auto if_available = boost::unit_test::precondition(processor_has_it);

// Every way a message can end in its last two blocks.
BOOST_AUTO_TEST_CASE(every_short_length_is_what_openssl_says, *if_available) {
    const std::string text = noise(200, 1);
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::string_view message = std::string_view(text).substr(0, size);
        sha256 one;
        one.update(bytes_of(message));
        BOOST_TEST((one.finish() == by_openssl(message)), size);
    }
}

BOOST_AUTO_TEST_CASE(pieces_of_any_size_make_no_difference, *if_available) {
    const std::string text = noise(20'000, 2);
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        sha256 one;
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t size = std::min<std::size_t>(random() % 300, rest.size());
            one.update(bytes_of(rest.substr(0, size)));
            rest.remove_prefix(size);
        }
        BOOST_TEST((one.finish() == by_openssl(text)));
    }
}

// Neither message must get a bit of the other, wherever each of them is in its block.
BOOST_AUTO_TEST_CASE(two_at_once_are_what_each_is_alone, *if_available) {
    const std::string texts[] = {noise(30'000, 4), noise(24'001, 5)};
    std::mt19937 random(6);
    for (int round = 0; round < 200; ++round) {
        sha256 both[2];
        std::span<const std::byte> rest[2] = {bytes_of(texts[0]), bytes_of(texts[1])};
        while (!rest[0].empty() || !rest[1].empty()) {
            std::span<const std::byte> piece[2];
            for (int i = 0; i < 2; ++i)
                piece[i] = rest[i].first(std::min<std::size_t>(random() % 1000, rest[i].size()));
            for (int i = 0; i < 2; ++i)
                rest[i] = rest[i].subspan(piece[i].size());
            sha256::update_both(both[0], piece[0], both[1], piece[1]);
            BOOST_TEST((piece[0].empty() || piece[1].empty()));
            for (int i = 0; i < 2; ++i)
                both[i].update(piece[i]);
        }
        for (int i = 0; i < 2; ++i)
            BOOST_TEST((both[i].finish() == by_openssl(texts[i])));
    }
}

BOOST_AUTO_TEST_SUITE_END()
