// Lines reach every reader once and in order; what nobody takes does not grow.
#include "server/push_feed.hpp"

#include "support/run_coroutine.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_push_feed)

using namespace tarpon;
using namespace tarpon::test;
using server::push_feed;
namespace asio = boost::asio;
using which = push_feed::samples;

asio::awaitable<void> two_readers(asio::io_context& io) {
    push_feed feed(io.get_executor());
    push_feed::cursor answer, page;
    feed.add("one");
    feed.sample("10 %");
    feed.sample("20 %");
    const std::string lines = co_await feed.next(answer, which::without);
    BOOST_TEST(lines == "one\n");
    const std::string with_samples = co_await feed.next(page, which::with);
    BOOST_TEST(with_samples == "one\n20 %\n");
    feed.add("two");
    feed.sample("30 %");
    feed.end();
    const std::string rest = co_await feed.next(answer, which::without);
    BOOST_TEST(rest == "two\n");
    const std::string end = co_await feed.next(answer, which::without);
    BOOST_TEST(end == "");
    // After the end no sample is news.
    const std::string last = co_await feed.next(page, which::with);
    BOOST_TEST(last == "two\n");
    const std::string page_end = co_await feed.next(page, which::with);
    BOOST_TEST(page_end == "");
}

BOOST_AUTO_TEST_CASE(every_reader_gets_all_lines) {
    run_coroutine([](asio::io_context& io) { return two_readers(io); });
}

asio::awaitable<void> slow_readers(asio::io_context& io) {
    push_feed feed(io.get_executor());
    push_feed::cursor answer, page;
    const std::string line(100'000, 'x');
    // What the answer has taken makes room; a page that is behind misses the oldest lines.
    for (std::size_t sent = 0; sent < 3 * limits::push_lines_bytes_max; sent += line.size()) {
        feed.add(line);
        (void)co_await feed.next(answer, which::without);
        feed.taken(answer);
    }
    BOOST_TEST(!feed.overflowed());
    // Never more than a piece and a line at a time: many pages may read.
    const std::string seen = co_await feed.next(page, which::with);
    BOOST_TEST(seen.size() <= limits::push_events_piece_bytes + line.size() + 1);
    BOOST_TEST(!seen.empty());
    // Nobody takes anything any more.
    for (std::size_t sent = 0; sent < 3 * limits::push_lines_bytes_max; sent += line.size())
        feed.add(line);
    BOOST_TEST(feed.overflowed());
    const std::string held = co_await feed.next(answer, which::without);
    BOOST_TEST(held.size() <= limits::push_lines_bytes_max);
}

asio::awaitable<void> pieces(asio::io_context& io) {
    push_feed feed(io.get_executor());
    push_feed::cursor at;
    std::string all;
    for (int i = 0; i < 2000; ++i) {
        feed.add(std::to_string(i) + std::string(200, 'x'));
        all += std::to_string(i) + std::string(200, 'x') + "\n";
    }
    feed.end();
    std::string got;
    while (!feed.ended_at(at)) {
        const std::string piece = co_await feed.next(at, which::with);
        BOOST_REQUIRE(!piece.empty());
        BOOST_TEST(piece.size() <= limits::push_events_piece_bytes + 300);
        got += piece;
    }
    BOOST_TEST((got == all));
}

BOOST_AUTO_TEST_CASE(many_lines_come_in_pieces) {
    run_coroutine([](asio::io_context& io) { return pieces(io); });
}

BOOST_AUTO_TEST_CASE(lines_that_nobody_takes_do_not_grow) {
    run_coroutine([](asio::io_context& io) { return slow_readers(io); });
}

BOOST_AUTO_TEST_SUITE_END()
