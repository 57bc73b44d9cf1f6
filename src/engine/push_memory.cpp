// See push_memory.hpp.
#include "engine/push_memory.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::engine {

namespace asio = boost::asio;
using state::blob_place;

namespace {

/// How the layer's bytes are made of its plain ones. The bytes may change with the versions of the
/// engines; a digest that was pushed is right all the same, and an upload of other bytes is found
/// out at its commit.
std::optional<state::layer_key> layer_key_of(const blob_job& job, const push_options& options) {
    if (!job.diff_id || !job.treatment.encode)
        return std::nullopt;
    const bool zstd = job.treatment.form == registry::layer_form::zstd;
    return state::layer_key{
        *job.diff_id, concat(zstd ? "zstd-" : "gzip-", options.compression_level)};
}

/// The same text for the same bytes.
std::optional<std::string> body_name(const blob_job& job, const push_options& options) {
    if (job.is_promised())
        return job.known->str();
    const auto key = layer_key_of(job, options);
    if (!key)
        return std::nullopt;
    return concat(key->recipe, " ", key->diff_id.str());
}

class kept_upload final : public registry::upload_record {
public:
    kept_upload(
        async::cpu_pool& workers, std::shared_ptr<state::state_store> store, state::upload_key key)
        : workers_(workers)
        , store_(std::move(store))
        , key_(std::move(key)) {}

    asio::awaitable<std::optional<std::string>> take() override {
        auto work = [store = store_, key = key_] {
            return store->take_upload(key);
        };
        co_return co_await async::run_on(workers_.get_executor(), work);
    }
    asio::awaitable<bool> keep(std::string location) override {
        auto work = [store = store_, key = key_, location = std::move(location)] {
            return store->keep_upload(key, location);
        };
        co_return co_await async::run_on(workers_.get_executor(), work);
    }
    asio::awaitable<void> forget() override {
        auto work = [store = store_, key = key_] {
            store->forget_upload(key);
        };
        co_await async::run_on(workers_.get_executor(), work);
    }

private:
    async::cpu_pool& workers_;
    std::shared_ptr<state::state_store> store_;
    const state::upload_key key_;
};

} // namespace

asio::awaitable<std::optional<descriptor>>
push_memory::find_layer(const blob_job& job, const push_options& options) {
    const auto key = layer_key_of(job, options);
    if (!key)
        co_return std::nullopt;
    auto work = [store = store_, key = *key] {
        return store->find_layer(key);
    };
    co_return co_await async::run_on(workers_.get_executor(), work);
}

asio::awaitable<std::optional<std::string>>
push_memory::place_of(repository target, digest content) {
    auto work = [store = store_, host = target.host, content] {
        return store->repositories_with(host, content);
    };
    const auto found = co_await async::run_on(workers_.get_executor(), work);
    for (const std::string& path : found)
        if (path != target.path)
            co_return path;
    co_return std::nullopt;
}

asio::awaitable<void> push_memory::remember(std::vector<repository> places, descriptor content) {
    std::vector<blob_place> where;
    where.reserve(places.size());
    for (const repository& place : places)
        where.push_back({place.host, place.path});
    auto work = [store = store_, content, where] {
        store->remember_places(content.digest, where);
    };
    co_await async::run_on(workers_.get_executor(), work);
}

asio::awaitable<void>
push_memory::remember_layer(const blob_job& job, const push_options& options, descriptor content) {
    const auto key = layer_key_of(job, options);
    if (!key)
        co_return;
    auto work = [store = store_, content, key = *key] {
        store->remember_layer(key, content);
    };
    co_await async::run_on(workers_.get_executor(), work);
}

std::unique_ptr<registry::upload_record>
push_memory::record(const blob_job& job, const push_options& options, const repository& target) {
    const auto body = body_name(job, options);
    if (!body || !job.entry || job.stored_bytes < limits::resumable_bytes_min)
        return nullptr;
    return std::make_unique<kept_upload>(
        workers_, store_, state::upload_key{{target.host, target.path}, *body});
}

} // namespace tarpon::engine
