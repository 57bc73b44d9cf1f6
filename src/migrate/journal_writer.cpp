// See journal_writer.hpp.
#include "migrate/journal_writer.hpp"

#include "model/text.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace tarpon::migration {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds busy_pause{200}; // between tries

} // namespace

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

asio::awaitable<void> journal_writer::drained() {
    while (writing_ || !waiting_.empty())
        co_await changed_.wait();
}

/// false: somebody else has it locked. What could not be written waits again, before the others.
asio::awaitable<bool> journal_writer::write_waiting() {
    writing_ = true;
    auto records = std::make_shared<std::vector<journal_record>>(std::exchange(waiting_, {}));
    auto write = [to = to_, records] {
        return to->write(*records);
    };
    bool written = false;
    std::exception_ptr failed;
    try {
        written = co_await async::run_on(workers_.get_executor(), write);
    } catch (...) {
        failed = std::current_exception();
    }
    writing_ = false;
    if (!written) {
        std::move(waiting_.begin(), waiting_.end(), std::back_inserter(*records));
        waiting_ = std::move(*records);
    }
    if (failed)
        std::rethrow_exception(failed);
    changed_.notify_all();
    co_return written;
}

/// Who looks into the journal while it is written (a backup, a query left open) only delays it.
asio::awaitable<void> journal_writer::write_patiently(std::chrono::seconds time_max) {
    const auto end = std::chrono::steady_clock::now() + time_max;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    while (true) {
        const bool written = co_await write_waiting();
        if (written)
            co_return;
        if (on_busy && !std::exchange(told_busy_, true))
            on_busy();
        if (std::chrono::steady_clock::now() >= end)
            throw error(
                errc::storage,
                concat(
                    "the journal ", foreign_text(to_->path()), " stays locked by another program"),
                {}, "what is in the registry but not in the journal, the next run finds there");
        pause.expires_after(busy_pause);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> journal_writer::run() {
    while (true) {
        if (!waiting_.empty())
            co_await write_patiently(limits::journal_busy_time_max);
        else if (finished_)
            co_return;
        else
            co_await changed_.wait();
    }
}

asio::awaitable<void> journal_writer::flush() {
    if (to_ && !waiting_.empty())
        co_await write_patiently(limits::journal_flush_time_max);
}

} // namespace tarpon::migration
