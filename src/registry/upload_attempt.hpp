// One try to get a blob into a repository: does what upload_fsm says, in one shape. What to do when
// it fails is blob_upload's business.
#pragma once

#include "registry/blob_upload.hpp"
#include "registry/chunk_reader.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace tarpon::registry {

class upload_attempt {
public:
    /// `registry` and `request` must outlive the attempt. `known`: facts of this try. `unfinished`:
    /// the Location of a session that may have a part of the body; `kept`: the record has it.
    upload_attempt(
        registry_session& registry,
        const blob_request& request,
        upload_fsm::facts known,
        std::optional<std::string> unfinished = std::nullopt,
        bool kept = false);

    /// Throws `error`; the session may be left open then.
    boost::asio::awaitable<blob_result> run();
    /// After a failure: the session that is left open, if any, and the step at which it came.
    const std::optional<transport::url>& session() const noexcept { return fsm_.session(); }
    upload_step step() const noexcept { return step_; }
    /// Bytes that an unfinished session had, from where this attempt went on; 0: it began anew.
    std::uint64_t resumed_at() const noexcept { return resumed_at_; }
    /// The unfinished session was not there any more.
    bool session_gone() const noexcept { return session_gone_; }
    /// The session that is open is written down in the record.
    bool is_kept() const noexcept { return kept_; }
    /// One of its chunks was tried as often as it may be.
    bool exhausted() const noexcept { return exhausted_; }
    /// The digest of what was sent, once that is known.
    const descriptor& sent() const noexcept { return sent_; }

private:
    struct session_state {
        std::optional<std::uint64_t> offset;
        bool busy = false;
        bool gone = false;
    };
    boost::asio::awaitable<void> take_up();
    boost::asio::awaitable<session_state> ask_session();
    boost::asio::awaitable<session_state> settled_state();
    boost::asio::awaitable<void> note_session();
    boost::asio::awaitable<transport::http_response> do_step();
    boost::asio::awaitable<void> take_step();
    boost::asio::awaitable<transport::http_response> mount();
    boost::asio::awaitable<transport::http_response> send_body();
    boost::asio::awaitable<void> send_chunks();
    boost::asio::awaitable<void> send_chunk(std::span<const std::byte> chunk, int& repetitions);
    boost::asio::awaitable<transport::http_response> commit();
    boost::asio::awaitable<void> check_arrived();
    transport::http_request make_request() const;
    void take_answer(const transport::http_response& response, const transport::url& asked_at);
    transport::url asked_at() const;
    asked reason() const;

    registry_session& registry_;
    const blob_request& request_;
    const upload_fsm::facts known_;
    std::optional<std::string> unfinished_;
    upload_fsm fsm_;
    upload_step step_;
    std::unique_ptr<upload_body> body_;
    std::optional<chunk_reader> chunks_;
    std::uint64_t acknowledged_ = 0; ///< bytes, in chunks
    std::uint64_t resumed_at_ = 0;
    bool session_gone_ = false;
    bool exhausted_ = false;
    bool redirected_ = false; ///< the commit was
    bool renewed_ = false;    ///< credentials, since a chunk was answered
    std::string noted_;       ///< the session, as the record was told
    bool kept_ = false;       ///< and has it
    descriptor sent_;
};

/// How long a session that is not wanted any more may hold anyone up.
inline constexpr std::chrono::seconds farewell_time{2};

/// Asks the registry to forget a session, which would expire by itself: within farewell_time, or
/// not at all.
boost::asio::awaitable<void>
drop_session(registry_session& registry, transport::url session, std::string repository);

} // namespace tarpon::registry
