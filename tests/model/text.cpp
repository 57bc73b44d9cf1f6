#include "model/text.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_text)

using namespace tarpon;

// Escape sequences, line ends and broken UTF-8 from outside never reach a terminal.
BOOST_AUTO_TEST_CASE(foreign_text_is_harmless) {
    BOOST_TEST(foreign_text("a\x1b[31mb\r\nc") == "a [31mb c");
    BOOST_TEST(foreign_text("  x  ") == "x");
    BOOST_TEST(foreign_text("\xff\xc3\xa9\xc3") == "?é?");
    BOOST_TEST(
        foreign_text("\xc2\x9b"
                     "1m")
        == "??1m"); // C1 control sequence introducer
    BOOST_TEST(
        foreign_text("\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf").find_first_not_of('?')
        == std::string::npos);
}

BOOST_AUTO_TEST_CASE(foreign_text_is_cut_between_characters) {
    BOOST_TEST(foreign_text("éééé", 5) == "éé…");
    BOOST_TEST(foreign_text("abc", 3) == "abc");
    BOOST_TEST(foreign_text(std::string(5000, 'x')).size() == 1024 + std::string("…").size());
}

BOOST_AUTO_TEST_CASE(valid_utf8_changes_what_is_none) {
    BOOST_TEST(valid_utf8("a  b\n\t\"é😀") == "a  b\n\t\"é😀");
    BOOST_TEST(
        valid_utf8("\xff"
                   "a\xc3")
        == "\ufffd"
           "a\ufffd");
}

BOOST_AUTO_TEST_CASE(parse_decimal_takes_whole_numbers) {
    BOOST_TEST(parse_decimal("18446744073709551615").value() == 18446744073709551615u);
    for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "1.0"})
        BOOST_TEST(!parse_decimal(bad), bad);
}

BOOST_AUTO_TEST_CASE(visible_ascii_has_no_blanks_and_no_controls) {
    BOOST_TEST(is_visible_ascii("!a~"));
    BOOST_TEST(is_visible_ascii(""));
    for (const char* text : {"a b", "a\tb", "a\n", "\x7f", "\xc3\xa4", "\r"})
        BOOST_TEST(!is_visible_ascii(text), text);
}

BOOST_AUTO_TEST_CASE(human_bytes_has_one_decimal) {
    BOOST_TEST(human_bytes(0) == "0 B");
    BOOST_TEST(human_bytes(1023) == "1023 B");
    BOOST_TEST(human_bytes(1536) == "1.5 KiB");
    BOOST_TEST(human_bytes(1024 * 1024 - 1) == "1.0 MiB");
    BOOST_TEST(human_bytes(1932735283) == "1.8 GiB");
}

BOOST_AUTO_TEST_CASE(concat_and_counted) {
    BOOST_TEST(thousands(0) == "0");
    BOOST_TEST(thousands(999) == "999");
    BOOST_TEST(thousands(1000) == "1,000");
    BOOST_TEST(thousands(1234567) == "1,234,567");
    BOOST_TEST(concat("a", 'b', 12, -3, std::string("c")) == "ab12-3c");
    BOOST_TEST(counted(1, "image") == "1 image");
    BOOST_TEST(counted(2, "image") == "2 images");
}

BOOST_AUTO_TEST_CASE(iequals_needs_equal_length) {
    BOOST_TEST(iequals("BASIC", "basic"));
    BOOST_TEST(!iequals("basic", "basi"));
    BOOST_TEST(!iequals("", "b"));
    BOOST_TEST(trim(" \tx ") == "x");
}

BOOST_AUTO_TEST_SUITE_END()
