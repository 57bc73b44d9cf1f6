// Password files: what htpasswd -B writes is read, everything else is refused by its line.
#include "server/htpasswd.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_htpasswd)

using namespace tarpon;
using namespace tarpon::server;

// Written by `htpasswd -nbB -C 4`; the passwords are "apple" and "pass:word-%&?ü".
const std::string ann = "$2y$04$KXEMpG9lZDsaXCvcbwwopeeYzqIbZEskmYZz.Iec4s.SRTh7N8/pO";
const std::string bob = "$2y$04$OjqO.1AVBcE7TUUvALGQj.OBoo.oasxk8L6/wD5JSjoR6cYffHKxi";

BOOST_AUTO_TEST_CASE(users_comments_and_line_ends) {
    const auto table =
        parse_htpasswd("# people\r\n\r\nann:" + ann + "\r\n  \nbob:" + bob + ":his desk\n").value();
    BOOST_TEST(table.size() == 2u);
    BOOST_TEST(table.at("ann") == ann);
    BOOST_TEST(table.at("bob") == bob);
    BOOST_TEST(parse_htpasswd("").value().empty());
    BOOST_TEST(parse_htpasswd("Zoë Müller:" + ann).value().count("Zoë Müller") == 1u);
}

// Only the line is named: what stands in it is a secret, or nearly one.
BOOST_AUTO_TEST_CASE(other_lines_are_refused_by_their_number) {
    const std::string tail = ann.substr(7);
    for (const std::string& line :
         {std::string("x:$apr1$G07VAumz$SsseEs3mvWXg8FQYdF2xi1"),
          std::string("x:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc="),
          std::string("x:rqXexS6ZhobKA"),
          std::string("x:plainsecret"),
          std::string("x:$6$salt$G07VAumzSsseEs3mvWXg8FQYdF2xi1"),
          std::string("x:"),
          std::string("nocolonatall"),
          ":" + ann,
          "x:$2x$04$" + tail,
          "x:$2y$03$" + tail,
          "x:$2y$15$" + tail,
          "x:$2y$99$" + tail,
          "x:$2y$4$0" + tail,
          "x:$2y$+4$" + tail,
          "x:$2y$04$" + tail.substr(1),
          "x:$2y$04$" + tail + "A",
          "x:$2y$04$!" + tail.substr(1),
          "tab\there:" + ann,
          std::string(limits::user_name_bytes_max + 1, 'n') + ":" + ann,
          "ann:" + bob}) {
        const auto table = parse_htpasswd("ann:" + ann + "\n" + line + "\n");
        BOOST_TEST(!table, line);
        const std::string message = table ? "" : table.error().message;
        BOOST_TEST(message.starts_with("line 2 "), message);
        const std::string secret = line.substr(line.find(':') + 1);
        BOOST_TEST((secret.empty() || message.find(secret) == message.npos), message);
    }
    BOOST_TEST(
        parse_htpasswd("x:rqXexS6ZhobKA").error().message
        == "line 1 is not bcrypt; make it with: htpasswd -B FILE NAME");
}

BOOST_AUTO_TEST_CASE(as_many_users_as_the_limit_says) {
    std::string text;
    for (std::size_t i = 0; i < limits::htpasswd_users_max; ++i)
        text += "u" + std::to_string(i) + ":" + ann + "\n";
    BOOST_TEST(parse_htpasswd(text).value().size() == limits::htpasswd_users_max);
    BOOST_TEST(!parse_htpasswd(text + "one:" + ann));
}

BOOST_AUTO_TEST_CASE(bcrypt_of_apache_and_of_openwall) {
    BOOST_TEST(bcrypt_matches("apple", ann));
    BOOST_TEST(bcrypt_matches("pass:word-%&?ü", bob));
    const std::string openwall = "05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for (const char* kind : {"$2a$", "$2b$", "$2y$"}) {
        BOOST_TEST(bcrypt_matches("U*U", kind + openwall), kind);
        BOOST_TEST(!bcrypt_matches("U*V", kind + openwall), kind);
    }
    for (const char* wrong : {"", "Apple", "apple ", "appl", "apple2"})
        BOOST_TEST(!bcrypt_matches(wrong, ann), wrong);
    BOOST_TEST(!bcrypt_matches("apple", "rubbish"));
    BOOST_TEST(!bcrypt_matches(std::string(5000, 'a'), ann));
}

BOOST_AUTO_TEST_SUITE_END()
