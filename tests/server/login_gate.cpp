// Bodies of POST /login, and the gate with a password file that changes under it.
#include "server/login_gate.hpp"

#include "support/run_coroutine.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_login_gate)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::server;
namespace asio = boost::asio;

// "apple" and "pear", at the lowest cost.
const std::string apple = "$2y$04$KXEMpG9lZDsaXCvcbwwopeeYzqIbZEskmYZz.Iec4s.SRTh7N8/pO";
const std::string odd = "$2y$04$OjqO.1AVBcE7TUUvALGQj.OBoo.oasxk8L6/wD5JSjoR6cYffHKxi";

BOOST_AUTO_TEST_CASE(bodies_of_a_login) {
    const char* const json = "application/json; charset=utf-8";
    const char* const form = "application/x-www-form-urlencoded";
    const auto of_json = parse_login(json, R"({"username":"ann","password":"a\"b"})").value();
    BOOST_TEST(of_json.username == "ann");
    BOOST_TEST(of_json.password == "a\"b");
    const auto of_form = parse_login(form, "username=ann+b&password=%C3%BC%26%2B&x=y").value();
    BOOST_TEST(of_form.username == "ann b");
    BOOST_TEST(of_form.password == "ü&+");
    for (const char* body :
         {"", "[]", "{", R"({"username":1,"password":"p"})", R"({"username":"","password":"p"})",
          R"({"username":"a:b","password":"p"})", R"({"username":"a\nb","password":"p"})",
          R"({"username":"a","username":"b","password":"p"})", R"({"password":"p"})"})
        BOOST_TEST(!parse_login(json, body), body);
    for (const char* body :
         {"", "username=a%0ab&password=p", "username=%zz&password=p", "password=p"})
        BOOST_TEST(!parse_login(form, body), body);
    // What forms of other sites can send without asking is no JSON.
    BOOST_TEST(!parse_login("text/plain", R"({"username":"ann","password":"p"})"));
    BOOST_TEST(!parse_login("", "username=ann&password=p"));
}

struct scene {
    explicit scene(asio::io_context& io, const std::string& content)
        : file(folder.write("users", content))
        , checker(
              io.get_executor(),
              file,
              workers,
              [this](log_level, const std::string& message) { said.push_back(message); },
              std::chrono::steady_clock::duration::zero()) {}

    asio::awaitable<password_checker::outcome> check(std::string user, std::string password) {
        given_login given{std::move(user), std::move(password)};
        const auto verdict = co_await checker.check(std::move(given), std::string("client"));
        co_return verdict.how;
    }

    temp_dir folder;
    async::cpu_pool workers{1};
    std::vector<std::string> said;
    std::string file;
    password_checker checker;
};

using outcome = password_checker::outcome;

asio::awaitable<void> file_changes(asio::io_context& io) {
    scene at(io, "ann:" + apple + "\n");
    auto how = co_await at.check("ann", "apple");
    BOOST_TEST((how == outcome::right));
    how = co_await at.check("ann", "pear");
    BOOST_TEST((how == outcome::wrong));
    how = co_await at.check("bob", "apple");
    BOOST_TEST((how == outcome::wrong));
    at.folder.write("users", "# a new password\nann:" + odd + "\n");
    how = co_await at.check("ann", "apple");
    BOOST_TEST((how == outcome::wrong));
    how = co_await at.check("ann", "pass:word-%&?ü");
    BOOST_TEST((how == outcome::right));
    // A file that cannot be used changes nothing, and is told of once.
    at.folder.write("users", "ann:secretword\n");
    for (int i = 0; i < 2; ++i) {
        how = co_await at.check("ann", "pass:word-%&?ü");
        BOOST_TEST((how == outcome::right));
    }
    BOOST_TEST(at.said.size() == 1u);
    BOOST_TEST(at.said.front().find("line 1 is not bcrypt") != std::string::npos);
    BOOST_TEST(at.said.front().find("secretword") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_file_counts_as_it_is_now) {
    run_coroutine(file_changes);
}

asio::awaitable<void> limits_of_failures(asio::io_context& io) {
    scene at(io, "ann:" + apple + "\neve:" + apple + "\n");
    auto how = co_await at.check("ann", "apple");
    BOOST_TEST((how == outcome::right));
    how = co_await at.check("eve", "apple");
    BOOST_TEST((how == outcome::right));
    for (int i = 0; i < limits::failures_of_client_max; ++i) {
        how = co_await at.check("bob", "wrong");
        BOOST_TEST((how == outcome::wrong));
    }
    how = co_await at.check("bob", "wrong");
    BOOST_TEST((how == outcome::too_many));
    // Who was let in from there before goes on, and only guesses at that very user end it.
    for (int i = 0; i < limits::failures_of_client_max; ++i) {
        how = co_await at.check("ann", "guess");
        BOOST_TEST((how == outcome::wrong));
    }
    how = co_await at.check("ann", "apple");
    BOOST_TEST((how == outcome::too_many));
    how = co_await at.check("eve", "apple");
    BOOST_TEST((how == outcome::right));
}

BOOST_AUTO_TEST_CASE(too_many_wrong_passwords) {
    run_coroutine(limits_of_failures);
}

asio::awaitable<void> right_ones(asio::io_context& io) {
    scene at(io, "ann:" + apple + "\n");
    for (int i = 0; i < 3 * limits::failures_of_client_max; ++i) {
        const auto how = co_await at.check("ann", "apple");
        BOOST_TEST((how == outcome::right));
    }
}

BOOST_AUTO_TEST_CASE(right_passwords_never_count) {
    run_coroutine(right_ones);
}

// Somebody who is not there is compared with somebody who is, always the same one.
BOOST_AUTO_TEST_CASE(unknown_users_cost_as_much) {
    const password_table table{{"ann", apple}, {"bob", odd}};
    std::size_t like_ann = 0;
    for (int i = 0; i < 100; ++i) {
        const std::string user = "user" + std::to_string(i);
        const std::string& decoy = decoy_for(table, "key", user);
        BOOST_TEST((decoy == apple || decoy == odd));
        BOOST_TEST(decoy_for(table, "key", user) == decoy);
        like_ann += decoy == apple ? 1 : 0;
    }
    BOOST_TEST((like_ann > 10 && like_ann < 90));
    BOOST_TEST(decoy_for({}, "key", "x").size() == apple.size());
    BOOST_TEST(!bcrypt_matches("", decoy_for({}, "key", "x")));
}

BOOST_AUTO_TEST_SUITE_END()
