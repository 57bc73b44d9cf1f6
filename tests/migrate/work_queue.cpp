#include "migrate/work_queue.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_work_queue)

using namespace tarpon::migration;

BOOST_AUTO_TEST_CASE(from_both_ends) {
    work_queue queue;
    for (const std::uint64_t bytes : {30, 10, 50, 40, 20})
        queue.add(bytes, bytes);
    queue.sort();
    BOOST_TEST(queue.take(queue_end::largest).value() == 50u);
    BOOST_TEST(queue.take(queue_end::smallest).value() == 10u);
    BOOST_TEST(queue.take(queue_end::smallest).value() == 20u);
    BOOST_TEST(queue.take(queue_end::largest).value() == 40u);
    BOOST_TEST(!queue.empty());
    BOOST_TEST(queue.take(queue_end::largest).value() == 30u);
    BOOST_TEST(queue.empty());
    BOOST_TEST(!queue.take(queue_end::largest));
    BOOST_TEST(!queue.take(queue_end::smallest));
}

BOOST_AUTO_TEST_CASE(equal_ones_keep_their_order) {
    work_queue queue;
    for (std::size_t i = 0; i < 4; ++i)
        queue.add(i, 7);
    queue.sort();
    for (std::size_t i = 0; i < 4; ++i)
        BOOST_TEST(queue.take(queue_end::largest).value() == i);
}

BOOST_AUTO_TEST_SUITE_END()
