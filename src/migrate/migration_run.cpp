// See migration_run.hpp: the frame around index pass and push, and every way they end.
#include "migrate/migration_run.hpp"

#include "async/task_group.hpp"
#include "engine/push_source.hpp"
#include "engine/run_to_end.hpp"
#include "model/text.hpp"
#include "model/utc_time.hpp"

#include <boost/asio/this_coro.hpp>

#include <map>
#include <set>

namespace tarpon::migration {

namespace asio = boost::asio;

namespace {

/// Options that change what is pushed under a reference.
std::string settings_of(const push_options& options) {
    std::string text = concat(
        "layers=", static_cast<int>(options.layers), " level=", options.compression_level,
        " format=", static_cast<int>(options.format),
        " missing=", static_cast<int>(options.if_platforms_missing));
    for (const std::string& platform : options.platforms)
        text += concat(" platform=", platform);
    return text;
}

/// What was wrong when it ended was wrong with the journal: said once.
bool is_of_the_journal(const std::exception_ptr& failed) {
    try {
        std::rethrow_exception(failed);
    } catch (const error& e) {
        return e.code() == errc::storage;
    } catch (...) {
        return false;
    }
}

push_options with_dry_run(push_options options, bool plan_only) {
    options.dry_run = plan_only;
    return options;
}

} // namespace

migration_run::migration_run(
    asio::any_io_executor executor, migrate_options options, migrate_observer& told)
    : options_(std::move(options))
    , watch_(told)
    , run_(executor, with_dry_run(options_.push, options_.plan_only), watch_)
    , started_(utc_time(std::chrono::system_clock::now(), time_precision::seconds))
    , settings_(settings_of(options_.push))
    , packed_(executor, 1)
    , changed_(executor) {
    watch_.attach(run_);
    run_.counted_ahead = true;
    run_.sharing.emplace(executor, options_.push.jobs);
    watch_.on_trouble = [this] {
        trouble_ = true;
        changed_.notify_all();
    };
}

/// Who types the list, or a program that goes on writing it, must not keep an interrupt waiting.
asio::awaitable<std::vector<archive_target>> migration_run::find_archives() {
    std::stop_source stop;
    std::vector<std::string> notes;
    auto expand = [this, &notes, token = stop.get_token()] {
        return expand_sources(options_.sources, &notes, token);
    };
    asio::cancellation_state interrupts = co_await asio::this_coro::cancellation_state;
    interrupts.slot().assign([&stop](asio::cancellation_type) { stop.request_stop(); });
    std::vector<archive_target> sources;
    std::exception_ptr failed;
    try {
        sources = co_await async::run_on(run_.workers.get_executor(), expand);
    } catch (...) {
        failed = std::current_exception();
    }
    interrupts.slot().clear();
    // Of half a list anything may be wrong.
    if (interrupts.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    if (failed)
        std::rethrow_exception(failed);
    for (const std::string& note : notes)
        run_.warn(note);
    co_return sources;
}

/// What is wrong here concerns the run as a whole.
asio::awaitable<void> migration_run::prepare() {
    const std::string destination = destination_name(options_.push.where.registry);
    auto open = [&] {
        if (options_.journal.empty())
            return std::shared_ptr<journal>();
        return options_.plan_only ? journal::look_into(options_.journal, destination)
                                  : std::make_shared<journal>(options_.journal, destination);
    };
    journal_ = co_await async::run_on(run_.workers.get_executor(), open);
    writer_.emplace(run_.executor, run_.workers, options_.plan_only ? nullptr : journal_);
    writer_->on_busy = [this] {
        run_.warn(concat(
            "another program has the journal ", foreign_text(options_.journal),
            " locked: waiting for it"));
    };
    watch_.write_to(*writer_);
    const std::vector<archive_target> sources = co_await find_archives();
    std::set<std::pair<std::string, std::string>> seen;
    std::map<std::string, std::size_t> files;
    for (const archive_target& source : sources) {
        if (!seen.emplace(source.archive, source.target).second)
            continue;
        archive_record record;
        record.name = source.archive;
        record.shared_name = source.name;
        record.target = source.target;
        record.file = files.try_emplace(source.archive, archives_.size()).first->second;
        archives_.push_back(std::move(record));
    }
    run_.totals.archives_total = archives_.size();
}

/// The one session of the run, whatever repositories its images go to.
registry::registry_session& migration_run::registry_at_large() {
    return run_.registry(engine::staging_repository(options_.push.where).value());
}

/// Of those for the host as a whole. Others, and whatever else is wrong, show with the archives.
asio::awaitable<std::optional<error>> migration_run::refusal_of_credentials() {
    registry::registry_session& session = registry_at_large();
    std::optional<error> refused;
    try {
        co_await session.check_credentials();
    } catch (const error& e) {
        if (e.code() == errc::registry_unauthorized && session.has_credentials())
            refused = e;
    }
    co_return refused;
}

/// A registry may say "who are you?" where it means "not this repository": then it is no outage.
asio::awaitable<void> migration_run::look_into_outage() {
    if (!is_outage() || outage_ != error_class::auth)
        co_return;
    const auto refused = co_await refusal_of_credentials();
    if (!refused)
        unreachable_ = 0;
}

asio::awaitable<void> migration_run::wait_for_trouble() {
    while (true) {
        co_await look_into_outage();
        if (finished_ || (trouble_ && options_.fail_fast) || is_outage())
            break;
        co_await changed_.wait();
    }
    if (finished_)
        co_return;
    if (trouble_ && options_.fail_fast)
        throw stop_now();
    throw outage();
}

asio::awaitable<void> migration_run::index_and_push() {
    co_await index_all();
    indexed_ = true;
    run_.totals.archives_total = plan_.archives;
    bool something_to_do = false, all_indexed = true;
    for (const archive_record& record : archives_) {
        something_to_do = something_to_do || record.to_do;
        all_indexed = all_indexed && !(record.to_do && record.packed);
        if (record.to_do && !record.packed)
            run_.totals.bytes_total += record.bytes_to_read;
    }
    run_.totals.total_known = all_indexed;
    if (!options_.plan_only)
        watch_.plan_known(plan_);
    if (something_to_do) {
        co_await run_.open_memory();
        // One word about a registry that is not there or does not know us, not one for each
        // archive; and one wrong password, not so many that the account is locked.
        co_await registry_at_large().open();
        const auto refused = co_await refusal_of_credentials();
        if (refused)
            throw *refused;
        co_await push_all();
    }
    if (options_.plan_only) {
        plan_.bytes_to_send = std::min(watch_.planned_bytes(), plan_.blob_bytes);
        plan_.bytes_present = plan_.blob_bytes - plan_.bytes_to_send;
        watch_.plan_known(plan_);
    }
    writer_->finish();
    finished_ = true;
    changed_.notify_all();
}

/// A coroutine of its own: an interrupt that came before it ends it before it has children.
asio::awaitable<void> migration_run::do_all() {
    begun_ = true;
    async::task_group group(run_.executor);
    group.spawn(writer_->run());
    group.spawn(wait_for_trouble());
    group.spawn(index_and_push());
    co_await group.join();
}

/// Never throws: what ended the run is in `failed_` or in the report.
asio::awaitable<void> migration_run::work() {
    std::exception_ptr failed;
    try {
        co_await prepare();
        co_await do_all();
    } catch (...) {
        failed = std::current_exception();
    }
    // Else the next co_await would throw once more after an interrupt.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (failed)
        co_await close(failed);
}

/// What was done is written down, however the run ended.
asio::awaitable<void> migration_run::close(std::exception_ptr failed) {
    settle(failed);
    std::exception_ptr unwritten;
    try {
        if (writer_)
            co_await writer_->flush();
    } catch (...) {
        unwritten = std::current_exception();
    }
    if (unwritten && !is_of_the_journal(failed))
        settle(unwritten);
}

std::uint64_t migration_run::not_looked_at() const {
    std::uint64_t mine = 0;
    for (std::size_t i = 0; i < archives_.size(); ++i)
        mine += is_mine(i) ? 1 : 0;
    return mine - plan_.archives;
}

/// And what is left of it.
std::string migration_run::under_way() const {
    if (!begun_)
        return "looking for archives";
    if (!indexed_)
        return concat("looking at the archives; ", counted(not_looked_at(), "archive"), " left");
    return concat("migrating", images_left());
}

std::string migration_run::images_left() const {
    const std::uint64_t done = run_.totals.images_done, all = run_.totals.images_total;
    return all > done ? concat("; ", counted(all - done, "image"), " left") : std::string();
}

void migration_run::settle(std::exception_ptr failed) {
    try {
        std::rethrow_exception(failed);
    } catch (const stop_now&) {
        // the failure that stopped it has been reported
    } catch (const error& e) {
        if (!begun_)
            failed_ = failed;
        else
            run_.failed(e, {}, {});
    } catch (const boost::system::system_error& e) {
        const bool interrupted = e.code() == asio::error::operation_aborted;
        error what(
            interrupted ? errc::cancelled : errc::internal,
            interrupted ? concat("interrupted while ", under_way())
                        : std::string("the migration ended"),
            interrupted ? std::string() : e.what(),
            interrupted && journal_ ? "run it again: it goes on where it was stopped"
                                    : std::string());
        run_.failed(std::move(what), {}, {});
    } catch (const std::exception& e) {
        run_.failed(error(errc::internal, "the migration ended", e.what()), {}, {});
    }
}

asio::awaitable<migrate_report> migration_run::go() {
    auto all = work();
    push_report pushed = co_await engine::run_to_end(run_, "the archives", std::move(all));
    if (failed_)
        std::rethrow_exception(failed_);
    migrate_report report = watch_.take_report(std::move(pushed));
    report.destination = destination_name(options_.push.where.registry);
    report.shard = options_.shard;
    report.fingerprint = fingerprint_;
    report.started = started_;
    report.plan = plan_;
    co_return report;
}

} // namespace tarpon::migration
