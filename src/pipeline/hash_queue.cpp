// See hash_queue.hpp.
#include "pipeline/hash_queue.hpp"

#include "async/condition.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <limits>
#include <tuple>
#include <utility>

namespace tarpon::pipeline {

namespace asio = boost::asio;

namespace {

/// One message alone goes on for so long before a second is looked for; a rest that is shorter does
/// not wait for one.
constexpr std::size_t alone_bytes = 64 * 1024;

struct piece {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
};

} // namespace

struct hash_queue::message {
    message(digest::algorithm algo, std::size_t pieces, const asio::any_io_executor& home)
        : pieces_in_wait_max(pieces)
        , state(algo)
        , hashed(home) {}

    const std::size_t pieces_in_wait_max;
    hasher state;              ///< of the job whose turn it is
    std::exception_ptr failed; ///< the same
    std::deque<piece> waiting; ///< under the queue's mutex
    bool queued = false;       ///< the same: it is ready, or a job works on it
    bool ending = false;       ///< the same: somebody waits for the digest
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

    using place = std::deque<std::shared_ptr<message>>::iterator;
    /// Two, or one whose time has come, or none.
    std::pair<turn, turn> take();
    /// One that can be hashed together with another.
    turn take_second();
    place next_pairable(place from);
    bool in_a_hurry() const { return hurries > 0 || in_wait > in_wait_max; }
    bool is_due(const message& one) const;
    turn take_at(place at);
    void release(turn& ended);
    void put_back(turn& begun);
    static void hash(turn& first, turn& second) noexcept;
    /// Until nothing is due. There is a job for whatever makes a piece due, or is another one's
    /// company; what a working job lets go, it looks at again itself.
    void work();

    const async::cpu_pool::executor_type workers;
    const asio::any_io_executor home;
    std::mutex mutex;
    std::deque<std::shared_ptr<message>> ready;
    std::size_t hurries = 0;
    std::size_t in_wait = 0; ///< pieces that are not taken
    std::size_t in_wait_max = std::numeric_limits<std::size_t>::max();
};

hash_queue::shared::turn hash_queue::shared::take_at(place at) {
    turn next{std::move(*at), {}};
    ready.erase(at);
    next.now = std::move(next.of->waiting.front());
    next.of->waiting.pop_front();
    --in_wait;
    return next;
}

hash_queue::shared::place hash_queue::shared::next_pairable(place from) {
    return std::find_if(
        from, ready.end(), [](const auto& message) { return message->state.goes_in_pairs(); });
}

bool hash_queue::shared::is_due(const message& one) const {
    return in_a_hurry() || one.ending || one.waiting.size() > one.pieces_in_wait_max
           || !one.state.goes_in_pairs();
}

std::pair<hash_queue::shared::turn, hash_queue::shared::turn> hash_queue::shared::take() {
    const std::scoped_lock lock(mutex);
    if (!ready.empty() && !ready.front()->state.goes_in_pairs())
        return {take_at(ready.begin()), turn{}};
    const place one = next_pairable(ready.begin());
    if (one != ready.end() && next_pairable(std::next(one)) != ready.end()) {
        turn first = take_at(one);
        return {std::move(first), take_at(next_pairable(ready.begin()))};
    }
    const place due = std::find_if(
        ready.begin(), ready.end(), [&](const auto& message) { return is_due(*message); });
    return {due == ready.end() ? turn{} : take_at(due), turn{}};
}

hash_queue::shared::turn hash_queue::shared::take_second() {
    const std::scoped_lock lock(mutex);
    const place at = next_pairable(ready.begin());
    return at == ready.end() ? turn{} : take_at(at);
}

void hash_queue::shared::put_back(turn& begun) {
    const std::scoped_lock lock(mutex);
    begun.of->waiting.push_front(std::move(begun.now));
    ++in_wait;
    ready.push_front(std::move(begun.of));
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
    for (auto [first, second] = take(); first.of; std::tie(first, second) = take()) {
        while (!first.now.bytes.empty() && !(second.of && second.now.bytes.empty())) {
            hash(first, second);
            if (!second.of && !first.now.bytes.empty() && first.of->state.goes_in_pairs())
                second = take_second();
        }
        for (turn* one : {&first, &second}) {
            turn none;
            if (one->of && one->now.bytes.size() < alone_bytes)
                hash(*one, none);
            if (one->of && one->now.bytes.empty())
                release(*one);
            else if (one->of)
                put_back(*one);
        }
    }
}

hash_queue::hash_queue(async::cpu_pool& workers, asio::any_io_executor home, buffer_pool& buffers)
    : buffers_(buffers)
    , shared_(std::make_shared<shared>(workers, std::move(home))) {
    buffers_.when_wanted([this](buffer_pool::want how) { memory_is_wanted(how); });
}

hash_queue::~hash_queue() {
    buffers_.when_wanted({});
}

std::shared_ptr<hash_queue::message>
hash_queue::begin(digest::algorithm algo, std::size_t pieces_in_wait_max) {
    return std::make_shared<message>(algo, pieces_in_wait_max, shared_->home);
}

void hash_queue::add(
    const std::shared_ptr<message>& to,
    std::span<const std::byte> bytes,
    std::shared_ptr<const void> owner) {
    ++to->left;
    {
        const std::scoped_lock lock(shared_->mutex);
        to->waiting.push_back({bytes, std::move(owner)});
        ++shared_->in_wait;
        if (!std::exchange(to->queued, true))
            shared_->ready.push_back(to);
    }
    begin_job();
}

void hash_queue::begin_job() {
    auto work = [shared = shared_] {
        shared->work();
    };
    auto done = [](auto) {
    };
    async::submit(shared_->workers, shared_->home, std::move(work), done);
}

asio::awaitable<digest> hash_queue::finish(std::shared_ptr<message> of) {
    {
        const std::scoped_lock lock(shared_->mutex);
        of->ending = true;
    }
    if (of->left > 0)
        begin_job();
    while (of->left > 0)
        co_await of->hashed.wait();
    if (of->failed)
        std::rethrow_exception(of->failed);
    co_return of->state.finish();
}

template <class Change>
void hash_queue::change(Change what) {
    bool somebody_is_due = false;
    {
        const std::scoped_lock lock(shared_->mutex);
        what(*shared_);
        somebody_is_due = !shared_->ready.empty() && shared_->in_a_hurry();
    }
    if (somebody_is_due)
        begin_job();
}

/// Without a job at work one message waits at most, with its pieces_in_wait_max. Those in line
/// for memory hold none themselves, so the leases that are not with these pieces come back: half of
/// them is enough. Leases of acquire_ahead() do not count, they may need blocks of the line to come
/// back. (A piece has one lease at most, and a lease may have several pieces.)
void hash_queue::memory_is_wanted(buffer_pool::want how) {
    std::size_t most = std::numeric_limits<std::size_t>::max();
    if (how == buffer_pool::want::in_line)
        most = buffers_.leases_in_line() / 2;
    else if (how == buffer_pool::want::ahead)
        most = 0;
    change([most](shared& queue) { queue.in_wait_max = most; });
}

void hash_queue::begin_hurry() {
    change([](shared& queue) { ++queue.hurries; });
}

void hash_queue::end_hurry() {
    change([](shared& queue) { --queue.hurries; });
}

} // namespace tarpon::pipeline
