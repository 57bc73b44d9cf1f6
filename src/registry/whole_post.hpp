// A small blob in one request: POST with its digest and its bytes, which not every registry takes.
#pragma once

#include "registry/registry_session.hpp"

#include <tarpon/descriptor.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::registry {

/// True: the blob is there. False: the registry wants it in another way (put_blob), or has
/// something against it that put_blob will hear too; it is not tried again in this run.
/// Throws `error`: transport_*, registry_unauthorized, and a lying registry_protocol.
/// Source: distribution-spec v1.1 "Pushing a blob monolithically", "Single POST".
boost::asio::awaitable<bool> post_whole(
    registry_session& registry, std::string repository, descriptor content, std::string bytes);

} // namespace tarpon::registry
