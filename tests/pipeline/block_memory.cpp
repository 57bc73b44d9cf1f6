// Blocks of one size: apart from each other, the warm one first, and without pages when discarded.
#include "pipeline/block_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_block_memory)

using tarpon::pipeline::block_memory;

constexpr std::size_t block_bytes = 100'000; // no multiple of a page

bool is_all(const std::byte* block, int value) {
    return std::all_of(
        block, block + block_bytes, [&](std::byte one) { return one == std::byte(value); });
}

BOOST_AUTO_TEST_CASE(blocks_do_not_overlap) {
    block_memory memory(block_bytes, 50);
    std::vector<std::byte*> blocks;
    for (int i = 0; i < 50; ++i) {
        blocks.push_back(memory.take());
        std::memset(blocks.back(), i, block_bytes);
    }
    for (int i = 0; i < 50; ++i)
        BOOST_TEST(is_all(blocks[static_cast<std::size_t>(i)], i));
    for (std::byte* const block : blocks)
        memory.give_back(block);
    BOOST_TEST(memory.idle() == 50u);
}

BOOST_AUTO_TEST_CASE(the_one_that_came_back_last_is_used_first) {
    block_memory memory(block_bytes, 3);
    std::byte* const a = memory.take();
    std::byte* const b = memory.take();
    memory.give_back(a);
    memory.give_back(b);
    BOOST_TEST((memory.take() == b));
    BOOST_TEST((memory.take() == a));
    memory.give_back(a);
    memory.give_back(b);
}

BOOST_AUTO_TEST_CASE(what_is_discarded_has_no_pages_and_can_be_used_again) {
    block_memory memory(block_bytes, 2);
    std::byte* const a = memory.take();
    std::byte* const b = memory.take();
    std::memset(a, 1, block_bytes);
    std::memset(b, 2, block_bytes);
    memory.give_back(a);
    memory.discard();
    BOOST_TEST(memory.idle() == 0u);
    BOOST_TEST(!memory.empty());
    BOOST_TEST(is_all(b, 2)); // a block's pages are its own
    BOOST_TEST((memory.take() == a));
    BOOST_TEST(is_all(a, 0)); // fresh ones
    memory.give_back(a);
    memory.give_back(b);
    memory.discard();
    memory.discard();
    BOOST_TEST(memory.empty());
}

BOOST_AUTO_TEST_CASE(more_than_there_is_address_space_for_is_an_error) {
    BOOST_CHECK_THROW(block_memory(std::size_t{1} << 40, std::size_t{1} << 20), std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()
