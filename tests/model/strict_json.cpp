#include "model/strict_json.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_strict_json)

namespace bdata = boost::unit_test::data;
using namespace tarpon;

BOOST_AUTO_TEST_CASE(valid_text_parsed) {
    const auto value = parse_strict_json(R"( {"a":[1,"x",null,true,{"b":-1.5}]} )");
    BOOST_REQUIRE(value);
    BOOST_TEST(value->as_object().at("a").as_array().size() == 5u);
}

const char* const bad_texts[] = {
    "",
    " ",
    "{",
    "{}x",
    "[1,]",
    "{\"a\":1,\"a\":2}",
    "{\"x\":{\"a\":1,\"a\":1}}",
    "\xef\xbb\xbf{}",
    "{'a':1}",
    "[1] [2]",
    "nul",
    "\"\\ud800\"",
    "\"\xff\"",
    "01",
    "{\"a\":1,\"\\u0061\":2}",
    "// c\n{}",
    "1e400",
    "{\"a\":[-1.4e315]}",
};

BOOST_DATA_TEST_CASE(invalid_text_refused, bdata::make(bad_texts), text) {
    const auto value = parse_strict_json(text);
    BOOST_REQUIRE(!value.has_value());
    BOOST_TEST((value.error().code == errc::archive_metadata));
    BOOST_TEST(value.error().message.starts_with("not valid JSON: "));
}

BOOST_AUTO_TEST_CASE(depth_is_limited) {
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    BOOST_TEST(parse_strict_json(nested(limits::json_depth_max)).has_value());
    BOOST_TEST(!parse_strict_json(nested(limits::json_depth_max + 1)).has_value());
    BOOST_TEST(!parse_strict_json(nested(1'000'000)).has_value());
}

BOOST_AUTO_TEST_CASE(elements_are_limited) {
    const auto zeros = [](std::size_t count) {
        std::string text = "[0";
        for (std::size_t i = 1; i < count; ++i)
            text += ",0";
        return text + "]";
    };
    BOOST_TEST(parse_strict_json(zeros(limits::json_elements_max - 1)).has_value());
    BOOST_TEST(!parse_strict_json(zeros(limits::json_elements_max)).has_value());
}

// Sizes as CVE hunters write them.
BOOST_AUTO_TEST_CASE(size_member_takes_only_sizes) {
    const auto size_of = [](std::string_view text) {
        return size_member(
            parse_strict_object(std::string("{\"size\":") + std::string(text) + "}").value(),
            "size");
    };
    BOOST_TEST(size_of("0").value().value() == 0u);
    BOOST_TEST(size_of("9223372036854775807").value().value() == 9223372036854775807u);
    BOOST_TEST(!size_of("null").value().has_value());
    for (const char* bad : {"-1", "\"5\"", "1e3", "1.0", "9223372036854775808", "[]", "true"})
        BOOST_TEST(!size_of(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(other_case_is_found) {
    const auto object = parse_strict_object(R"({"Layers":[],"config":1})").value();
    BOOST_TEST(key_with_other_case(object, {"layers", "config"}) == "Layers");
    BOOST_TEST(key_with_other_case(object, {"Layers", "config"}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
