// The public verb.
#include "engine/push_source.hpp"
#include "migrate/migration_run.hpp"
#include "model/text.hpp"

#include <tarpon/migrate.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace tarpon {

namespace asio = boost::asio;

namespace {

void check(const migrate_options& options) {
    if (options.sources.empty())
        throw error(errc::usage, "what is to be migrated? name folders, archives or lists");
    if (options.shard.count < 1 || options.shard.index < 1
        || options.shard.index > options.shard.count)
        throw error(
            errc::usage, concat(
                             "there is no shard ", options.shard.index, " of ", options.shard.count,
                             ": they are 1 to N"));
    if (options.push.where.registry.empty())
        throw error(errc::usage, "where to? give --registry HOST[:PORT][/PREFIX]");
    engine::check_options(options.push);
}

} // namespace

int migrate_report::exit_code() const {
    if (interrupted)
        return exit_code_of(error_class::interrupted);
    if (broke)
        return exit_code_of(error_class::internal);
    if (summary.failed == 0)
        return 0;
    const bool some = std::any_of(images.begin(), images.end(), [](const migrated_image& image) {
        return image.result == migrated_image::outcome::pushed
               || image.result == migrated_image::outcome::unchanged
               || image.result == migrated_image::outcome::skipped;
    });
    return some ? 7 : exit_code_of(first_failure);
}

asio::awaitable<migrate_report> migrate(migrate_options options, migrate_observer& observer) {
    options.push.where.to.clear();
    options.push.where.placements.clear();
    check(options);
    const auto executor = co_await asio::this_coro::executor;
    tarpon::migration::migration_run one(executor, std::move(options), observer);
    co_return co_await one.go();
}

} // namespace tarpon
