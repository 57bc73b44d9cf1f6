// A registry's refusal in whatever shape it comes -> one readable line.
#pragma once

#include "transport/http_message.hpp"

#include <tarpon/error.hpp>

#include <string>
#include <string_view>

namespace tarpon::registry {

struct registry_words {
    std::string code;    ///< "NAME_UNKNOWN", … or empty
    std::string message; ///< the registry's own words, cut and cleaned; may be empty
};

/// Understands the distribution spec's error list, a single error object, other JSON, HTML and
/// plain text.
registry_words read_error_body(std::string_view content_type, std::string_view body);

/// What was asked, so that an error can say it.
struct asked {
    std::string what;       ///< "to open an upload", completes "HOST refused …"
    std::string host;       ///< as the user wrote it
    std::string repository; ///< empty when it is about the host as a whole
};

/// The error for a response that is not what was hoped for: code by status and registry code,
/// message "HOST refused WHAT in REPOSITORY", cause "STATUS CODE words", a hint for known causes.
error refusal(const transport::http_response& response, const asked& request);

} // namespace tarpon::registry
