// Certificates for TLS tests, made when the test runs: an authority of its own, and what it signs.
#pragma once

#include <string>
#include <vector>

namespace tarpon::test {

/// A certificate and its key, both PEM.
struct tls_identity {
    std::string certificate;
    std::string key;
};

/// What stands in a certificate. Days count from now; a negative end is an expired certificate.
struct certificate_wish {
    std::vector<std::string> dns_names = {};
    std::vector<std::string> ip_addresses = {};
    std::string common_name = "tarpon test";
    int valid_from_days = -2;
    int valid_to_days = 30;
};

class test_authority {
public:
    explicit test_authority(const std::string& name = "tarpon test authority");

    tls_identity issue(const certificate_wish& wish) const;
    /// The authority's own certificate, for a CA file.
    const std::string& pem() const noexcept { return self_.certificate; }

private:
    tls_identity self_;
};

/// Signed by its own key: nobody vouches for it.
tls_identity self_signed(const certificate_wish& wish);

} // namespace tarpon::test
