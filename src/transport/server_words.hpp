// What a server says about its refusal, in whatever shape it comes -> a code and one readable line.
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace tarpon::transport {

struct server_words {
    std::string code;    ///< "NAME_UNKNOWN", … or empty
    std::string message; ///< the server's own words, cut and cleaned; may be empty
};

/// Understands the distribution spec's error list, a single error object, other JSON, HTML and
/// plain text.
server_words read_error_body(std::string_view content_type, std::string_view body);

} // namespace tarpon::transport
