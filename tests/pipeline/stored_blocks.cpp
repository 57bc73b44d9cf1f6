#include "pipeline/stored_blocks.hpp"

#include "support/bytes.hpp"
#include "support/image_builder.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(test_stored_blocks)

using namespace tarpon::pipeline;
using tarpon::test::bytes_of;
using tarpon::test::noise;

BOOST_AUTO_TEST_CASE(noise_looks_like_noise) {
    for (unsigned seed = 0; seed < 200; ++seed)
        BOOST_TEST(looks_like_noise(bytes_of(noise(524'288, seed))), seed);
}

BOOST_AUTO_TEST_CASE(what_shrinks_does_not) {
    const std::string text = tarpon::test::make_layer(7, 524'288);
    BOOST_TEST(!looks_like_noise(bytes_of(text)));
    BOOST_TEST(!looks_like_noise(bytes_of(std::string(524'288, '\0'))));
    // Half of all values are missing.
    std::string seven_bits = noise(524'288, 1);
    for (char& c : seven_bits)
        c = static_cast<char>(c & 0x7f);
    BOOST_TEST(!looks_like_noise(bytes_of(seven_bits)));
    // A quarter of it is text.
    BOOST_TEST(!looks_like_noise(bytes_of(noise(400'000, 2) + text.substr(0, 124'288))));
    // Too little to say.
    BOOST_TEST(!looks_like_noise(bytes_of(noise(4095, 3))));
}

BOOST_AUTO_TEST_CASE(stored_blocks_are_what_rfc_1951_says) {
    const std::string input = noise(65'536, 4);
    std::string output(input.size() + 10, 'x');
    const std::size_t size =
        store_blocks(bytes_of(input), std::as_writable_bytes(std::span(output)));
    BOOST_TEST(size == output.size());
    using namespace std::string_literals;
    BOOST_TEST((output.substr(0, 5) == "\x00\xff\xff\x00\x00"s));
    BOOST_TEST((output.substr(5 + 65'535, 5) == "\x00\x01\x00\xfe\xff"s));
    BOOST_TEST((output.substr(5, 65'535) + output.back() == input));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
    std::string output(104, 'x');
    BOOST_CHECK_THROW(
        (void)store_blocks(bytes_of(noise(100, 5)), std::as_writable_bytes(std::span(output))),
        tarpon::error);
}

BOOST_AUTO_TEST_SUITE_END()
