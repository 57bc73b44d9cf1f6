// What can go wrong, as values: one enum of codes in groups, and one exception that carries a code
// together with the words a person needs (what failed, the other side's words, what to try).
//
// Code without I/O returns `result<T>` and never prints. Coroutines throw `error`. The program is
// the only place that prints and turns a class into an exit code.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <exception>
#include <string>
#include <string_view>

namespace tarpon {

/// Codes in groups; the group decides class and exit code (see `class_of`).
enum class errc {
    // The caller asked for something that makes no sense.
    usage = 1,
    // The archive.
    archive_unreadable = 100, ///< the file cannot be opened or read
    archive_empty,            ///< no bytes at all
    archive_not_tar,          ///< some other kind of file
    archive_truncated,        ///< the input ended inside an entry or before the metadata
    archive_damaged,          ///< a header, checksum or compressed stream is wrong
    archive_not_image,        ///< a tar, but without manifest.json or index.json
    archive_metadata,         ///< manifest.json, index.json, a config or manifest is not valid
    archive_blob_missing,     ///< metadata names an entry that is not there
    archive_unnamed,          ///< an image has no name and the user gave none
    archive_platform_missing, ///< an index names platforms that are nowhere to be found
    archive_unsupported,      ///< a feature tarpon does not handle (sparse layer, Docker 1.9 …)
    archive_limit,            ///< a bound of limits.hpp was hit; the message names it
    digest_mismatch,          ///< bytes do not have the digest or size the archive states
    archive_changed,          ///< the file changed while it was read
    // The registry.
    registry_unauthorized = 200, ///< 401: credentials missing or refused
    registry_denied,             ///< 403: no right to do this
    registry_not_found = 300,    ///< 404, NAME_UNKNOWN: no such repository or no registry at all
    registry_manifest_rejected,  ///< the registry refuses the manifest or its media type
    registry_too_large,          ///< 413: a limit of the registry or of a proxy before it
    registry_refused,            ///< any other 4xx
    registry_failed,             ///< 5xx
    registry_protocol,           ///< an answer that breaks the distribution protocol
    // The way there.
    transport_resolve = 400, ///< the host name has no address
    transport_connect,       ///< refused, unreachable
    transport_tls,           ///< handshake or certificate
    transport_not_tls,       ///< the server does not speak TLS on this port
    transport_closed,        ///< the connection broke
    transport_timeout,       ///< nothing moved for too long
    // The rest.
    cancelled = 500, ///< stopped by the caller
    storage,         ///< the embedded registry's disk
    internal,        ///< a bug
};

const boost::system::error_category& tarpon_category() noexcept;
boost::system::error_code make_error_code(errc code) noexcept;

/// The contract's classes, as they stand in JSON events and behind exit codes.
enum class error_class { usage, archive, auth, registry, network, internal, interrupted };

error_class class_of(errc code) noexcept;
/// "usage", "archive", … as in the JSON event `error`.
std::string_view to_string(error_class value) noexcept;
/// Exit code of the program for one failure of this class (7, partial, is the caller's to decide).
int exit_code_of(error_class value) noexcept;

template <class T>
using result = boost::system::result<T, struct failure>;

/// A code and a sentence, before anyone knows which archive or host it belongs to.
/// Sans-I/O code returns it; `error` is made from it where the context is known.
struct failure {
    errc code = errc::internal;
    std::string message; ///< what is wrong, in words, no full stop at the end
};

/// What a coroutine or a blocking call of this library throws.
///
/// Shape:  `message` is one line "WHAT failed on WHICH archive, image, host"; `cause` quotes the
///         other side (status, code, its own words; cut, control characters removed); `hint` is a
///         command or flag that is known to help, or empty.
/// Never:  a secret, a query string, a token.
class error : public std::exception {
public:
    error(errc code, std::string message, std::string cause = {}, std::string hint = {});
    explicit error(failure what);

    const char* what() const noexcept override { return message_.c_str(); }
    errc code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& cause() const noexcept { return cause_; }
    const std::string& hint() const noexcept { return hint_; }
    /// Message and cause.
    std::string one_line() const;
    /// HTTP status that led here, 0 if there was none.
    int http_status() const noexcept { return http_status_; }

    error& with_status(int http_status);
    error& with_hint(std::string hint);
    /// Puts "subject: " in front of the message, once the subject is known.
    error& in(std::string_view subject);

private:
    errc code_;
    int http_status_ = 0;
    std::string message_;
    std::string cause_;
    std::string hint_;
};

/// For `boost::system::result::value()`: turns a failure into the exception.
[[noreturn]] void throw_exception_from_error(const failure& what, const boost::source_location&);

} // namespace tarpon

template <>
struct boost::system::is_error_code_enum<tarpon::errc> : std::true_type {};
