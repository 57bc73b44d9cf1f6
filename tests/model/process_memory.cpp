#include "model/process_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_process_memory)

using namespace tarpon;

constexpr std::size_t large = 64u * 1024 * 1024;

/// Has `large` bytes in memory, and gives them back.
void use_memory() {
    void* const memory =
        ::mmap(nullptr, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    BOOST_REQUIRE(memory != MAP_FAILED);
    std::memset(memory, 1, large);
    ::munmap(memory, large);
}

BOOST_AUTO_TEST_CASE(what_was_given_back_counts) {
    use_memory();
    BOOST_TEST(peak_memory_bytes() >= large);
}

// Whoever starts the program may be large: what it had is not the program's.
BOOST_AUTO_TEST_CASE(what_the_parent_had_does_not_count) {
    use_memory();
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::execl(
            "/proc/self/exe", "tarpon_model_tests", "--run_test=test_process_memory/tell_it",
            "--log_level=nothing", "--report_level=no", static_cast<char*>(nullptr));
        ::_exit(127);
    }
    ::close(ends[1]);
    std::string told;
    char piece[256];
    for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;)
        told.append(piece, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
    const std::size_t at = told.find("peak ");
    BOOST_REQUIRE(at != std::string::npos);
    BOOST_TEST(std::stoull(told.substr(at + 5)) < peak_memory_bytes() - large / 2);
}

/// The child of the test above.
BOOST_AUTO_TEST_CASE(tell_it) {
    const std::string line = "peak " + std::to_string(peak_memory_bytes()) + "\n";
    BOOST_TEST(::write(STDOUT_FILENO, line.data(), line.size()) > 0);
}

BOOST_AUTO_TEST_SUITE_END()
