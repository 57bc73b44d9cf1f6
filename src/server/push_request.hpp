// What PUT /push?… asks for, and the HTTP status of how it ended. Pure.
//
//   to=NAME:TAG          a name for the one image of the archive; repeatable
//   to=IMAGE=NAME:TAG    the same for one image of several, IMAGE as --image takes it; repeatable
//   image=IMAGE          which image a plain `to` is for
//   id=WORD              under which the push can be watched (GET /push/events)
//
// Names are below the server's target: a client chooses no registry.
#pragma once

#include <tarpon/error.hpp>
#include <tarpon/options.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::server {

struct push_request {
    destination where;
    std::string id; ///< empty: nobody watches
};

/// `registry` is the target, as destination::registry takes it.
/// Errors: errc::usage, fit to be sent back.
result<push_request> parse_push_request(std::string_view target, const std::string& registry);

/// The id of GET /push/events. Errors: errc::usage.
result<std::string> parse_watch_request(std::string_view target);

/// For an answer of which nothing is sent yet: what the client can mend is 4xx; what the registry
/// behind us refused, or our credentials there, is 502 or 504.
unsigned status_of(const error& what) noexcept;

} // namespace tarpon::server
