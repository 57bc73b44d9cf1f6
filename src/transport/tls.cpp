// See tls.hpp.
#include "transport/tls.hpp"

#include "model/text.hpp"
#include "transport/certs_dir.hpp"

#include <boost/asio/ssl/error.hpp>

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

/// Nothing has been sent yet: what has to change is an option, or a file in certs.d.
error unusable(
    std::string_view what, const std::string& file, const boost::system::error_code& ec) {
    return error(
        errc::usage, concat("cannot read the ", what, " ", file), foreign_text(ec.message()));
}

void trust(ssl::context& context, const std::string& file) {
    boost::system::error_code ec;
    context.load_verify_file(file, ec);
    if (ec)
        throw unusable("CA file", file, ec);
}

void present(ssl::context& context, const client_certificate& ours) {
    boost::system::error_code ec;
    context.use_certificate_chain_file(ours.cert_file, ec);
    if (ec)
        throw unusable("certificate", ours.cert_file, ec);
    context.use_private_key_file(ours.key_file, ssl::context::pem, ec);
    if (ec)
        throw unusable("key", ours.key_file, ec);
}

/// Where the slot of a connection hangs on its SSL object.
int slot_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

} // namespace

struct tls_client::session_slot {
    std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> last{nullptr, &SSL_SESSION_free};
};

int tls_client::keep_session(SSL* handle, SSL_SESSION* session) {
    auto* slot = static_cast<session_slot*>(SSL_get_ex_data(handle, slot_index()));
    if (!slot)
        return 0;
    slot->last.reset(session);
    return 1; // the reference is ours
}

tls_client::tls_client(const connection_options& options)
    : options_(options)
    , usual_(make_context()) {}

tls_client::~tls_client() = default;

std::shared_ptr<ssl::context> tls_client::make_context() const {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* const handle = context->native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_cert_verify_callback(handle, verify_with_system_authorities, nullptr);
    if (!options_.ca_file.empty())
        trust(*context, options_.ca_file);
    if (options_.cert_file.empty() != options_.key_file.empty())
        throw error(errc::usage, "--cert-file and --key-file go together");
    if (!options_.cert_file.empty())
        present(*context, {options_.cert_file, options_.key_file});
    context->set_verify_mode(options_.insecure ? ssl::verify_none : ssl::verify_peer);
    // Large writes must not fail because a buffer moved between retries.
    SSL_CTX_set_mode(handle, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(
        handle, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(handle, &tls_client::keep_session);
    return context;
}

ssl::context& tls_client::context_for(const origin& peer) {
    if (const auto known = of_host_.find(peer); known != of_host_.end())
        return *known->second;
    const host_certificates found = find_host_certificates(options_.certs_dir, peer).value();
    std::shared_ptr<ssl::context> context = usual_;
    if (!found.empty()) {
        context = make_context();
        for (const std::string& file : found.authorities)
            trust(*context, file);
        if (options_.cert_file.empty() && !found.ours.empty())
            present(*context, found.ours.front());
    }
    return *of_host_.emplace(peer, std::move(context)).first->second;
}

void tls_client::prepare(SSL* handle, const origin& peer) {
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(handle);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (peer.is_ip_literal()) {
        X509_VERIFY_PARAM_set1_ip_asc(wanted, peer.host.c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(wanted, peer.host.c_str(), peer.host.size());
        SSL_set_tlsext_host_name(handle, peer.host.c_str());
    }
    static constexpr unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_set_alpn_protos(handle, protocols, sizeof protocols);
    auto& slot = sessions_[peer];
    if (!slot)
        slot = std::make_unique<session_slot>();
    SSL_set_ex_data(handle, slot_index(), slot.get());
    if (slot->last)
        SSL_set_session(handle, slot->last.get());
}

std::optional<error> certificate_demand(const boost::system::error_code& ec, const origin& peer) {
    if (ec.category() != asio::error::get_ssl_category())
        return std::nullopt;
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    if (reason != SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED
        && reason != SSL_R_SSLV3_ALERT_BAD_CERTIFICATE && reason != SSL_R_TLSV1_ALERT_UNKNOWN_CA)
        return std::nullopt;
    return error(
        errc::transport_tls, concat("no TLS connection to ", peer.host_header()),
        concat("the server does not accept our certificate: ", foreign_text(ec.message())),
        "give one that it trusts: --cert-file FILE --key-file FILE");
}

bool peer_spoke_plain(const boost::system::error_code& ec) {
    if (ec.category() != asio::error::get_ssl_category())
        return false;
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
    return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST
           || reason == SSL_R_UNEXPECTED_MESSAGE || reason == SSL_R_PACKET_LENGTH_TOO_LONG;
}

error handshake_error(const boost::system::error_code& ec, SSL* handle, const origin& peer) {
    const std::string what = concat("no TLS connection to ", peer.host_header());
    if (peer_spoke_plain(ec))
        return error(
            errc::transport_not_tls, what, "the server does not speak TLS on this port",
            "if it is meant to be plain HTTP: --plain-http");
    if (ec == asio::error::eof || ec == asio::error::connection_reset
        || ec == ssl::error::stream_truncated)
        return error(
            errc::transport_not_tls, what, "the server closed the connection at the first bytes");
    const long verdict = SSL_get_verify_result(handle);
    // A bad signature leaves an older error of OpenSSL in front of "certificate verify failed".
    const bool refused = SSL_get_verify_mode(handle) != SSL_VERIFY_NONE && verdict != X509_V_OK;
    if (auto demand = certificate_demand(ec, peer))
        return *demand;
    const bool certificate = ec.category() == asio::error::get_ssl_category()
                             && (refused
                                 || ERR_GET_REASON(static_cast<unsigned long>(ec.value()))
                                        == SSL_R_CERTIFICATE_VERIFY_FAILED);
    if (!certificate)
        return error(errc::transport_tls, what, foreign_text(ec.message()));
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
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
