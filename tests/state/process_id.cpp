// Processes told from later ones with the same number.
#include "state/process_id.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_process_id)

using namespace tarpon::state;

BOOST_AUTO_TEST_CASE(this_one_runs) {
    const process_id self = this_process();
    BOOST_TEST(self.pid == getpid());
    BOOST_TEST(self.start > 0);
    BOOST_TEST(is_running(self));
}

BOOST_AUTO_TEST_CASE(another_one_with_the_same_number_is_not_it) {
    process_id other = this_process();
    ++other.start;
    BOOST_TEST(!is_running(other));
}

BOOST_AUTO_TEST_CASE(one_that_ended_does_not_run) {
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    BOOST_REQUIRE(waitpid(child, nullptr, 0) == child);
    process_id gone = this_process();
    gone.pid = child;
    BOOST_TEST(!is_running(gone));
}

BOOST_AUTO_TEST_CASE(of_another_machine_nothing_is_known) {
    process_id far = this_process();
    far.machine += "-other";
    ++far.start;
    BOOST_TEST(is_running(far));
}

BOOST_AUTO_TEST_SUITE_END()
