// See upload_gate.hpp.
#include "engine/upload_gate.hpp"

namespace tarpon::engine {

namespace asio = boost::asio;

/// Somebody is looking out as long as anybody waits.
class upload_gate::waiter {
public:
    explicit waiter(upload_gate& at)
        : at_(at) {
        if (at_.waiting_++ == 0 && at_.turns_.in_use() >= at_.growth_.now())
            at_.growth_.begin();
    }
    ~waiter() {
        if (--at_.waiting_ == 0)
            at_.growth_.end();
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

private:
    upload_gate& at_;
};

upload_gate::upload_gate(
    const asio::any_io_executor& executor, int first, int most, idle_growth::clock look)
    : growth_(
        executor, first, most, [this](int turns) { turns_.set_limit(turns); }, std::move(look))
    , turns_(executor, growth_.now()) {}

upload_gate::reservation::reservation(upload_gate& at)
    : at_(at)
    , place_(at.without_place_ == 0 ? at.turns_.try_acquire() : std::nullopt)
    , without_(!place_) {
    at_.without_place_ += without_ ? 1 : 0;
}

upload_gate::reservation::~reservation() {
    at_.without_place_ -= without_ ? 1 : 0;
}

asio::awaitable<async::slots::lease> upload_gate::acquire(std::uint64_t bytes) {
    const waiter here(*this);
    auto lease = co_await turns_.acquire(bytes);
    co_return lease;
}

} // namespace tarpon::engine
