// See ordered_hasher.hpp.
#include "pipeline/ordered_hasher.hpp"

namespace tarpon::pipeline {

ordered_hasher::ordered_hasher(
    async::cpu_pool& workers, boost::asio::any_io_executor home, digest::algorithm algo)
    : strand_(workers.get_executor())
    , home_(std::move(home))
    , hasher_(std::make_shared<hasher>(algo)) {}

void ordered_hasher::update(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    auto work = [hasher = hasher_, bytes, owner = std::move(owner)] {
        hasher->update(bytes);
    };
    auto let_go = [](auto) {
    };
    async::submit(strand_, home_, std::move(work), let_go);
}

boost::asio::awaitable<digest> ordered_hasher::finish() {
    auto work = [hasher = hasher_] {
        return hasher->finish();
    };
    co_return co_await async::run_on(strand_, std::move(work));
}

} // namespace tarpon::pipeline
