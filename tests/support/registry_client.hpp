// A session with a registry of the test's own, made as the engine makes one. The only place in
// tests that knows what a session needs.
#pragma once

#include "async/run_on.hpp"
#include "registry/registry_session.hpp"
#include "transport/http_client.hpp"

#include <tarpon/options.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <string>

namespace tarpon::test {

class registry_client {
public:
    /// `host` as in references. Nothing is sent before the test awaits something.
    registry_client(
        boost::asio::io_context& io,
        const std::string& host,
        connection_options options = {},
        registry::scheme_choice scheme = registry::scheme_choice::http,
        registry::session_settings with = {});

    registry::registry_session& session() noexcept { return session_; }
    const transport::http_client& http() const noexcept { return http_; }

private:
    connection_options options_;
    async::cpu_pool workers_{1};
    transport::http_client http_;
    registry::registry_session session_;
};

} // namespace tarpon::test
