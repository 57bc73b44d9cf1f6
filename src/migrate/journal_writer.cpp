// See journal_writer.hpp.
#include "migrate/journal_writer.hpp"

#include <tarpon/limits.hpp>

#include <utility>

namespace tarpon::migration {

namespace asio = boost::asio;

void journal_writer::add(journal_record record) {
    if (!to_)
        return;
    waiting_.push_back(std::move(record));
    changed_.notify_all();
}

void journal_writer::finish() {
    finished_ = true;
    changed_.notify_all();
}

asio::awaitable<void> journal_writer::room() {
    while (waiting_.size() > limits::journal_records_max)
        co_await changed_.wait();
}

asio::awaitable<void> journal_writer::write_waiting() {
    auto records = std::make_shared<std::vector<journal_record>>(std::exchange(waiting_, {}));
    auto write = [to = to_, records] {
        to->write(*records);
    };
    co_await async::run_on(workers_.get_executor(), write);
    changed_.notify_all();
}

asio::awaitable<void> journal_writer::run() {
    while (true) {
        if (!waiting_.empty())
            co_await write_waiting();
        else if (finished_)
            co_return;
        else
            co_await changed_.wait();
    }
}

asio::awaitable<void> journal_writer::flush() {
    if (to_ && !waiting_.empty())
        co_await write_waiting();
}

} // namespace tarpon::migration
