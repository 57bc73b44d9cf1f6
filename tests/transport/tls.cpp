#include "transport/tls.hpp"

#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "support/printing.hpp"
#include "support/run_coroutine.hpp"
#include "support/temp_dir.hpp"
#include "support/test_certificates.hpp"

#include <boost/asio/connect.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_tls)

using namespace tarpon;
using namespace tarpon::test;
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace bdata = boost::unit_test::data;
using asio::ip::tcp;
using transport::tls_stream;

/// What the server saw of one handshake.
struct server_side {
    std::string name_asked; ///< SNI
    std::string protocol;   ///< ALPN offer, as sent
    int version = 0;
};

int on_protocols(
    SSL*,
    const unsigned char** out,
    unsigned char* size,
    const unsigned char* offered,
    unsigned offered_size,
    void* seen) {
    static_cast<server_side*>(seen)->protocol.assign(
        reinterpret_cast<const char*>(offered), offered_size);
    *out = offered + 1;
    *size = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

asio::awaitable<void> serve_one(tcp::acceptor& at, ssl::context& context, server_side& seen) {
    tcp::socket socket(at.get_executor());
    co_await at.async_accept(socket, asio::use_awaitable);
    tls_stream secured(std::move(socket), context);
    SSL_CTX_set_alpn_select_cb(context.native_handle(), on_protocols, &seen);
    (void)co_await secured.async_handshake(ssl::stream_base::server, async::nothrow);
    const char* name = SSL_get_servername(secured.native_handle(), TLSEXT_NAMETYPE_host_name);
    seen.name_asked = name ? name : "";
    seen.version = SSL_version(secured.native_handle());
    char byte;
    (void)co_await secured.async_read_some(asio::buffer(&byte, 1), async::nothrow);
}

struct handshake {
    std::string host;      ///< who the client thinks it talks to
    tls_identity identity; ///< who answers
    std::string authority; ///< PEM the client trusts; empty: only the system's
    bool insecure = false;
    int server_version_max = TLS1_3_VERSION;
    std::optional<error> failed = {}; ///< outcome
    server_side seen = {};
};

asio::awaitable<void> shake(asio::io_context& io, handshake& one, const std::string& ca_file) {
    ssl::context context(ssl::context::tls_server);
    SSL_CTX_set_security_level(context.native_handle(), 0);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.native_handle(), one.server_version_max);
    context.use_certificate_chain(asio::buffer(one.identity.certificate));
    context.use_private_key(asio::buffer(one.identity.key), ssl::context::pem);
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    async::task_group server(io.get_executor());
    server.spawn(serve_one(acceptor, context, one.seen));

    connection_options options;
    options.ca_file = ca_file;
    options.insecure = one.insecure;
    options.certs_dir = "/nonexistent";
    transport::tls_client client(options);
    {
        tcp::socket socket(io);
        co_await socket.async_connect(acceptor.local_endpoint(), asio::use_awaitable);
        const transport::origin peer{true, one.host, 443};
        tls_stream stream(std::move(socket), client.context_for(peer));
        client.prepare(stream.native_handle(), peer);
        const auto got = co_await stream.async_handshake(ssl::stream_base::client, async::nothrow);
        if (std::get<0>(got))
            one.failed = transport::handshake_error(std::get<0>(got), stream.native_handle(), peer);
    }
    co_await server.join();
}

void run(handshake& one) {
    const temp_dir dir;
    const std::string ca_file = one.authority.empty() ? "" : dir.write("ca.pem", one.authority);
    run_coroutine([&](asio::io_context& io) { return shake(io, one, ca_file); });
}

struct matrix_row {
    const char* what;
    const char* host;
    certificate_wish wish;
    const char* cause; ///< a part of it; "" when the handshake succeeds
};

const std::vector<matrix_row> matrix{
    {"exact name", "reg.test", {.dns_names = {"reg.test"}}, ""},
    {"one of several names", "reg.test", {.dns_names = {"x.test", "reg.test"}}, ""},
    {"name in another case", "reg.test", {.dns_names = {"REG.test"}}, ""},
    {"another name", "reg.test", {.dns_names = {"other.test"}}, "not for the name reg.test"},
    {"wildcard", "reg.example.test", {.dns_names = {"*.example.test"}}, ""},
    {"wildcard is one label deep",
     "a.b.example.test",
     {.dns_names = {"*.example.test"}},
     "not for the name"},
    {"wildcard is not the name itself",
     "example.test",
     {.dns_names = {"*.example.test"}},
     "not for the name"},
    {"common name beside alternative names",
     "reg.test",
     {.dns_names = {"other.test"}, .common_name = "reg.test"},
     "not for the name"},
    {"address", "192.0.2.7", {.ip_addresses = {"192.0.2.7"}}, ""},
    {"IPv6 address", "2001:db8::7", {.ip_addresses = {"2001:db8::7"}}, ""},
    {"another address", "192.0.2.7", {.ip_addresses = {"192.0.2.8"}}, "not for the name"},
    {"address as a name", "192.0.2.7", {.dns_names = {"192.0.2.7"}}, "not for the name"},
    {"name where an address is", "reg.test", {.ip_addresses = {"192.0.2.7"}}, "not for the name"},
    {"expired", "reg.test", {.dns_names = {"reg.test"}, .valid_to_days = -1}, "has expired"},
    {"not valid yet",
     "reg.test",
     {.dns_names = {"reg.test"}, .valid_from_days = 1},
     "not yet valid"},
};

std::ostream& boost_test_print_type(std::ostream& out, const matrix_row& row) {
    return out << row.what;
}

// boost::asio checks the chain, and the name only if it is told to (reliability-anchors B12).
BOOST_DATA_TEST_CASE(certificate_matrix, bdata::make(matrix), row) {
    const test_authority authority;
    handshake one{row.host, authority.issue(row.wish), authority.pem()};
    run(one);
    BOOST_REQUIRE(one.failed.has_value() == (*row.cause != '\0'));
    if (one.failed) {
        BOOST_TEST(one.failed->code() == errc::transport_tls);
        BOOST_TEST(one.failed->cause().find(row.cause) != std::string::npos, one.failed->cause());
    }
    // --insecure takes them all
    handshake insecure{row.host, one.identity, {}, true};
    run(insecure);
    BOOST_TEST(!insecure.failed.has_value());
}

// `renewed` is an authority that was made anew under its old name: another key.
BOOST_AUTO_TEST_CASE(unknown_authority_gets_a_hint) {
    const test_authority authority, renewed, other("another authority");
    const certificate_wish wish{.dns_names = {"reg.test"}};
    for (handshake one :
         {handshake{"reg.test", authority.issue(wish), {}},
          handshake{"reg.test", authority.issue(wish), other.pem()},
          handshake{"reg.test", authority.issue(wish), renewed.pem()},
          handshake{"reg.test", self_signed(wish), authority.pem()}}) {
        run(one);
        BOOST_REQUIRE(one.failed.has_value());
        BOOST_TEST(one.failed->hint().find("--ca-file") != std::string::npos, one.failed->cause());
        BOOST_TEST(one.failed->message() == "no TLS connection to reg.test");
    }
}

// A self-signed certificate that is named as an authority is one.
BOOST_AUTO_TEST_CASE(self_signed_is_trusted_when_named) {
    const tls_identity identity = self_signed({.dns_names = {"reg.test"}});
    handshake one{"reg.test", identity, identity.certificate};
    run(one);
    BOOST_TEST(!one.failed.has_value());
}

/// An environment variable for as long as this lives.
class environment_variable {
public:
    environment_variable(const char* name, const std::string& value)
        : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    ~environment_variable() { ::unsetenv(name_); }

private:
    const char* name_;
};

// The system's authorities are only read when a certificate is there to be checked, and then count
// beside those of the CA file.
BOOST_AUTO_TEST_CASE(system_authorities_are_trusted) {
    const test_authority of_system("the system's"), of_file("the file's"), unknown("nobody's");
    const temp_dir dir;
    const environment_variable file("SSL_CERT_FILE", dir.write("system.pem", of_system.pem()));
    const certificate_wish wish{.dns_names = {"reg.test"}};
    for (const std::string& named : {std::string(), of_file.pem()}) {
        handshake one{"reg.test", of_system.issue(wish), named};
        run(one);
        BOOST_TEST(!one.failed.has_value());
        handshake other{"reg.test", unknown.issue(wish), named};
        run(other);
        BOOST_TEST(other.failed.has_value());
    }
    handshake named{"reg.test", of_file.issue(wish), of_file.pem()};
    run(named);
    BOOST_TEST(!named.failed.has_value());
}

BOOST_AUTO_TEST_CASE(name_is_sent_and_address_is_not) {
    const test_authority authority;
    handshake name{"reg.test", authority.issue({.dns_names = {"reg.test"}}), authority.pem()};
    run(name);
    BOOST_TEST(name.seen.name_asked == "reg.test");
    BOOST_TEST(name.seen.protocol == "\x08http/1.1");
    handshake address{
        "192.0.2.7", authority.issue({.ip_addresses = {"192.0.2.7"}}), authority.pem()};
    run(address);
    BOOST_TEST(!address.failed.has_value());
    BOOST_TEST(address.seen.name_asked.empty());
}

BOOST_AUTO_TEST_CASE(versions_before_1_2_refused) {
    const test_authority authority;
    const tls_identity identity = authority.issue({.dns_names = {"reg.test"}});
    handshake old{"reg.test", identity, authority.pem(), false, TLS1_1_VERSION};
    run(old);
    BOOST_REQUIRE(old.failed.has_value());
    BOOST_TEST(old.failed->code() == errc::transport_tls);
    handshake enough{"reg.test", identity, authority.pem(), false, TLS1_2_VERSION};
    run(enough);
    BOOST_TEST(!enough.failed.has_value());
    BOOST_TEST(enough.seen.version == TLS1_2_VERSION);
}

BOOST_AUTO_TEST_CASE(unusable_ca_file_is_an_error) {
    const temp_dir dir;
    for (const std::string& file :
         {(dir.path() / "absent.pem").string(), dir.write("text.pem", "not PEM")}) {
        connection_options options;
        options.ca_file = file;
        BOOST_CHECK_EXCEPTION(transport::tls_client{options}, error, [&](const error& e) {
            return e.code() == errc::usage && e.message() == "cannot read the CA file " + file;
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()
