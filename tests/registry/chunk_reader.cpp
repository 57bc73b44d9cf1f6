#include "registry/chunk_reader.hpp"

#include "support/run_coroutine.hpp"
#include "support/text_body.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_chunk_reader)

namespace asio = boost::asio;
using namespace tarpon;
using namespace tarpon::test;
using registry::chunk_memory;
using registry::chunk_reader;

chunk_memory memory(std::size_t bytes) {
    auto area = std::make_shared<std::vector<std::byte>>(bytes);
    return {std::span(*area), area};
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string digits(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text.push_back(static_cast<char>('0' + i % 10));
    return text;
}

asio::awaitable<void> in_order(asio::io_context&) {
    const std::string text = digits(1005);
    text_body body(text, {.step = 7});
    chunk_reader reader(body, memory(100));
    std::string seen;
    while (true) {
        const auto chunk = co_await reader.peek(100);
        if (chunk.empty())
            break;
        BOOST_TEST(chunk.size() == std::min<std::size_t>(100, text.size() - seen.size()));
        seen += text_of(chunk);
        reader.consume(chunk.size());
    }
    BOOST_TEST(seen == text);
}

BOOST_AUTO_TEST_CASE(chunks_are_full_but_for_the_last) {
    run_coroutine(in_order);
}

/// A copy, because co_await is not possible inside a check macro.
asio::awaitable<std::string> peeked(chunk_reader& reader, std::size_t bytes) {
    const auto chunk = co_await reader.peek(bytes);
    co_return text_of(chunk);
}

asio::awaitable<void> again(asio::io_context&) {
    text_body body(digits(50), {.step = 20});
    chunk_reader reader(body, memory(30));
    const std::string first = co_await peeked(reader, 30);
    const std::string same = co_await peeked(reader, 30);
    // smaller, because the registry wants it so
    const std::string smaller = co_await peeked(reader, 10);
    reader.consume(4); // only a part had arrived
    const std::string moved = co_await peeked(reader, 10);
    reader.consume(10);
    const std::string next = co_await peeked(reader, 30);
    reader.consume(30);
    const std::string last = co_await peeked(reader, 30);
    reader.consume(6);
    const std::string end = co_await peeked(reader, 30);
    BOOST_TEST(first == digits(30));
    BOOST_TEST(same == digits(30));
    BOOST_TEST(smaller == "0123456789");
    BOOST_TEST(moved == "4567890123");
    BOOST_TEST(next == digits(50).substr(14, 30));
    BOOST_TEST(last == digits(50).substr(44));
    BOOST_TEST(end.empty());
}

BOOST_AUTO_TEST_CASE(chunks_stay_until_they_have_arrived) {
    run_coroutine(again);
}

asio::awaitable<void> little_memory(asio::io_context&) {
    text_body body(digits(50), {.step = 50});
    chunk_reader reader(body, memory(8));
    const std::string seen = co_await peeked(reader, 1000);
    BOOST_TEST(seen == digits(8));
}

BOOST_AUTO_TEST_CASE(memory_is_the_bound) {
    run_coroutine(little_memory);
}

BOOST_AUTO_TEST_SUITE_END()
