// Is a request head one that every HTTP implementation reads the same way?
//
// Boost 1.81's parser is lenient (beast #3098): it takes Transfer-Encoding beside Content-Length,
// encodings other than chunked, and more. What two programs in a row read differently is how
// requests are smuggled, so the head is checked here before that parser sees it. Pure, fuzzed.
#pragma once

#include <tarpon/error.hpp>

#include <string_view>

namespace tarpon::server {

/// `head` runs from the request line up to and including the empty line.
/// Refuses: bare CR or LF, blanks before a colon, folded lines, odd characters in names and
/// values, anything but HTTP/1.0 and 1.1, a missing, repeated or odd Host, Content-Length that is
/// not one plain number, Transfer-Encoding that is not exactly one "chunked" in HTTP/1.1, both at
/// once, and what is over the limits for targets and header counts. Errors: errc::registry_protocol
/// with the reason, fit to be sent back. Source: RFC 9112 sections 2.2, 3, 5, 6.
result<void> check_request_head(std::string_view head);

} // namespace tarpon::server
