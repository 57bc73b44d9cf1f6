// See push_scene.hpp.
#include "support/push_scene.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace tarpon::test {

namespace asio = boost::asio;

std::size_t recording_observer::count(blob_status status) const {
    return static_cast<std::size_t>(std::count_if(
        blobs.begin(), blobs.end(), [=](const auto& event) { return event.status == status; }));
}

void recording_observer::on_blob(const blob_event& event) {
    blobs.push_back(event);
    text_ += concat(event.repository, "\n");
}

void recording_observer::on_image(const image_event& event) {
    images.push_back(event);
    text_ += concat(event.reference, " ", event.media_type, "\n");
}

void recording_observer::on_plan(const plan_event& event) {
    plans.push_back(event);
    text_ += concat(event.reference, "\n");
}

void recording_observer::on_failure(const failure_event& event) {
    failures.push_back(event);
    const error& what = event.what;
    text_ += concat(
        event.reference, " ", event.archive, " ", what.message(), " ", what.cause(), " ",
        what.hint(), "\n");
}

void recording_observer::on_log(log_level level, const std::string& message) {
    if (level == log_level::warn)
        warnings.push_back(message);
    text_ += concat(message, "\n");
}

struct pipe_writer::state {
    state(asio::io_context& io, int fd, std::string text, habits how)
        : bytes(std::move(text))
        , with(std::move(how))
        , end(io, fd) {}

    std::string bytes;
    habits with;
    std::size_t written = 0;
    asio::posix::stream_descriptor end;
};

namespace {

template <class State>
asio::awaitable<void> write_all(std::shared_ptr<State> state) {
    const std::size_t size = std::min(state->bytes.size(), state->with.bytes_max);
    while (state->written < size) {
        const std::size_t piece = std::min(state->with.step, size - state->written);
        const auto got = co_await state->end.async_write_some(
            asio::buffer(state->bytes.data() + state->written, piece), async::nothrow);
        if (std::get<0>(got))
            co_return;
        state->written += std::get<1>(got);
    }
    if (state->with.before_end)
        co_await state->with.before_end->wait();
    state->end.close();
}

} // namespace

pipe_writer::pipe_writer(asio::io_context& io, std::string bytes, habits with) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    read_end_ = ends[0];
    state_ = std::make_shared<state>(io, ends[1], std::move(bytes), std::move(with));
    auto on_end = [](std::exception_ptr failed) {
        if (failed)
            std::rethrow_exception(failed);
    };
    asio::co_spawn(io, write_all(state_), on_end);
}

pipe_writer::~pipe_writer() {
    boost::system::error_code ignored;
    state_->end.close(ignored);
    ::close(read_end_);
}

std::string pipe_writer::name() const {
    return concat("/proc/self/fd/", read_end_);
}

std::size_t pipe_writer::written() const noexcept {
    return state_->written;
}

std::size_t pipe_writer::unread() const {
    int bytes = 0;
    if (::ioctl(read_end_, FIONREAD, &bytes) != 0)
        throw std::system_error(errno, std::generic_category(), "FIONREAD");
    return static_cast<std::size_t>(bytes);
}

push_scene::push_scene(registry_options with)
    : registry(io, std::move(with)) {
    options.where.registry = place("team");
    options.threads = 2;
    options.jobs = 3;
    options.retries = 0; // what a failure means shows at once; tests of trying again ask for it
}

std::string push_scene::place(const std::string& name) const {
    return concat("http://", registry.host(), "/", name);
}

std::string push_scene::file(std::size_t archive) const {
    return (dir_.path() / concat(archive, ".tar")).string();
}

push_report push_scene::push(const std::vector<std::string>& archives) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < archives.size(); ++i)
        names.push_back(dir_.write(concat(i, ".tar"), archives[i]));
    return push_names(std::move(names));
}

push_report push_scene::push(const std::string& archive) {
    return push(std::vector{archive});
}

push_report push_scene::push_piped(const std::string& archive, pipe_writer::habits with) {
    pipe_ = std::make_unique<pipe_writer>(io, archive, std::move(with));
    return push_names({pipe_->name()});
}

push_report push_scene::push_names(std::vector<std::string> names) {
    constexpr std::chrono::seconds time_max{60};
    told = {};
    turns_ = 0;
    stopped_ = false;
    asio::cancellation_signal stop;
    std::optional<push_report> report;
    std::exception_ptr failed;
    auto on_end = [&](std::exception_ptr what, push_report made) {
        failed = what;
        report = std::move(made);
    };
    asio::co_spawn(
        io, tarpon::push(std::move(names), options, told),
        asio::bind_cancellation_slot(stop.slot(), on_end));
    const auto end = std::chrono::steady_clock::now() + time_max;
    while (!report && io.run_one_until(end) > 0) {
        ++turns_;
        if (!report && !stopped_ && stop_when && stop_when()) {
            stopped_ = true;
            stop.emit(asio::cancellation_type::terminal);
        }
    }
    if (!report)
        throw std::runtime_error("the push did not end within its deadline");
    if (failed)
        std::rethrow_exception(failed);
    return std::move(*report);
}

std::string explain(const push_report& report) {
    if (report.failures.empty())
        return "no failure";
    const error& what = report.failures.front().what;
    return concat(what.message(), " (", what.cause(), ")");
}

} // namespace tarpon::test
