// The upload of one blob as a state machine without I/O: which request is next, and what its
// answer means. `blob_upload` does what it says.
#pragma once

#include "registry/upload_habits.hpp"
#include "transport/url.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::registry {

enum class upload_step {
    probe,      ///< HEAD the blob
    mount,      ///< POST ?mount=&from=
    open,       ///< POST, no body
    send,       ///< PATCH with the whole body
    send_chunk, ///< PATCH with a part of it; again until chunks_done()
    put_whole,  ///< PUT ?digest= with the whole body
    commit,     ///< PUT ?digest=, no body
    finished,   ///< see outcome()
    failed,     ///< the last answer is the reason
};

/// Does its request go to the open session? From there on the body is under way.
constexpr bool goes_to_session(upload_step step) noexcept {
    return step == upload_step::send || step == upload_step::send_chunk
           || step == upload_step::put_whole || step == upload_step::commit;
}

/// A redirect that keeps method and body; every other one may make a GET of the request.
constexpr bool keeps_method(int status) noexcept {
    return status == 307 || status == 308;
}

enum class upload_outcome { uploaded, exists, mounted };

/// What the machine looks at in an answer.
struct upload_answer {
    int status = 0;
    std::string_view location;
    std::string_view content_digest; ///< Docker-Content-Digest
};

/// Where a Location leads, if we go there: not from https to http, not to an internal address.
/// Errors: errc::registry_protocol.
result<transport::url> session_at(std::string_view location, const transport::url& asked);

class upload_fsm {
public:
    struct facts {
        std::optional<tarpon::digest> digest;   ///< if known before the body is read
        std::optional<std::uint64_t> size = {}; ///< of the blob, where its digest is known
        bool probe = true;                      ///< HEAD first (needs the digest)
        std::optional<std::string> mount_from;
        /// `monolithic` needs the digest.
        upload_shape shape = upload_shape::streamed;
    };

    explicit upload_fsm(facts known);

    upload_step step() const noexcept { return step_; }
    upload_outcome outcome() const noexcept { return outcome_; }
    /// Where the session is; set from the answer that opened it.
    const std::optional<transport::url>& session() const noexcept { return session_; }
    /// Why, when the protocol was broken; empty when the answer's status says it all.
    const std::string& broken() const noexcept { return broken_; }

    /// Before the answer that opens the session: in which shape the body will go.
    void use(upload_shape shape) noexcept { shape_ = shape; }
    /// Instead of the first steps: the session at `location`, which has bytes already, takes the
    /// rest in chunks. false: it is no place to go to (see broken()).
    bool resume(std::string_view location, const transport::url& asked);
    /// The answer to the request of the current step, which went to `asked`. A redirect of a body
    /// leaves the step: the same request is next, to where the redirect leads.
    void on_answer(const upload_answer& answer, const transport::url& asked);
    /// In `send_chunk`: there is no further chunk.
    void chunks_done();
    /// In `commit`: the answer was lost, and the blob is there.
    void found_committed();
    /// Before `commit`: the digest of what was sent.
    void set_digest(tarpon::digest sent) { digest_ = std::move(sent); }
    const tarpon::digest& digest() const { return *digest_; }

private:
    void after_probe();
    void on_probe(int status);
    void on_mount(const upload_answer& answer, const transport::url& asked);
    void on_open(const upload_answer& answer, const transport::url& asked);
    void on_send(const upload_answer& answer, const transport::url& asked);
    void on_commit(const upload_answer& answer);
    void on_redirect(const upload_answer& answer, const transport::url& asked);
    bool take_location(std::string_view location, const transport::url& asked);
    void begin_sending();
    void finish(upload_outcome outcome);
    void fail(std::string broken = {});

    std::optional<tarpon::digest> digest_;
    std::optional<std::string> mount_from_;
    upload_shape shape_;
    upload_step step_;
    upload_outcome outcome_ = upload_outcome::uploaded;
    std::optional<transport::url> session_;
    std::optional<transport::url> redirected_from_; ///< the session's own place
    int redirects_ = 0;                             ///< of this body
    std::string broken_;
};

} // namespace tarpon::registry
