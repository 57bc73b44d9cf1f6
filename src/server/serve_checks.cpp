// See serve_checks.hpp.
#include "server/serve_checks.hpp"

#include "engine/push_source.hpp"
#include "model/text.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/ip/address.hpp>

namespace tarpon::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

void check_exposure(const serve_options& options, const tcp::endpoint& at) {
    if (!options.htpasswd.empty() && options.allow_anonymous)
        throw error(errc::usage, "--htpasswd and --allow-anonymous contradict each other");
    if (at.address().is_loopback() || options.allow_anonymous || !options.htpasswd.empty())
        return;
    throw error(
        errc::usage,
        concat("--listen ", shown(at), " is open to other machines, and nobody has to log in"), {},
        "--htpasswd FILE, best with --tls-cert FILE --tls-key FILE; or --allow-anonymous, where "
        "everybody who reaches it may push, pull and delete");
}

} // namespace

tcp::endpoint parse_listen(const std::string& address) {
    const auto at = transport::parse_host_port(address, false);
    const std::size_t colon = address.rfind(':');
    const auto port = colon == address.npos
                          ? std::nullopt
                          : parse_decimal(std::string_view(address).substr(colon + 1));
    boost::system::error_code ec;
    std::string host = !at && port ? address.substr(0, colon) : at ? at->host : address;
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    const auto ip = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
    if (ec || !port || *port > 65535)
        throw error(errc::usage, concat("\"", foreign_text(address), "\" is not ADDRESS:PORT"));
    return {ip, static_cast<std::uint16_t>(*port)};
}

std::string shown(const tcp::endpoint& at) {
    const std::string address = at.address().to_string();
    return at.address().is_v6() ? concat("[", address, "]:", at.port())
                                : concat(address, ":", at.port());
}

transport::address_block parse_push_network(const std::string& text) {
    const auto network = transport::address_block::parse(text);
    if (!network)
        throw error(
            errc::usage, concat("\"", foreign_text(text), "\" is no network"), {},
            "--allow-push 192.168.0.0/16, 2001:db8::/32, or one address");
    return *network;
}

std::vector<std::string> check(const serve_options& options, const tcp::endpoint& at) {
    if (options.tls_cert.empty() != options.tls_key.empty())
        throw error(errc::usage, "--tls-cert and --tls-key go together");
    check_exposure(options, at);
    if (options.allow_push.size() > limits::push_networks_max)
        throw error(
            errc::usage, concat("more than ", limits::push_networks_max, " times --allow-push"));
    for (const std::string& network : options.allow_push)
        (void)parse_push_network(network);
    if (!options.registry.empty()) {
        push_options pushes;
        pushes.where.registry = options.registry;
        pushes.connection = options.connection;
        engine::check_options(pushes); // now, not when somebody pushes
    }
    std::vector<std::string> warnings;
    if (!at.address().is_loopback() && !options.htpasswd.empty() && options.tls_cert.empty())
        warnings.push_back(
            "passwords cross the network in clear: give --tls-cert and --tls-key, or let a proxy "
            "with TLS reach this server on loopback");
    return warnings;
}

} // namespace tarpon::server
