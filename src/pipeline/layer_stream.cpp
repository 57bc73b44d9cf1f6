// See layer_stream.hpp.
#include "pipeline/layer_stream.hpp"

#include <algorithm>

namespace tarpon::pipeline {

namespace asio = boost::asio;

namespace {

// What goes as it is waits for nothing but its digest, which keeps it alive when it has been sent:
// so much of it may, and some more does not hold up the reading (docs/performance.md).
constexpr std::size_t plain_pieces_in_wait = 4;
constexpr std::size_t plain_blocks_more = 2;

} // namespace

/// How many blocks are alive; `changed` is notified when one is encoded or gone.
struct layer_stream::block_count {
    explicit block_count(const asio::any_io_executor& home)
        : changed(home) {}
    async::condition changed;
    std::size_t blocks = 0;
};

/// Memory layout of the lease: history, input, output.
struct layer_stream::block {
    explicit block(std::shared_ptr<block_count> counted)
        : count(std::move(counted)) {
        ++count->blocks;
    }
    ~block() {
        --count->blocks;
        count->changed.notify_all();
    }
    block(const block&) = delete;
    block& operator=(const block&) = delete;

    std::shared_ptr<block_count> count;
    buffer_lease lease;
    std::size_t history_size = 0;
    std::size_t input_size = 0;
    encoded_block encoded;
    bool done = false;
    std::exception_ptr failed;

    std::span<std::byte> history() const { return lease.bytes().first(history_size); }
    std::span<std::byte> room(std::size_t size) const {
        return lease.bytes().subspan(history_size, size);
    }
    std::span<std::byte> input() const { return room(input_size); }
};

std::size_t block_room(const block_codec& codec) {
    return codec.history_bytes() + codec.block_bytes()
           + codec.output_bytes_max(codec.block_bytes());
}

layer_stream::layer_stream(
    workshop shop,
    byte_source& source,
    std::shared_ptr<const block_codec> codec,
    std::optional<std::uint64_t> length,
    digest::algorithm algo)
    : shop_(std::move(shop))
    , source_(source)
    , codec_(std::move(codec))
    , plain_(codec_->output_bytes_max(1) == 0)
    , block_room_(block_room(*codec_))
    , alive_max_(shop_.window + (plain_ ? plain_blocks_more : 0))
    , length_(length)
    , alive_(std::make_shared<block_count>(shop_.home))
    , plain_hash_(shop_.hashes.begin(digest::algorithm::sha256))
    , sent_hash_(shop_.hashes.begin(
          algo, plain_ ? plain_pieces_in_wait : hash_queue::pieces_in_wait_default)) {}

layer_stream::~layer_stream() = default;

asio::awaitable<body_piece> layer_stream::next() {
    if (!head_done_) {
        head_done_ = true;
        if (std::string head = codec_->head(); !head.empty())
            co_return text_piece(std::move(head));
    }
    if (fed_)
        co_await wait_for_feed();
    else
        co_await read_ahead();
    if (window_.empty()) {
        if (std::exchange(tail_done_, true))
            co_return body_piece{};
        std::string tail = codec_->tail(crc32_, bytes_read_);
        if (tail.empty())
            co_return body_piece{};
        co_return text_piece(std::move(tail));
    }
    while (!window_.front()->done)
        co_await alive_->changed.wait();
    std::shared_ptr<block> oldest = std::move(window_.front());
    window_.pop_front();
    if (oldest->failed)
        std::rethrow_exception(oldest->failed);
    co_return pass_on(std::move(oldest));
}

asio::awaitable<void> layer_stream::wait_for_feed() {
    while (window_.empty() && !source_done_ && !feed_failed_)
        co_await alive_->changed.wait();
    if (feed_failed_)
        std::rethrow_exception(feed_failed_);
}

asio::awaitable<void> layer_stream::feed() {
    fed_ = true;
    try {
        while (!source_done_ && !abandoned_)
            co_await read_block();
        if (!source_done_)
            co_await discard_rest();
    } catch (...) {
        feed_failed_ = std::current_exception();
    }
    alive_->changed.notify_all();
    if (feed_failed_)
        std::rethrow_exception(feed_failed_);
}

asio::awaitable<void> layer_stream::discard_rest() {
    std::vector<std::byte> ignored(64 * 1024);
    while (!source_done_) {
        const std::size_t got = co_await source_.read_some(ignored);
        bytes_read_ += got;
        source_done_ = got == 0;
    }
}

void layer_stream::abandon() {
    abandoned_ = true;
    window_.clear();
}

asio::awaitable<void> layer_stream::read_ahead() {
    while (!source_done_) {
        const bool full = alive_->blocks >= alive_max_;
        // With something to send, more is only read ahead while there is room for it.
        if (!window_.empty() && (full || !shop_.buffers.available(block_room_)))
            co_return;
        if (full)
            co_await wait_for_block();
        else
            co_await read_block();
    }
}

/// All of this stream's are alive: none of them waits for company any more.
asio::awaitable<void> layer_stream::wait_for_block() {
    const hash_queue::hurry now(shop_.hashes);
    co_await alive_->changed.wait();
}

asio::awaitable<void> layer_stream::read_block() {
    const std::size_t block_bytes = codec_->block_bytes();
    auto one = std::make_shared<block>(alive_);
    one->lease = co_await shop_.buffers.acquire(block_room_);
    one->history_size = history_.size();
    std::copy(history_.begin(), history_.end(), one->lease.bytes().begin());
    one->input_size = co_await read_full(source_, one->room(block_bytes));
    source_done_ = one->input_size < block_bytes;
    bytes_read_ += one->input_size;
    if (one->input_size == 0 || abandoned_)
        co_return;
    const auto keep = std::min(codec_->history_bytes(), one->input_size);
    const auto last = one->input().last(keep);
    history_.assign(last.begin(), last.end());
    start(std::move(one));
}

void layer_stream::start(std::shared_ptr<block> one) {
    window_.push_back(one);
    if (plain_) {
        one->encoded.size = one->input_size;
        one->done = true;
        alive_->changed.notify_all();
        return;
    }
    shop_.hashes.add(plain_hash_, one->input(), one);
    auto work = [one, codec = codec_] {
        try {
            const std::size_t used = one->history_size + one->input_size;
            one->encoded =
                codec->encode(one->history(), one->input(), one->lease.bytes().subspan(used));
        } catch (...) {
            one->failed = std::current_exception();
        }
    };
    auto done = [one](auto) {
        one->done = true;
        one->count->changed.notify_all();
    };
    async::submit(shop_.workers.get_executor(), shop_.home, std::move(work), std::move(done));
}

body_piece layer_stream::pass_on(std::shared_ptr<block> one) {
    if (!plain_)
        crc32_ = join_crc32(crc32_, one->encoded.crc32, one->input_size);
    const auto all = one->lease.bytes().subspan(one->history_size);
    const auto bytes =
        plain_ ? all.first(one->input_size) : all.subspan(one->input_size, one->encoded.size);
    shop_.hashes.add(sent_hash_, bytes, one);
    bytes_sent_ += bytes.size();
    return {bytes, std::move(one)};
}

body_piece layer_stream::text_piece(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const auto bytes = std::as_bytes(std::span(owner->data(), owner->size()));
    shop_.hashes.add(sent_hash_, bytes, owner);
    bytes_sent_ += bytes.size();
    return {bytes, std::move(owner)};
}

asio::awaitable<layer_facts> layer_stream::finish() {
    layer_facts facts;
    facts.digest = co_await shop_.hashes.finish(sent_hash_);
    facts.bytes = bytes_sent_;
    facts.diff_bytes = bytes_read_;
    if (plain_)
        facts.diff_id = facts.digest;
    else
        facts.diff_id = co_await shop_.hashes.finish(plain_hash_);
    co_return facts;
}

} // namespace tarpon::pipeline
