// Takes records on the I/O thread and writes them on a worker, in their order, many at a time.
#pragma once

#include "async/condition.hpp"
#include "async/run_on.hpp"
#include "migrate/journal.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace tarpon::migration {

class journal_writer {
public:
    /// Without a journal records are dropped. `workers` must outlive it.
    journal_writer(
        const boost::asio::any_io_executor& executor,
        async::cpu_pool& workers,
        std::shared_ptr<journal> to)
        : workers_(workers)
        , to_(std::move(to))
        , changed_(executor) {}

    void add(journal_record record);
    /// Called when somebody else has the journal locked; once.
    std::function<void()> on_busy;
    /// Writes until finish() was called and nothing is left. Throws errc::storage, also where the
    /// journal stays locked for ten minutes. What is not written stays.
    boost::asio::awaitable<void> run();
    void finish();
    /// Waits while more records wait than limits::journal_records_max.
    boost::asio::awaitable<void> room();
    /// Waits until all that was added is in the file. Only while run() goes on.
    boost::asio::awaitable<void> drained();
    /// After run() was stopped: what is left. Waits less: ten seconds.
    boost::asio::awaitable<void> flush();

private:
    boost::asio::awaitable<bool> write_waiting();
    boost::asio::awaitable<void> write_patiently(std::chrono::seconds time_max);

    async::cpu_pool& workers_;
    std::shared_ptr<journal> to_;
    async::condition changed_;
    std::vector<journal_record> waiting_;
    bool finished_ = false;
    bool told_busy_ = false;
    bool writing_ = false;
};

} // namespace tarpon::migration
