#include "pipeline/hash_queue.hpp"

#include "support/bytes.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_hash_queue)

namespace asio = boost::asio;
namespace bdata = boost::unit_test::data;
using namespace tarpon;
using pipeline::hash_queue;
using test::bytes_of;

std::shared_ptr<const std::string> shared_noise(std::size_t size, unsigned seed) {
    return std::make_shared<const std::string>(test::noise(size, seed));
}

asio::awaitable<void> many_messages(asio::io_context& io, async::cpu_pool& workers, int messages) {
    hash_queue queue(workers, io.get_executor());
    std::vector<std::shared_ptr<hash_queue::message>> all;
    std::vector<std::string> texts(static_cast<std::size_t>(messages));
    for (int i = 0; i < messages; ++i)
        all.push_back(queue.begin(i == 3 ? digest::algorithm::sha512 : digest::algorithm::sha256));
    std::mt19937 random(7);
    for (unsigned step = 0; step < 300; ++step) {
        const std::size_t which = random() % all.size();
        const auto piece = shared_noise(random() % 200'000, step);
        texts[which] += *piece;
        queue.add(all[which], bytes_of(*piece), piece);
        if (step % 10 == 0)
            co_await asio::post(io, asio::use_awaitable);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        const digest found = co_await queue.finish(all[i]);
        BOOST_TEST(
            found.str()
            == digest_of(texts[i], i == 3 ? digest::algorithm::sha512 : digest::algorithm::sha256)
                   .str());
    }
}

// Every piece of every message in its order, however many jobs there are and whatever goes in
// pairs.
BOOST_DATA_TEST_CASE(
    digests_are_those_of_each_message_alone,
    bdata::make({1, 2, 8}) * bdata::make({1, 2, 7}),
    threads,
    messages) {
    async::cpu_pool workers(static_cast<std::size_t>(threads));
    test::run_coroutine([&](asio::io_context& io) { return many_messages(io, workers, messages); });
}

/// Notes on which thread it went.
struct owner_with_a_home {
    explicit owner_with_a_home(std::thread::id& place)
        : went(place) {}
    ~owner_with_a_home() { went = std::this_thread::get_id(); }
    owner_with_a_home(const owner_with_a_home&) = delete;
    owner_with_a_home& operator=(const owner_with_a_home&) = delete;
    std::thread::id& went;
};

asio::awaitable<void> hash_one(
    asio::io_context& io,
    async::cpu_pool& workers,
    const std::string& text,
    std::thread::id& went) {
    hash_queue queue(workers, io.get_executor());
    auto message = queue.begin(digest::algorithm::sha256);
    queue.add(message, bytes_of(text), std::make_shared<owner_with_a_home>(went));
    (void)co_await queue.finish(message);
    co_await asio::post(io, asio::use_awaitable);
}

// Leases of buffers are counted on the I/O thread only.
BOOST_AUTO_TEST_CASE(owners_are_let_go_on_the_io_thread) {
    async::cpu_pool workers(2);
    const std::string text(100'000, 'x');
    std::thread::id went;
    test::run_coroutine([&](asio::io_context& io) { return hash_one(io, workers, text, went); });
    BOOST_TEST((went == std::this_thread::get_id()));
}

asio::awaitable<void> forget_messages(
    asio::io_context& io, async::cpu_pool& workers, std::shared_ptr<const std::string> text) {
    hash_queue queue(workers, io.get_executor());
    for (int i = 0; i < 20; ++i)
        queue.add(queue.begin(digest::algorithm::sha256), bytes_of(*text), text);
    co_return;
}

// A stream that was given up leaves pieces behind; they go as the others do.
BOOST_AUTO_TEST_CASE(messages_may_be_forgotten) {
    async::cpu_pool workers(2);
    const auto text = shared_noise(300'000, 1);
    test::run_coroutine([&](asio::io_context& io) { return forget_messages(io, workers, text); });
    workers.join();
    BOOST_TEST(text.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
