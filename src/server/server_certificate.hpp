// What the server shows in a TLS handshake: a certificate chain and its key, with the settings
// around them.
#pragma once

#include <tarpon/error.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tarpon::server {

struct server_certificate {
    server_certificate();

    /// TLS 1.2 and newer; in 1.2 only suites with forward secrecy and AEAD.
    boost::asio::ssl::context context;
    /// What its keeper should know: expired, not yet valid, a key that others may read.
    std::vector<std::string> warnings = {};
};

/// Reads PEM files: the server's certificate with what it takes to reach its authority, and the
/// key. Blocking. Throws errc::usage, which names the file and the reason: absent, unreadable, no
/// PEM, encrypted, not the certificate's key.
std::shared_ptr<server_certificate>
load_certificate(const std::string& cert_file, const std::string& key_file);

} // namespace tarpon::server
