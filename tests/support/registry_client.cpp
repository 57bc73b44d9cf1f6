// See registry_client.hpp.
#include "support/registry_client.hpp"

namespace tarpon::test {

namespace {
constexpr std::size_t connections_max = 4;
}

registry_client::registry_client(
    boost::asio::io_context& io,
    const std::string& host,
    connection_options options,
    registry::scheme_choice scheme,
    registry::session_settings with)
    : options_(std::move(options))
    , http_(io.get_executor(), options_, connections_max)
    , session_(
          http_,
          registry::find_endpoint(host, scheme, options_.plain_http).value(),
          options_,
          workers_,
          std::move(with)) {}

} // namespace tarpon::test
