// Sessions of the page: nobody guesses them, and they end.
#include "server/login_sessions.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

#include <set>

BOOST_AUTO_TEST_SUITE(test_login_sessions)

using namespace tarpon;
using namespace tarpon::server;
using namespace std::chrono_literals;

const login_sessions::time_point start{1000h};

BOOST_AUTO_TEST_CASE(ids_and_tokens_are_random_and_different) {
    login_sessions sessions;
    std::set<std::string> seen;
    for (int i = 0; i < 10; ++i) {
        const auto made = sessions.begin("ann", "h", start);
        BOOST_TEST(made.id.size() == 64u); // 256 bits
        BOOST_TEST(made.token.size() == 64u);
        seen.insert(made.id);
        seen.insert(made.token);
    }
    BOOST_TEST(seen.size() == 20u);
}

BOOST_AUTO_TEST_CASE(found_by_its_id_only_until_it_ends) {
    login_sessions sessions;
    const auto made = sessions.begin("ann", "h", start);
    const auto* const found = sessions.find(made.id, start);
    BOOST_REQUIRE(found);
    BOOST_TEST(found->user == "ann");
    BOOST_TEST(found->hash == "h");
    BOOST_TEST(found->token == made.token);
    for (const std::string& wrong : {std::string(), made.token, made.id.substr(1), made.id + "0"})
        BOOST_TEST(!sessions.find(wrong, start));
    sessions.end("nonsense");
    BOOST_TEST(sessions.find(made.id, start));
    sessions.end(made.id);
    BOOST_TEST(!sessions.find(made.id, start));
    BOOST_TEST(sessions.count() == 0u);
}

BOOST_AUTO_TEST_CASE(idle_and_absolute_ends) {
    login_sessions sessions;
    const auto idle = sessions.begin("ann", "h", start);
    BOOST_TEST(sessions.find(idle.id, start + limits::login_session_idle_max - 1s));
    BOOST_TEST(!sessions.find(idle.id, start + 2 * limits::login_session_idle_max - 1s));
    const auto busy = sessions.begin("ann", "h", start);
    auto now = start;
    for (; now < start + limits::login_session_life; now += 1h)
        BOOST_TEST(sessions.find(busy.id, now));
    BOOST_TEST(!sessions.find(busy.id, now));
    BOOST_TEST(sessions.count() == 0u);
}

BOOST_AUTO_TEST_CASE(one_user_has_a_bounded_number_and_so_have_all) {
    login_sessions sessions;
    const auto others = sessions.begin("bob", "h", start);
    const auto first = sessions.begin("ann", "h", start + 1s);
    const auto second = sessions.begin("ann", "h", start + 2s);
    BOOST_TEST(sessions.find(first.id, start + 3s)); // used: now the second is older
    for (std::size_t i = 1; i < limits::login_sessions_of_user_max; ++i)
        (void)sessions.begin("ann", "h", start + 4s);
    BOOST_TEST(sessions.find(first.id, start + 5s));
    BOOST_TEST(!sessions.find(second.id, start + 5s));
    BOOST_TEST(sessions.find(others.id, start + 5s));
    for (std::size_t i = 0; i < 2 * limits::login_sessions_max; ++i)
        (void)sessions.begin("user " + std::to_string(i), "h", start + 6s);
    BOOST_TEST(sessions.count() == limits::login_sessions_max);
}

BOOST_AUTO_TEST_SUITE_END()
