// However many connections a few clients make, one more client finds a place.
#include "server/client_places.hpp"

#include "server/client_name.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(test_client_places)

using boost::asio::ip::make_address;
using tarpon::server::client_name;
using tarpon::server::client_places;

std::vector<client_places::lease> take_all(client_places& places, const std::string& address) {
    std::vector<client_places::lease> held;
    for (auto one = places.take(make_address(address)); one;
         one = places.take(make_address(address)))
        held.push_back(std::move(one));
    return held;
}

BOOST_AUTO_TEST_CASE(nobody_gets_all) {
    client_places places(64);
    const auto first = take_all(places, "192.0.2.1");
    BOOST_TEST(first.size() == 32u);
    const auto second = take_all(places, "192.0.2.2");
    BOOST_TEST(second.size() == 16u);
    const auto third = take_all(places, "192.0.2.3");
    BOOST_TEST(third.size() == 8u);
    BOOST_TEST(places.free() == 8u);
    BOOST_TEST(static_cast<bool>(places.take(make_address("192.0.2.4"))));
}

// The table does not remember those who have gone.
BOOST_AUTO_TEST_CASE(places_come_back) {
    client_places places(64);
    {
        auto held = take_all(places, "192.0.2.1");
        held.front().give_back();
        held.front().give_back();
        BOOST_TEST(places.free() == 33u);
        client_places::lease moved = std::move(held.back());
        BOOST_TEST(moved.client() == "192.0.2.1");
        BOOST_TEST(places.clients() == 1u);
    }
    BOOST_TEST(places.free() == 64u);
    BOOST_TEST(places.clients() == 0u);
}

// One machine has as many IPv6 addresses as it likes.
BOOST_AUTO_TEST_CASE(a_network_is_one_client) {
    client_places places(8);
    const auto one = places.take(make_address("2001:db8:1:2::1"));
    BOOST_TEST(one.client() == "2001:db8:1:2::/64");
    BOOST_TEST(client_name(make_address("2001:db8:1:2:ffff::9")) == one.client());
    BOOST_TEST(client_name(make_address("2001:db8:1:3::1")) != one.client());
    BOOST_TEST(client_name(make_address("::ffff:192.0.2.1")) == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(the_last_place_goes_to_someone_new) {
    client_places places(2);
    const auto one = places.take(make_address("192.0.2.1"));
    BOOST_TEST(!places.take(make_address("192.0.2.1")));
    const auto two = places.take(make_address("192.0.2.2"));
    BOOST_TEST(static_cast<bool>(two));
    BOOST_TEST(!places.take(make_address("192.0.2.3")));
}

BOOST_AUTO_TEST_SUITE_END()
