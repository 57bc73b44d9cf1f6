// A whole push against a fake registry: archives from memory, as files or through pipes, on an
// event loop that the scene turns, so that a test can stop the push at any turn.
#pragma once

#include "support/fake_registry.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/push.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tarpon::test {

class recording_observer final : public progress_observer {
public:
    std::vector<blob_event> blobs;
    std::vector<image_event> images;
    std::vector<plan_event> plans;
    std::vector<failure_event> failures;
    std::vector<std::string> warnings;
    std::vector<std::uint64_t> bytes_done; ///< as the display saw them
    std::vector<std::string> retry_reasons;

    /// Everything that was told, in words: no secret may be in it.
    const std::string& text() const noexcept { return text_; }
    std::size_t count(blob_status status) const;

    void on_blob(const blob_event& event) override;
    void on_image(const image_event& event) override;
    void on_plan(const plan_event& event) override;
    void on_failure(const failure_event& event) override;
    void on_log(log_level level, const std::string& message) override;
    void on_retry(const retry_event& event) override { retry_reasons.push_back(event.reason); }
    void on_progress(const progress_snapshot& now) override {
        bytes_done.push_back(now.bytes_done);
    }

private:
    std::string text_;
};

/// A pipe whose other end is written on the event loop.
class pipe_writer {
public:
    struct habits {
        std::size_t step = 10'000;        ///< bytes at a time
        std::size_t bytes_max = SIZE_MAX; ///< then the writer goes away
        std::shared_ptr<gate> before_end; ///< for which it waits before that
    };

    pipe_writer(boost::asio::io_context& io, std::string bytes, habits with);
    ~pipe_writer();
    pipe_writer(const pipe_writer&) = delete;
    pipe_writer& operator=(const pipe_writer&) = delete;

    /// To be opened like any archive.
    std::string name() const;
    std::size_t written() const noexcept;
    /// Bytes that were written and not read yet.
    std::size_t unread() const;

private:
    struct state;
    std::shared_ptr<state> state_;
    int read_end_ = -1; // kept, so that a writer without a reader waits instead of breaking
};

class push_scene {
public:
    /// Goes to http://HOST/team, with two workers and three jobs.
    explicit push_scene(registry_options with = {});

    boost::asio::io_context io{1};
    fake_registry registry;
    push_options options;
    recording_observer told;
    /// Asked after every turn of the loop until it says yes: stops the push as a signal would.
    std::function<bool()> stop_when;

    /// "http://HOST/NAME", for --to.
    std::string place(const std::string& name) const;
    /// Pushes archives from files. Throws what push throws; every call tells to a new `told`.
    push_report push(const std::vector<std::string>& archives);
    push_report push(const std::string& archive);
    push_report push_piped(const std::string& archive, pipe_writer::habits with = {});
    push_report push_names(std::vector<std::string> names);

    /// Of the last push.
    std::size_t turns() const noexcept { return turns_; }
    bool stopped() const noexcept { return stopped_; }
    /// The file of an archive of the last push.
    std::string file(std::size_t archive = 0) const;
    /// The writer of the last pipe.
    const pipe_writer& pipe() const { return *pipe_; }

private:
    temp_dir dir_;
    std::unique_ptr<pipe_writer> pipe_;
    std::size_t turns_ = 0;
    bool stopped_ = false;
};

/// The first failure in words, for messages of assertions.
std::string explain(const push_report& report);

} // namespace tarpon::test
