// See push_service.hpp. The push, its answer and a look at the client are siblings: the first that
// fails stops the others.
#include "server/push_service.hpp"

#include "async/deadline.hpp"
#include "async/one_more.hpp"
#include "async/task_group.hpp"
#include "async/worker_count.hpp"
#include "engine/event_json.hpp"
#include "engine/push_source.hpp"
#include "model/text.hpp"
#include "server/feed_writer.hpp"
#include "server/refusal.hpp"

#include <tarpon/limits.hpp>

#include <utility>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

constexpr const char* lines_type = "application/x-ndjson; charset=utf-8";
constexpr const char* body_name = "the upload";

server_response lines_response(unsigned status, std::string lines) {
    server_response response;
    response.status = status;
    response.with("Content-Type", lines_type);
    response.with("Cache-Control", "no-store");
    response.body = std::move(lines);
    return response;
}

unsigned status_of_end(const std::vector<failure_event>& failures, const received_body& body) {
    if (body.too_large())
        return 413;
    return failures.empty() ? 200 : status_of(failures.front().what);
}

/// How a push ended; as it is here until it has.
struct push_end {
    unsigned status = 500;
    push_outcome outcome = push_outcome::cancelled;
};

push_outcome outcome_of(const push_report& report, const received_body& body) {
    if (body.broke_off())
        return push_outcome::cancelled;
    if (report.failures.empty())
        return push_outcome::pushed;
    for (const failure_event& failure : report.failures)
        if (failure.what.code() == errc::cancelled)
            return push_outcome::cancelled;
    return report.images.empty() ? push_outcome::failed : push_outcome::partly;
}

/// The push itself, to its last line. Does not throw: how it ends is in `feed` and `end`.
asio::awaitable<void> run_push(
    received_body& body,
    push_options options,
    feed_writer& events,
    push_feed& feed,
    async::cpu_pool& workers,
    push_end& end) {
    feed.add(engine::start_json());
    push_report report;
    try {
        report = co_await engine::push_source(body_name, body, std::move(options), events, workers);
        end = {status_of_end(report.failures, body), outcome_of(report, body)};
    } catch (const error& e) {
        report.summary.failed = 1;
        end = {status_of(e), push_outcome::failed};
        events.on_failure({e, {}, {}});
    }
    feed.add(engine::to_json(report.summary));
    feed.end();
}

/// Sends what the feed has, from the first result on; what is left in `held` was not sent.
asio::awaitable<void>
send_lines(streamed_answer& answer, push_feed& feed, const feed_writer& events, std::string& held) {
    push_feed::cursor at;
    while (true) {
        const auto lines = co_await feed.next(at, push_feed::samples::without);
        held += lines;
        if (feed.overflowed())
            throw error(errc::transport_closed, "the client does not take its answer");
        if (!answer.begun() && feed.ended_at(at))
            co_return;
        if (held.empty())
            co_return;
        if (!answer.begun() && !events.has_result())
            continue;
        if (!answer.begun()) {
            auto head = lines_response(200, std::string());
            co_await answer.begin(std::move(head));
        }
        co_await answer.write(std::exchange(held, std::string()));
        feed.taken(at);
    }
}

asio::awaitable<void> send_all(streamed_answer& answer, push_feed& feed) {
    push_feed::cursor at;
    while (true) {
        auto text = co_await feed.next(at, push_feed::samples::with);
        if (text.empty())
            co_return;
        co_await answer.write(std::move(text));
    }
}

/// `body` is nullptr where there is none to be read.
asio::awaitable<void> watch_client(streamed_answer& answer, received_body* body) {
    if (body)
        co_await body->wait_for_end();
    co_await answer.gone();
    throw error(errc::transport_closed, "the client went away");
}

asio::awaitable<void>
run_and_stop(async::task_group& tasks, asio::awaitable<void> work, bool& done) {
    co_await std::move(work);
    done = true;
    tasks.cancel();
}

/// Waits for all of `tasks`, of which `work` is the one whose end is the end of all.
asio::awaitable<void> run_until_done(async::task_group& tasks, asio::awaitable<void> work) {
    bool done = false;
    tasks.spawn(run_and_stop(tasks, std::move(work), done));
    try {
        co_await tasks.join();
    } catch (const boost::system::system_error&) {
        if (!done || tasks.join_cancelled())
            throw;
    }
}

} // namespace

push_service::push_service(
    asio::any_io_executor executor,
    const serve_options& options,
    server_metrics& metrics,
    log_function log)
    : executor_(executor)
    , options_(options)
    , metrics_(metrics)
    , log_(std::move(log))
    , workers_(async::worker_count(options.threads))
    , registry_(options.registry) {}

void push_service::set_target(const std::string& address, const own_login& login) {
    registry_ = concat("http://", address);
    own_host_ = address;
    own_login_ = login;
}

push_options push_service::options_for(destination where) const {
    push_options options;
    options.where = std::move(where);
    if (own_host_.empty()) {
        options.connection = options_.connection;
    } else {
        options.connection.username = own_login_.username;
        options.connection.password = own_login_.password;
    }
    options.threads = options_.threads;
    options.memory_bytes = limits::server_push_memory_bytes;
    return options;
}

push_service::feed_ptr push_service::feed_of(const std::string& id) {
    std::erase_if(feeds_, [](const auto& one) { return one.second.expired(); });
    auto known = feeds_[id].lock();
    if (known && (known->claimed || !known->ended()))
        return known;
    if (feeds_.size() > limits::push_feeds_max) {
        feeds_.erase(id);
        return nullptr;
    }
    auto made = std::make_shared<push_feed>(executor_);
    feeds_[id] = made;
    return made;
}

void push_service::begin_stop() {
    stopping_ = true;
    for (const auto& [id, known] : feeds_)
        if (const auto feed = known.lock(); feed && !feed->claimed)
            feed->end();
}

void push_service::interrupt() {
    for (const running_push& push : running_) {
        push.body->stop();
        push.answer->refuse_rest();
    }
}

std::optional<server_response>
push_service::refuse(const server_request& request, const feed_ptr& feed) const {
    const std::uint64_t most = options_.upload_bytes_max;
    if (most > 0 && request.content_length.value_or(0) > most)
        return push_refusal(413, archive_too_large(most));
    if (feed && feed->claimed)
        return push_refusal(409, error(errc::usage, "another push has this id"));
    std::optional<server_response> later;
    if (stopping_)
        later = push_refusal(503, error(errc::cancelled, "the server is being stopped"));
    else if (!feed)
        later = push_refusal(
            429, error(errc::registry_refused, "too many pushes are watched; try again later"));
    else if (running_.size() >= limits::server_pushes_max)
        later = push_refusal(
            429, error(
                     errc::registry_refused, concat(
                                                 limits::server_pushes_max,
                                                 " archives are being received; try again later")));
    if (later)
        ask_to_return(*later);
    return later;
}

asio::awaitable<server_response> push_service::push(server_request& request) {
    auto wanted = parse_push_request(request.target, registry_);
    if (!wanted) {
        metrics_.count(push_outcome::refused);
        co_return push_refusal(400, error(wanted.error()));
    }
    auto feed = wanted->id.empty() ? std::make_shared<push_feed>(executor_) : feed_of(wanted->id);
    if (auto refused = refuse(request, feed)) {
        metrics_.count(push_outcome::refused);
        co_return std::move(*refused);
    }
    feed->claimed = true;
    co_return co_await receive(request, std::move(*wanted), std::move(feed));
}

asio::awaitable<server_response>
push_service::receive(server_request& request, push_request wanted, feed_ptr feed) {
    received_body body(executor_, request.body, options_.upload_bytes_max);
    push_end end;
    struct last_word {
        push_service& service;
        push_feed& feed;
        const received_body& body;
        const push_end& end;
        std::list<running_push>::iterator place;
        ~last_word() {
            feed.end();
            service.running_.erase(place);
            service.metrics_.count(end.outcome);
            service.metrics_.count_archive_bytes(body.bytes());
        }
    } ending{*this, *feed, body, end, running_.insert(running_.end(), {&body, &request.answer})};
    feed_writer events(*feed, metrics_, log_, own_host_, std::string(request.header("Host")));
    std::string held;
    async::task_group tasks(executor_);
    tasks.spawn(run_push(body, options_for(std::move(wanted.where)), events, *feed, workers_, end));
    tasks.spawn(watch_client(request.answer, &body));
    auto answering = send_lines(request.answer, *feed, events, held);
    co_await run_until_done(tasks, std::move(answering));
    co_return lines_response(end.status, std::move(held));
}

asio::awaitable<server_response> push_service::watch(server_request& request) {
    const auto id = parse_watch_request(request.target);
    if (!id)
        co_return push_refusal(400, error(id.error()));
    const feed_ptr feed = watchers_ < limits::push_watchers_max ? feed_of(*id) : nullptr;
    if (!feed) {
        auto refused =
            push_refusal(429, error(errc::registry_refused, "too many pushes are watched"));
        ask_to_return(refused);
        co_return refused;
    }
    const async::one_more watcher(watchers_);
    if (stopping_ && !feed->claimed)
        feed->end();
    auto head = lines_response(200, std::string());
    co_await request.answer.begin(std::move(head));
    auto give_up = [feed] {
        if (!feed->claimed)
            feed->end();
    };
    async::deadline begins(executor_, give_up);
    begins.arm(limits::push_watch_time_max);
    async::task_group tasks(executor_);
    tasks.spawn(watch_client(request.answer, nullptr));
    auto sending = send_all(request.answer, *feed);
    co_await run_until_done(tasks, std::move(sending));
    co_return server_response();
}

} // namespace tarpon::server
