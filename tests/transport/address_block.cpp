// Networks of both families, and IPv4 in its IPv6 clothes.
#include "transport/address_block.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_address_block)

using namespace tarpon::transport;

bool holds(std::string_view block, std::string_view address) {
    return address_block::parse(block).value().contains(address_bytes::parse(address).value());
}

BOOST_AUTO_TEST_CASE(what_is_inside) {
    BOOST_TEST(holds("10.0.0.0/8", "10.255.1.2"));
    BOOST_TEST(!holds("10.0.0.0/8", "11.0.0.1"));
    BOOST_TEST(holds("10.1.2.3/8", "10.9.9.9")); // bits behind the network do not count
    BOOST_TEST(holds("192.168.1.128/25", "192.168.1.129"));
    BOOST_TEST(!holds("192.168.1.128/25", "192.168.1.127"));
    BOOST_TEST(holds("1.2.3.4", "1.2.3.4"));
    BOOST_TEST(!holds("1.2.3.4", "1.2.3.5"));
    BOOST_TEST(holds("0.0.0.0/0", "8.8.8.8"));
    BOOST_TEST(holds("2001:db8::/33", "2001:db8:7fff::1"));
    BOOST_TEST(!holds("2001:db8::/33", "2001:db8:8000::1"));
    BOOST_TEST(holds("::1", "::1"));
    BOOST_TEST(holds("::/0", "2001:db8::1"));
}

BOOST_AUTO_TEST_CASE(families_do_not_mix_except_mapped_addresses) {
    BOOST_TEST(!holds("::/0", "10.0.0.1"));
    BOOST_TEST(!holds("0.0.0.0/0", "::1"));
    BOOST_TEST(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
    BOOST_TEST(!holds("::/0", "::ffff:10.0.0.1"));
    BOOST_TEST(holds("::ffff:10.0.0.0/104", "10.0.0.1"));
    BOOST_TEST(holds("::ffff:10.0.0.0/104", "::ffff:10.0.0.1"));
    BOOST_TEST(!holds("::ffff:10.0.0.0/104", "11.0.0.1"));
}

BOOST_AUTO_TEST_CASE(what_is_no_network) {
    for (const char* text :
         {"", "/", "/8", "10/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
          "::/129", "[::1]", "10.0.0.0/8 ", " 10.0.0.0/8", "example.com", "0x7f.1", "010.0.0.1/8",
          "fe80::1%lo"})
        BOOST_TEST(!address_block::parse(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
