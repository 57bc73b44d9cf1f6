// Cookies of one registry, in memory: load balancers use them to bring the requests of an upload
// to the same server. Pure.
//
// Source: RFC 6265, of which a client of one origin needs little: Domain and Expires are ignored,
// a cookie lives as long as the run, and never goes to another scheme, host or port.
#pragma once

#include "transport/http_message.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tarpon::registry {

class cookie_jar {
public:
    /// Whose cookies these are. Those of another origin are forgotten.
    void set_origin(transport::origin at);
    /// Keeps what the answer to `asked` sets. What is malformed, over limits::cookie_bytes_max, or
    /// comes from another origin is ignored; the oldest give way when there are too many.
    void take(const transport::http_response& response, const transport::url& asked);
    /// Adds the Cookie header, if there is one for this request.
    void add_to(transport::http_request& request) const;

    std::size_t size() const noexcept { return cookies_.size(); }

private:
    struct cookie {
        std::string name;
        std::string value;
        std::string path;
    };

    void keep(std::string_view set_cookie, std::string_view default_path);
    void shrink();

    transport::origin origin_;
    std::vector<cookie> cookies_; ///< oldest first
};

} // namespace tarpon::registry
