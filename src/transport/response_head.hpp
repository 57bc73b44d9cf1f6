// The head of an HTTP message as bytes: where it ends, and line ends that are not as they should
// be.
//
// Docker Hub has sent a 429 whose lines ended with bare line feeds. Beast refuses such heads; who
// sends one can still say no, but never yes: a head that two readers split in two ways is how
// answers are smuggled.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon::transport {

/// Bytes of the head in `text`, with its empty line; 0: it is not complete. Lines may end in either
/// way.
std::size_t head_length(std::string_view text);

/// What begins like this can still be a response.
bool may_be_response(std::string_view text);

/// `head` with CR LF at the end of each line; nullopt: that is how it came.
std::optional<std::string> with_proper_lines(std::string_view head);

} // namespace tarpon::transport
