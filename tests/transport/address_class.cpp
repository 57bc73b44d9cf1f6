#include "transport/address_class.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_address_class)

using namespace tarpon::transport;
namespace bdata = boost::unit_test::data;

const std::vector<const char*> internal{
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1"};

BOOST_DATA_TEST_CASE(internal_addresses, bdata::make(internal), host) {
    BOOST_TEST((classify_host(host) == address_kind::internal));
}

const std::vector<const char*> global{"8.8.8.8",         "172.15.255.255",   "172.32.0.1",
                                      "192.167.255.255", "169.253.255.255",  "2606:4700::1111",
                                      "2002:808:808::",  "64:ff9b::808:808", "::ffff:8.8.8.8"};

BOOST_DATA_TEST_CASE(global_addresses, bdata::make(global), host) {
    BOOST_TEST((classify_host(host) == address_kind::global));
}

// What is no literal is resolved by the system, and is somebody's choice of a name.
BOOST_AUTO_TEST_CASE(names_are_names) {
    for (const char* host :
         {"registry.example.com", "10.example.com", "localhost.example.com", "cafe.de", ""})
        BOOST_TEST((classify_host(host) == address_kind::name), host);
}

// Some resolvers take these for addresses, and one name is this machine everywhere.
BOOST_AUTO_TEST_CASE(names_that_may_mean_inside_are_internal) {
    for (const char* host :
         {"localhost", "x.localhost", "127.1", "2130706433", "0x7f000001", "256.1.1.1", "1.2.3"})
        BOOST_TEST((classify_host(host) == address_kind::internal), host);
}

BOOST_AUTO_TEST_SUITE_END()
