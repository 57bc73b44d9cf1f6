// Gets one blob into one repository: asks, mounts or uploads, as upload_fsm says.
#pragma once

#include "model/byte_stream.hpp"
#include "registry/registry_session.hpp"
#include "registry/upload_fsm.hpp"

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
    /// Called when the body is needed, which may be never.
    std::function<boost::asio::awaitable<std::unique_ptr<upload_body>>()> open_body;
    std::function<void(std::size_t)> on_sent;
};

struct blob_result {
    upload_outcome outcome = upload_outcome::uploaded;
    descriptor content; ///< digest; size where it went over the wire
};

/// Cancel: terminal; an open session is deleted as far as the registry lets us, within 2 s.
/// Throws `error`: registry_*, transport_*, and what the body throws.
boost::asio::awaitable<blob_result> put_blob(registry_session& registry, blob_request request);

/// Would the registry take an upload into this repository? Opens one and drops it. Throws what the
/// registry says against it (credentials, rights, an unknown repository).
boost::asio::awaitable<void> probe_upload(registry_session& registry, std::string repository);

/// Is the blob there? Size as the registry states it (nullopt: there, but unknown).
struct blob_presence {
    bool present = false;
    std::optional<std::uint64_t> size;
};
boost::asio::awaitable<blob_presence>
head_blob(registry_session& registry, const std::string& repository, const digest& content);

} // namespace tarpon::registry
