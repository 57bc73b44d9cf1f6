#include "server/reloaded.hpp"

#include "support/run_coroutine.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>

BOOST_AUTO_TEST_SUITE(test_reloaded)

using namespace tarpon;
using namespace tarpon::server;
using namespace tarpon::test;
namespace asio = boost::asio;

void write(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path) << text;
}

/// A file that cannot be read for a while, through no fault of its own.
asio::awaitable<void> passing_trouble(asio::io_context&) {
    temp_dir dir;
    const std::filesystem::path path = dir.path() / "file";
    write(path, "old");
    async::cpu_pool workers(1);
    bool trouble = false;
    int told = 0;
    auto make = [&] {
        if (trouble)
            throw error(errc::usage, "cannot read it");
        return std::make_shared<std::string>(read_settings_file("the file", path.string(), 100));
    };
    auto on_trouble = [&](const error&) {
        ++told;
    };
    reloaded<std::string> text(
        {path.string()}, make, workers, on_trouble, std::chrono::steady_clock::duration::zero());
    trouble = true;
    write(path, "new text");
    for (int i = 0; i < 3; ++i) {
        const auto now = co_await text.current();
        BOOST_TEST(*now == "old");
    }
    BOOST_TEST(told == 1);
    trouble = false;
    const auto now = co_await text.current();
    BOOST_TEST(*now == "new text");
}

BOOST_AUTO_TEST_CASE(trouble_that_passes_is_tried_again) {
    run_coroutine(passing_trouble);
}

BOOST_AUTO_TEST_SUITE_END()
