#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_error)

using namespace tarpon;

// The contract's table of exit codes.
BOOST_AUTO_TEST_CASE(exit_codes_as_in_the_contract) {
    BOOST_TEST(exit_code_of(class_of(errc::internal)) == 1);
    BOOST_TEST(exit_code_of(class_of(errc::usage)) == 2);
    BOOST_TEST(exit_code_of(class_of(errc::archive_truncated)) == 3);
    BOOST_TEST(exit_code_of(class_of(errc::digest_mismatch)) == 3);
    BOOST_TEST(exit_code_of(class_of(errc::archive_unnamed)) == 3);
    BOOST_TEST(exit_code_of(class_of(errc::registry_unauthorized)) == 4);
    BOOST_TEST(exit_code_of(class_of(errc::registry_denied)) == 4);
    BOOST_TEST(exit_code_of(class_of(errc::registry_not_found)) == 5);
    BOOST_TEST(exit_code_of(class_of(errc::registry_protocol)) == 5);
    BOOST_TEST(exit_code_of(class_of(errc::transport_tls)) == 6);
    BOOST_TEST(exit_code_of(class_of(errc::cancelled)) == 130);
}

BOOST_AUTO_TEST_CASE(class_names_as_in_the_contract) {
    BOOST_TEST(to_string(error_class::auth) == "auth");
    BOOST_TEST(to_string(error_class::interrupted) == "interrupted");
    BOOST_TEST(to_string(class_of(errc::storage)) == "internal");
}

BOOST_AUTO_TEST_CASE(every_code_has_a_sentence) {
    for (const errc code :
         {errc::usage, errc::archive_limit, errc::registry_failed, errc::transport_closed,
          errc::storage, errc::internal}) {
        BOOST_TEST(make_error_code(code).message() != "unknown error");
        BOOST_TEST(make_error_code(code).failed());
    }
}

BOOST_AUTO_TEST_CASE(in_puts_the_subject_first) {
    tarpon::error what(errc::archive_empty, "the file is empty");
    what.in("a.tar").with_hint("save it again").with_status(0);
    BOOST_TEST(what.message() == "a.tar: the file is empty");
    BOOST_TEST(what.hint() == "save it again");
}

// result<T>::value() throws the typed error, not a generic one.
BOOST_AUTO_TEST_CASE(value_of_a_failure_throws_error) {
    const result<int> failed = failure{errc::archive_damaged, "bad"};
    BOOST_CHECK_EXCEPTION(failed.value(), tarpon::error, [](const tarpon::error& e) {
        return e.code() == errc::archive_damaged && e.message() == "bad";
    });
}

BOOST_AUTO_TEST_SUITE_END()
