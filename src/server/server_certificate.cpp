// See server_certificate.hpp.
#include "server/server_certificate.hpp"

#include "model/text.hpp"
#include "server/reloaded.hpp"

#include <tarpon/limits.hpp>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

namespace tarpon::server {

namespace ssl = boost::asio::ssl;

namespace {

int reason_of(const boost::system::error_code& ec) {
    return ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
}

error unusable(const char* what, const std::string& file, const std::string& why) {
    return error(errc::usage, concat("cannot use the ", what, " ", foreign_text(file)), why);
}

/// The only protocol spoken here, for clients that ask; h2 alone gets no answer to its question.
int choose_http(
    SSL*,
    const unsigned char** chosen,
    unsigned char* chosen_size,
    const unsigned char* offered,
    unsigned offered_size,
    void*) {
    static constexpr unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* found = nullptr;
    const int match =
        SSL_select_next_proto(&found, chosen_size, ours, sizeof ours, offered, offered_size);
    if (match != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

void use_chain(ssl::context& context, const std::string& file) {
    const std::string text =
        read_settings_file("the certificate", file, limits::certificate_file_bytes_max);
    boost::system::error_code ec;
    context.use_certificate_chain(boost::asio::buffer(text), ec);
    if (!ec)
        return;
    if (ec.value() == ERR_R_PEM_LIB || reason_of(ec) == PEM_R_NO_START_LINE || text.empty())
        throw unusable("certificate", file, "it holds no PEM certificate");
    throw unusable("certificate", file, foreign_text(ec.message()));
}

void use_key(ssl::context& context, const std::string& file, const std::string& cert_file) {
    std::string text = read_settings_file("the key", file, limits::certificate_file_bytes_max);
    bool encrypted = false;
    context.set_password_callback([&encrypted](std::size_t, ssl::context::password_purpose) {
        encrypted = true;
        return std::string();
    });
    boost::system::error_code ec;
    context.use_private_key(boost::asio::buffer(text), ssl::context::pem, ec);
    OPENSSL_cleanse(text.data(), text.size());
    context.set_password_callback(
        [](std::size_t, ssl::context::password_purpose) { return std::string(); });
    if (!ec)
        return;
    if (encrypted)
        throw error(
            errc::usage, concat("cannot use the key ", foreign_text(file)),
            "it is encrypted, and a server has nobody to ask for its passphrase",
            concat("openssl pkey -in ", foreign_text(file), " -out KEY, readable by tarpon only"));
    const int reason = reason_of(ec);
    if (reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH)
        throw unusable(
            "key", file, concat("it does not belong to the certificate ", foreign_text(cert_file)));
    const int library = ERR_GET_LIB(static_cast<unsigned long>(ec.value()));
    if (reason == PEM_R_NO_START_LINE || library == ERR_LIB_OSSL_DECODER || text.empty())
        throw unusable("key", file, "it holds no PEM key");
    throw unusable("key", file, foreign_text(ec.message()));
}

void look_closer(
    server_certificate& made, const std::string& cert_file, const std::string& key_file) {
    const X509* const ours = SSL_CTX_get0_certificate(made.context.native_handle());
    if (ours && X509_cmp_current_time(X509_get0_notAfter(ours)) < 0)
        made.warnings.push_back(concat("the certificate ", cert_file, " has expired"));
    if (ours && X509_cmp_current_time(X509_get0_notBefore(ours)) > 0)
        made.warnings.push_back(concat("the certificate ", cert_file, " is not valid yet"));
    struct stat seen {};
    if (::stat(key_file.c_str(), &seen) == 0 && (seen.st_mode & S_IROTH) != 0)
        made.warnings.push_back(concat("everybody on this machine may read the key ", key_file));
}

} // namespace

server_certificate::server_certificate()
    : context(ssl::context::tls_server) {
    SSL_CTX* const handle = context.native_handle();
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(handle, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Large writes must not fail because a buffer moved between retries; idle connections are many.
    SSL_CTX_set_mode(handle, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF); // tickets need none
    SSL_CTX_set_alpn_select_cb(handle, choose_http, nullptr);
}

std::shared_ptr<server_certificate>
load_certificate(const std::string& cert_file, const std::string& key_file) {
    auto made = std::make_shared<server_certificate>();
    use_chain(made->context, cert_file);
    use_key(made->context, key_file, cert_file);
    look_closer(*made, cert_file, key_file);
    return made;
}

} // namespace tarpon::server
