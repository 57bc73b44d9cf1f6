// How a client is told that it may not, in the shape that its kind of request expects.
#pragma once

#include "server/http_types.hpp"

#include <string_view>

namespace tarpon::server {

/// PUT /push: the lines of a push that failed. Everything else: the errors of the distribution API,
/// with the code that belongs to the status.
server_response refusal(const server_request& request, unsigned status, std::string_view why);

/// What a push that never began answers: lines as of `tarpon push --json`.
server_response push_refusal(unsigned status, error why);

/// Adds when to try again, for those who come while there is too much to do, or the server stops.
void ask_to_return(server_response& refused);

/// The part of a target before its query.
std::string_view path_of(const server_request& request) noexcept;

} // namespace tarpon::server
