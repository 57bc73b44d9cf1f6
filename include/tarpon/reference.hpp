// Image references: HOST/PATH:TAG@DIGEST, with the rules of docker for what may be left out.
//
// Pure and total: hand-written scanners (std::regex recurses per character), linear time.
#pragma once

#include <tarpon/digest.hpp>
#include <tarpon/error.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tarpon {

/// A parsed reference. `host` is empty when the text named none (docker would say docker.io).
/// `path` is exactly what the text said: "library/" is not added here (see `with_library`).
struct reference {
    std::string host; ///< "docker.io", "registry.example.com:8443", "[::1]:5000" or ""
    std::string path; ///< "team/app"
    std::string tag;  ///< "" if none was given
    tarpon::digest digest;

    /// Errors: errc::usage, with the offending part and its column in the message.
    /// Source: distribution/reference regexp.go and normalize.go.
    static result<reference> parse(std::string_view text);

    /// HOST/PATH, without tag or digest.
    std::string repository() const;
    /// As it was given: HOST/PATH[:TAG][@DIGEST].
    std::string str() const;

    friend bool operator==(const reference&, const reference&) = default;
};

/// Is this a legal repository path ("team/app"), tag, or host[:port]?
bool is_repository_path(std::string_view text) noexcept;
bool is_tag(std::string_view text) noexcept;
bool is_host_port(std::string_view text) noexcept;

/// docker.io's one-word repositories live under "library/"; every other host takes paths as is.
std::string with_library(std::string_view host, std::string_view path);

/// Why `path` is no legal repository path, for an error message; empty if it is one.
std::string explain_repository_path(std::string_view path);

} // namespace tarpon
