// Certificates of single hosts, in the folders where docker and podman keep them (certs.d).
//
// <folder>/<host[:port]>/: *.crt are authorities to trust besides the system's; *.cert with the
// *.key of the same stem are our certificate. Blocking, called once a host.
#pragma once

#include "transport/url.hpp"

#include <tarpon/error.hpp>

#include <string>
#include <vector>

namespace tarpon::transport {

struct client_certificate {
    std::string cert_file; ///< PEM
    std::string key_file;  ///< PEM
};

struct host_certificates {
    std::vector<std::string> authorities; ///< PEM files
    std::vector<client_certificate> ours;

    bool empty() const noexcept { return authorities.empty() && ours.empty(); }
};

/// `folder` as given by the user alone, or docker's and podman's when it is empty. The first that
/// has a folder for the host counts. Errors: errc::usage (a certificate without its key).
result<host_certificates> find_host_certificates(const std::string& folder, const origin& host);

} // namespace tarpon::transport
