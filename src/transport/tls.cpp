// See tls.hpp.
#include "transport/tls.hpp"

#include "model/text.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace tarpon::transport {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

namespace {

/// The system's authorities, when the first certificate is there to be checked: reading them takes
/// 60 ms of CPU, longer than a push that finds everything in place (docs/performance.md).
int verify_with_system_authorities(X509_STORE_CTX* verification, void*) {
    static const int loaded = X509_STORE_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    X509_STORE* const store = X509_STORE_CTX_get0_store(verification);
    if (X509_STORE_get_ex_data(store, loaded) == nullptr) {
        // An empty system store only means that nothing is trusted.
        (void)X509_STORE_set_default_paths(store);
        (void)X509_STORE_set_ex_data(store, loaded, store);
    }
    return X509_verify_cert(verification);
}

} // namespace

std::shared_ptr<ssl::context> make_client_context(const connection_options& options) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    boost::system::error_code ec;
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_cert_verify_callback(
        context->native_handle(), verify_with_system_authorities, nullptr);
    if (!options.ca_file.empty()) {
        context->load_verify_file(options.ca_file, ec);
        if (ec)
            throw error(
                errc::transport_tls, concat("cannot read the CA file ", options.ca_file),
                foreign_text(ec.message()));
    }
    context->set_verify_mode(options.insecure ? ssl::verify_none : ssl::verify_peer);
    // Resumed or not, large writes must not fail because a buffer moved between retries.
    SSL_CTX_set_mode(context->native_handle(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

void prepare_handshake(tls_stream& stream, const origin& peer, bool verify) {
    SSL* handle = stream.native_handle();
    if (!peer.is_ip_literal())
        SSL_set_tlsext_host_name(handle, peer.host.c_str());
    static constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(handle, protocols, sizeof protocols);
    if (verify)
        stream.set_verify_callback(ssl::host_name_verification(peer.host));
}

bool peer_spoke_plain(const boost::system::error_code& ec) {
    if (ec.category() != asio::error::get_ssl_category())
        return false;
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST
           || reason == SSL_R_UNEXPECTED_MESSAGE || reason == SSL_R_PACKET_LENGTH_TOO_LONG;
}

error handshake_error(const boost::system::error_code& ec, tls_stream& stream, const origin& peer) {
    const std::string what = concat("no TLS connection to ", peer.host_header());
    if (peer_spoke_plain(ec))
        return error(
            errc::transport_tls, what, "the server does not speak TLS on this port",
            concat("if it is meant to be plain HTTP: --plain-http"));
    const long verdict = SSL_get_verify_result(stream.native_handle());
    // A bad signature leaves an older error of OpenSSL in front of "certificate verify failed".
    const bool refused =
        SSL_get_verify_mode(stream.native_handle()) != SSL_VERIFY_NONE && verdict != X509_V_OK;
    const bool certificate = ec.category() == asio::error::get_ssl_category()
                             && (refused
                                 || ERR_GET_REASON(static_cast<unsigned long>(ec.value()))
                                        == SSL_R_CERTIFICATE_VERIFY_FAILED);
    if (!certificate)
        return error(errc::transport_tls, what, foreign_text(ec.message()));
    // OpenSSL 3 says "unspecified" when only the check of the name refused.
    if (verdict == X509_V_OK || verdict == X509_V_ERR_UNSPECIFIED)
        return error(
            errc::transport_tls, what,
            concat("the server's certificate is not for the name ", peer.host));
    const std::string reason = X509_verify_cert_error_string(verdict);
    const bool unknown_authority = verdict == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
                                   || verdict == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
                                   || verdict == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                                   // an authority made anew under its old name
                                   || verdict == X509_V_ERR_CERT_SIGNATURE_FAILURE
                                   || verdict == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
    return error(
        errc::transport_tls, what, concat("the server's certificate is not trusted: ", reason),
        unknown_authority
            ? "name the authority that signed it: --ca-file FILE (last resort: --insecure)"
            : "");
}

} // namespace tarpon::transport
