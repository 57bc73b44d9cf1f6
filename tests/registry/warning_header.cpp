#include "registry/warning_header.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_warning_header)

using namespace tarpon;

transport::http_response with(std::vector<std::string> values) {
    transport::http_response response;
    for (std::string& value : values)
        response.headers.emplace_back("warning", std::move(value));
    return response;
}

std::string read(std::vector<std::string> values) {
    std::string all;
    for (const std::string& text : registry::read_warnings(with(std::move(values))))
        all += concat("[", text, "]");
    return all;
}

BOOST_AUTO_TEST_CASE(texts_of_code_299) {
    BOOST_TEST(read({R"(299 - "old client")"}) == "[old client]");
    BOOST_TEST(
        read({R"(299 - "a, \"b\"" "Tue, 08 Dec 2026 10:00:00 GMT", 299 - "c")", R"(299 x "d")"})
        == "[a, \"b\"][c][d]");
    BOOST_TEST(read({R"(110 - "stale", 299 - "kept")"}) == "[kept]");
}

BOOST_AUTO_TEST_CASE(anything_else_is_ignored) {
    for (const char* bad :
         {"", "299", "299 -", "299 - words", "299 - \"open", "299 - \"\"", "199 - \"misc\"", ","})
        BOOST_TEST(read({bad}).empty(), bad);
    BOOST_TEST(
        read({concat("299 - \"", std::string(limits::warning_bytes_max, 'x'), "\"")}).empty());
}

BOOST_AUTO_TEST_CASE(texts_cannot_write_on_the_terminal) {
    const std::string shown = read({"299 - \"a\x1b[2J\x07" + std::string(2000, 'b') + "\""});
    BOOST_TEST(shown.find('\x1b') == std::string::npos);
    BOOST_TEST(shown.size() < limits::foreign_text_bytes_max + 10);
}

BOOST_AUTO_TEST_CASE(each_text_is_told_once_and_not_for_ever) {
    registry::warning_notes notes;
    BOOST_TEST(notes.news(with({R"(299 - "one")", R"(299 - "one")"})).size() == 1u);
    BOOST_TEST(notes.news(with({R"(299 - "one")"})).empty());
    std::size_t told = 1;
    for (std::size_t i = 0; i < 3 * limits::warnings_max; ++i)
        told += notes.news(with({concat("299 - \"", i, "\"")})).size();
    BOOST_TEST(told == limits::warnings_max);
}

BOOST_AUTO_TEST_SUITE_END()
