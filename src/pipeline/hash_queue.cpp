// See hash_queue.hpp.
#include "pipeline/hash_queue.hpp"

#include "async/condition.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>

namespace tarpon::pipeline {

namespace asio = boost::asio;

namespace {

/// One message alone goes on for so long before a second is looked for.
constexpr std::size_t alone_bytes = 64 * 1024;

struct piece {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

} // namespace

struct hash_queue::message {
    message(digest::algorithm algo, const asio::any_io_executor& home)
        : state(algo)
        , hashed(home) {}

    hasher state;              ///< of the job whose turn it is
    std::exception_ptr failed; ///< the same
    std::deque<piece> waiting; ///< under the queue's mutex
    bool queued = false;       ///< the same: it is ready, or a job works on it
    std::size_t left = 0;      ///< pieces that are not hashed yet; of the I/O thread
    async::condition hashed;   ///< the same
};

struct hash_queue::shared {
    shared(async::cpu_pool& pool, asio::any_io_executor io)
        : workers(pool.get_executor())
        , home(std::move(io)) {}

    /// A message and the piece of it that a job hashes.
    struct turn {
        std::shared_ptr<message> of;
        piece now;
    };

    turn take();
    /// One that can be hashed together with another.
    turn take_second();
    turn take_at(std::deque<std::shared_ptr<message>>::iterator at);
    void release(turn& ended);
    static void hash(turn& first, turn& second) noexcept;
    /// Until nothing is ready. What becomes ready while another job works is that job's, or the
    /// next one's: there is a job for each piece.
    void work();

    const async::cpu_pool::executor_type workers;
    const asio::any_io_executor home;
    std::mutex mutex;
    std::deque<std::shared_ptr<message>> ready;
};

hash_queue::shared::turn
hash_queue::shared::take_at(std::deque<std::shared_ptr<message>>::iterator at) {
    turn next{std::move(*at), {}};
    ready.erase(at);
    next.now = std::move(next.of->waiting.front());
    next.of->waiting.pop_front();
    return next;
}

hash_queue::shared::turn hash_queue::shared::take() {
    const std::scoped_lock lock(mutex);
    return ready.empty() ? turn{} : take_at(ready.begin());
}

hash_queue::shared::turn hash_queue::shared::take_second() {
    const std::scoped_lock lock(mutex);
    const auto at = std::find_if(ready.begin(), ready.end(), [](const auto& message) {
        return message->state.goes_in_pairs();
    });
    return at == ready.end() ? turn{} : take_at(at);
}

void hash_queue::shared::release(turn& ended) {
    {
        const std::scoped_lock lock(mutex);
        if (ended.of->waiting.empty())
            ended.of->queued = false;
        else
            ready.push_back(ended.of);
    }
    asio::post(home, [of = std::move(ended.of), owner = std::move(ended.now.owner)] {
        --of->left;
        of->hashed.notify_all();
    });
    ended = {};
}

void hash_queue::shared::hash(turn& first, turn& second) noexcept {
    try {
        if (second.of) {
            hasher::update_both(
                first.of->state, first.now.bytes, second.of->state, second.now.bytes);
        } else {
            const std::size_t size = std::min(first.now.bytes.size(), alone_bytes);
            first.of->state.update(first.now.bytes.first(size));
            first.now.bytes = first.now.bytes.subspan(size);
        }
    } catch (...) {
        for (turn* one : {&first, &second}) {
            if (one->of)
                one->of->failed = std::current_exception();
            one->now.bytes = {};
        }
    }
}

void hash_queue::shared::work() {
    turn first = take();
    turn second;
    bool nobody_is_idle = false;
    while (first.of) {
        // What still waits after a while alone waits because all workers are busy: one that were
        // idle would have begun the job that came with it.
        if (!second.of && nobody_is_idle && first.of->state.goes_in_pairs())
            second = take_second();
        hash(first, second);
        nobody_is_idle = true;
        if (second.of && second.now.bytes.empty())
            release(second);
        if (!first.now.bytes.empty())
            continue;
        release(first);
        first = second.of ? std::exchange(second, {}) : take();
    }
}

hash_queue::hash_queue(async::cpu_pool& workers, asio::any_io_executor home)
    : shared_(std::make_shared<shared>(workers, std::move(home))) {}

hash_queue::~hash_queue() = default;

std::shared_ptr<hash_queue::message> hash_queue::begin(digest::algorithm algo) {
    return std::make_shared<message>(algo, shared_->home);
}

void hash_queue::add(
    const std::shared_ptr<message>& to,
    std::span<const std::byte> bytes,
    std::shared_ptr<const void> owner) {
    ++to->left;
    {
        const std::scoped_lock lock(shared_->mutex);
        to->waiting.push_back({bytes, std::move(owner)});
        if (!std::exchange(to->queued, true))
            shared_->ready.push_back(to);
    }
    auto work = [shared = shared_] {
        shared->work();
    };
    auto done = [](auto) {
    };
    async::submit(shared_->workers, shared_->home, std::move(work), done);
}

asio::awaitable<digest> hash_queue::finish(std::shared_ptr<message> of) {
    while (of->left > 0)
        co_await of->hashed.wait();
    if (of->failed)
        std::rethrow_exception(of->failed);
    co_return of->state.finish();
}

} // namespace tarpon::pipeline
