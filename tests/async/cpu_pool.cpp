#include "async/cpu_pool.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>

BOOST_AUTO_TEST_SUITE(test_cpu_pool)

using tarpon::async::cpu_pool;

BOOST_AUTO_TEST_CASE(all_work_is_done_before_it_goes) {
    std::atomic<int> done = 0;
    {
        cpu_pool pool(3);
        BOOST_TEST(pool.threads() == 3u);
        for (int i = 0; i < 1000; ++i)
            boost::asio::post(pool.get_executor(), [&done] { ++done; });
    }
    BOOST_TEST(done == 1000);
}

BOOST_AUTO_TEST_CASE(join_may_come_first) {
    std::atomic<int> done = 0;
    cpu_pool pool(1);
    boost::asio::post(pool.get_executor(), [&done] { ++done; });
    pool.join();
    BOOST_TEST(done == 1);
}

BOOST_AUTO_TEST_SUITE_END()
