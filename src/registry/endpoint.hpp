// From the host part of a reference to the place where requests go. Pure.
#pragma once

#include "transport/url.hpp"

#include <tarpon/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::registry {

enum class scheme_choice {
    by_host, ///< https; loopback hosts that do not speak TLS fall back to http
    https,
    http,
};

struct endpoint {
    std::string host; ///< as in references, "docker.io"
    transport::origin at;
    bool may_fall_back_to_http = false;
};

/// docker.io becomes registry-1.docker.io. Errors: errc::usage.
result<endpoint> find_endpoint(std::string_view host, scheme_choice scheme, bool plain_http);

/// Takes "http://", "https://" or "docker://" off the front of what a user typed.
scheme_choice take_scheme(std::string_view& text);

} // namespace tarpon::registry
