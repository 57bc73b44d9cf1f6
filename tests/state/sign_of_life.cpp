// Who lives and who does not, told by locked files.
#include "state/sign_of_life.hpp"

#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_sign_of_life)

namespace fs = std::filesystem;
using namespace tarpon::state;
using tarpon::test::temp_dir;

std::string dead_process(const std::string& folder) {
    int ends[2];
    BOOST_REQUIRE(::pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const sign_of_life self(folder);
        (void)!::write(ends[1], self.name().data(), self.name().size());
        _exit(0); // without a farewell
    }
    ::close(ends[1]);
    std::string name(64, '\0');
    const auto got = ::read(ends[0], name.data(), name.size());
    ::close(ends[0]);
    BOOST_REQUIRE(waitpid(child, nullptr, 0) == child);
    name.resize(static_cast<std::size_t>(got));
    return name;
}

BOOST_AUTO_TEST_CASE(who_lives_is_alive_and_has_a_name_of_its_own) {
    const temp_dir dir;
    const std::string folder = dir.path().string();
    auto one = std::make_unique<sign_of_life>(folder);
    const sign_of_life other(folder);
    BOOST_TEST(one->name() != other.name());
    BOOST_TEST(is_alive(folder, one->name()));
    const std::string name = one->name();
    one.reset();
    BOOST_TEST(!is_alive(folder, name));
    BOOST_TEST(is_alive(folder, other.name()));
}

BOOST_AUTO_TEST_CASE(who_died_is_not_and_leaves_nothing_behind) {
    const temp_dir dir;
    const std::string folder = dir.path().string();
    const std::string name = dead_process(folder);
    BOOST_TEST(fs::exists(dir.path() / name));
    BOOST_TEST(!is_alive(folder, name));
    BOOST_TEST(!fs::exists(dir.path() / name));
}

BOOST_AUTO_TEST_CASE(the_dead_are_removed_and_nobody_else) {
    const temp_dir dir;
    const std::string folder = dir.path().string();
    const sign_of_life self(folder);
    const std::string dead = dead_process(folder);
    std::ofstream(dir.path() / "state.db") << "x";
    remove_dead(folder);
    BOOST_TEST(fs::exists(dir.path() / self.name()));
    BOOST_TEST(!fs::exists(dir.path() / dead));
    BOOST_TEST(fs::exists(dir.path() / "state.db"));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_none_leads_nowhere) {
    const temp_dir dir;
    std::ofstream(dir.path() / "victim") << "x";
    const std::string folder = (dir.path() / "state").string();
    fs::create_directory(folder);
    for (const char* name : {"../victim", "alive-/../../victim", "", "victim"})
        BOOST_TEST(!is_alive(folder, name));
    BOOST_TEST(fs::exists(dir.path() / "victim"));
}

BOOST_AUTO_TEST_SUITE_END()
