#include "archive/pax_records.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_pax_records)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::archive;

BOOST_AUTO_TEST_CASE(known_records_are_applied) {
    const auto parsed =
        parse_pax_records("12 path=a/b\n14 linkpath=c\n11 size=99\n18 mtime=123.45678\n");
    BOOST_TEST(!parsed.has_value()); // the last record says 18 and is 19 long
    const auto good =
        parse_pax_records("12 path=a/b\n14 linkpath=c\n11 size=99\n19 mtime=123.45678\n");
    BOOST_REQUIRE(good);
    BOOST_TEST(good->path.value() == "a/b");
    BOOST_TEST(good->link_path.value() == "c");
    BOOST_TEST(good->size.value() == 99u);
    BOOST_TEST(!good->sparse);
}

BOOST_AUTO_TEST_CASE(later_records_win_and_empty_removes) {
    BOOST_TEST(parse_pax_records("9 path=a\n9 path=b\n").value().path.value() == "b");
    BOOST_TEST(!parse_pax_records("9 path=a\n8 path=\n").value().path.has_value());
    BOOST_TEST(!parse_pax_records("9 size=7\n8 size=\n").value().size.has_value());
}

BOOST_AUTO_TEST_CASE(sparse_is_noticed) {
    BOOST_TEST(parse_pax_records("22 GNU.sparse.major=1\n").value().sparse);
}

const char* const malformed[] = {
    "x",           "10",          " path=a\n",      "9 path=a",     "11 path=a\n",
    "8 path=a\n",  "3 \n",        "10 =aaaaa\n",    "9 pathaa\n",   "18446744073709551616 path=a\n",
    "-1 path=a\n", "10 size=x\n", "11 size=-1\n",   "11 size=1.\n", "28 size=4611686018427387904\n",
    "0 path=a\n",  "1 path=a\n",  "9 path=a\nrest",
};

// A record that is skipped by one reader and honoured by another hides members (CVE-2025-62518).
BOOST_DATA_TEST_CASE(malformed_is_refused, bdata::make(malformed), text) {
    BOOST_TEST(!parse_pax_records(text).has_value());
}

BOOST_AUTO_TEST_CASE(nul_in_path_is_refused) {
    BOOST_TEST(!parse_pax_records(std::string("12 path=a\0b\n", 12)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
