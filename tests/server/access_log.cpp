// A request is one line whatever is in it, and nobody waits for the log.
#include "server/access_log.hpp"

#include "support/temp_dir.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_access_log)

using namespace tarpon;
using namespace tarpon::server;
namespace json = boost::json;

request_record a_request() {
    request_record request;
    request.client = "192.0.2.7";
    request.method = "PUT";
    request.path = "/push";
    request.status = 200;
    request.complete = true;
    request.bytes_in = 5;
    request.bytes_out = 7;
    request.seconds = 0.25;
    return request;
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

const auto moment =
    std::chrono::system_clock::time_point(std::chrono::milliseconds(1'787'565'751'017));

BOOST_AUTO_TEST_CASE(line_has_every_field) {
    request_record request = a_request();
    request.user = "somebody";
    request.agent = "curl/7.88";
    BOOST_TEST(
        access_line(request, moment)
        == "{\"time\":\"2026-08-24T10:02:31.017Z\",\"client\":\"192.0.2.7\",\"user\":\"somebody\","
           "\"method\":\"PUT\",\"path\":\"/push\",\"status\":200,\"complete\":true,\"bytes_in\":5,"
           "\"bytes_out\":7,\"seconds\":2.5E-1,\"user_agent\":\"curl/7.88\"}\n");
}

BOOST_AUTO_TEST_CASE(unknown_is_null) {
    request_record request;
    request.client = "::1";
    const json::object line = json::parse(access_line(request, moment)).as_object();
    for (const char* name : {"user", "method", "path", "status", "user_agent"})
        BOOST_TEST(line.at(name).is_null(), name);
}

// What a client wrote can end neither the line nor a string in it.
BOOST_AUTO_TEST_CASE(foreign_text_stays_in_its_field) {
    request_record request = a_request();
    request.user = "a\n{\"status\":500}\r\"b\\";
    request.agent = "\",\"user\":\"root\x1b[2J";
    const std::string text = access_line(request, moment);
    BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 1);
    BOOST_TEST(text.back() == '\n');
    BOOST_TEST(text.find('\x1b') == std::string::npos);
    const json::object line = json::parse(text).as_object();
    BOOST_TEST(line.at("user").as_string() == request.user);
    BOOST_TEST(line.at("user_agent").as_string() == request.agent);
    BOOST_TEST(line.size() == 11u);
}

BOOST_AUTO_TEST_CASE(lines_go_to_the_file_and_behind_what_is_there) {
    const test::temp_dir folder;
    const std::string path = (folder.path() / "log").string();
    std::ofstream(path) << "before\n";
    {
        access_log log(path);
        log.write("one\n");
        log.write("two\n");
    }
    BOOST_TEST(content(path) == "before\none\ntwo\n");
}

// As logrotate does it: the file gets another name, and is then expected to be a new one.
BOOST_AUTO_TEST_CASE(file_that_was_moved_is_made_anew) {
    const test::temp_dir folder;
    const auto path = folder.path() / "log", old = folder.path() / "log.1";
    {
        access_log log(path.string());
        log.write("one\n");
        while (content(path).empty())
            std::this_thread::yield();
        std::filesystem::rename(path, old);
        log.write("two\n");
    }
    BOOST_TEST(content(old) == "one\n");
    BOOST_TEST(content(path) == "two\n");
}

BOOST_AUTO_TEST_CASE(file_that_cannot_be_opened_is_a_usage_error) {
    const auto is_usage = [](const error& e) {
        return e.code() == errc::usage && e.message().find("access log") != std::string::npos;
    };
    BOOST_CHECK_EXCEPTION(access_log("/nowhere/at/all"), error, is_usage);
}

// A reader that has stopped reading: lines are lost and counted, the server goes on and ends.
BOOST_AUTO_TEST_CASE(reader_that_does_not_read_loses_lines) {
    const test::temp_dir folder;
    const std::string path = (folder.path() / "fifo").string();
    BOOST_REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    BOOST_REQUIRE(reader >= 0);
    {
        access_log log(path);
        const std::string line(1000, 'x');
        for (std::size_t sent = 0; sent < 4 * limits::access_log_bytes_max; sent += line.size())
            log.write(line);
        BOOST_TEST(log.take_lost() > 0u);
        BOOST_TEST(log.take_lost() == 0u);
    }
    ::close(reader);
}

BOOST_AUTO_TEST_SUITE_END()
