// Gets one blob into one repository: asks, mounts or uploads, and tries again where that may help.
#pragma once

#include "model/byte_stream.hpp"
#include "registry/registry_session.hpp"
#include "registry/upload_fsm.hpp"
#include "registry/upload_record.hpp"

#include <tarpon/descriptor.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>

namespace tarpon::registry {

/// A body whose digest is known at its end at the latest.
class upload_body : public body_source {
public:
    /// After the last piece: digest and size of what was sent. Throws `error`
    /// (errc::digest_mismatch) when the content is not what was promised; then nothing is
    /// committed.
    virtual boost::asio::awaitable<descriptor> finish() = 0;
};

struct blob_request {
    std::string repository;
    upload_fsm::facts facts;
    /// Called when the body is needed, which may be never; more than once only if it is
    /// `repeatable` (each time from the beginning).
    std::function<boost::asio::awaitable<std::unique_ptr<upload_body>>()> open_body;
    std::function<void(std::size_t)> on_sent;
    bool repeatable = false;
    std::optional<std::uint64_t> size = {}; ///< of the body, if known ahead
    /// Small: where digest and size are known, one PUT is a request less than PATCH and PUT.
    bool whole_if_possible = false;
    std::string label = {}; ///< for people, while there is no digest
    /// For a repeatable body that is the same in every process; nullptr: nobody goes on with it.
    upload_record* record = nullptr;
};

struct blob_result {
    upload_outcome outcome = upload_outcome::uploaded;
    descriptor content; ///< digest; size where it went over the wire, in this try or an earlier one
};

/// What fails in a way that may pass is tried again: a request by itself, one chunk of a blob where
/// it goes in chunks, and a repeatable body from where the registry still has it: the session is
/// asked, and what is missing goes in chunks; where the registry keeps none, from the beginning.
/// Bytes that the registry has are read (and compressed) again all the same: their digest is what
/// the upload is committed with. A body that the registry does not take in one shape goes in
/// another (upload_habits).
/// Cancel: terminal; an open session is deleted as far as the registry lets us, within 2 s, unless
/// `record` keeps it for the next process.
/// Throws `error`: registry_*, transport_*, and what the body throws.
boost::asio::awaitable<blob_result> put_blob(registry_session& registry, blob_request request);

/// Would the registry take an upload into this repository? Opens one and drops it. Throws what the
/// registry says against it (credentials, rights, an unknown repository).
boost::asio::awaitable<void> probe_upload(registry_session& registry, std::string repository);

/// Is the blob there? Size as the registry states it (nullopt: there, but unknown).
struct blob_presence {
    bool present = false;
    bool absent = false; ///< 404; other refusals to say leave both open
    std::optional<std::uint64_t> size;
};
boost::asio::awaitable<blob_presence>
head_blob(registry_session& registry, const std::string& repository, const digest& content);

/// Is it there with this size, as far as the registry states one? Of another size under this digest
/// the registry's copy is broken, or the name was no digest.
boost::asio::awaitable<bool>
has_blob(registry_session& registry, std::string repository, descriptor content);

} // namespace tarpon::registry
