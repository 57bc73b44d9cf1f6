// See far_end.hpp. The sink's HTTP, without the registry.
#include "micro/far_end.hpp"

#include "sink/http.hpp"

#include <boost/asio/io_context.hpp>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>
#include <thread>

namespace tarpon::bench {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

const sink::sink_options unshaped;

template <auto Free>
struct free_with {
    template <class T>
    void operator()(T* held) const {
        Free(held);
    }
};

void require(bool done) {
    if (!done)
        throw std::runtime_error("OpenSSL could not make a certificate");
}

/// A context with a key and a self-signed certificate that exist in memory only.
std::unique_ptr<ssl::context> make_server_context() {
    const std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, free_with<X509_free>> certificate(X509_new());
    require(key && certificate);
    X509* const x = certificate.get();
    require(ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1);
    require(X509_gmtime_adj(X509_getm_notBefore(x), 0) != nullptr);
    require(X509_gmtime_adj(X509_getm_notAfter(x), 24 * 60 * 60) != nullptr);
    require(X509_set_pubkey(x, key.get()) == 1);
    require(X509_sign(x, key.get(), EVP_sha256()) > 0);
    auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
    require(SSL_CTX_use_certificate(context->native_handle(), x) == 1);
    require(SSL_CTX_use_PrivateKey(context->native_handle(), key.get()) == 1);
    return context;
}

void serve(sink::shaped_link::socket_type socket, ssl::context* tls) {
    try {
        sink::shaped_link over(std::move(socket), tls, unshaped, 0);
        sink::http_stream stream(over);
        while (true) {
            const sink::request head = stream.read_head();
            stream.read_body(head, {});
            stream.write(head, {});
        }
    } catch (const sink::link_closed&) {
        // how every connection ends
    }
}

struct listener {
    explicit listener(bool tls)
        : context(tls ? make_server_context() : nullptr) {
        std::thread([this] {
            while (true)
                std::thread(serve, acceptor.accept(), context.get()).detach();
        }).detach();
    }

    asio::io_context io;
    asio::ip::tcp::acceptor acceptor{
        io, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::unique_ptr<ssl::context> context;
};

} // namespace

std::uint16_t far_end_port(bool tls) {
    // Never destroyed: its threads do not end before the program does.
    static listener* const plain = new listener(false);
    static listener* const secure = new listener(true);
    return (tls ? secure : plain)->acceptor.local_endpoint().port();
}

} // namespace tarpon::bench
