// Codes, their classes and exit codes, and the exception that carries them.
#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <boost/system/error_category.hpp>

#include <utility>

namespace tarpon {
namespace {

const char* message_of(errc code) noexcept {
    switch (code) {
    case errc::usage:
        return "wrong usage";
    case errc::archive_unreadable:
        return "the archive cannot be read";
    case errc::archive_empty:
        return "the archive is empty";
    case errc::archive_not_tar:
        return "not a tar archive";
    case errc::archive_truncated:
        return "the archive ended early";
    case errc::archive_damaged:
        return "the archive is damaged";
    case errc::archive_not_image:
        return "not an image archive";
    case errc::archive_metadata:
        return "the archive's metadata is not valid";
    case errc::archive_blob_missing:
        return "a blob is missing from the archive";
    case errc::archive_unnamed:
        return "an image has no name";
    case errc::archive_platform_missing:
        return "platforms are missing from the archive";
    case errc::archive_unsupported:
        return "the archive uses something tarpon does not support";
    case errc::archive_limit:
        return "the archive is over a limit";
    case errc::digest_mismatch:
        return "content does not match its digest";
    case errc::archive_changed:
        return "the archive changed while it was read";
    case errc::registry_unauthorized:
        return "the registry wants other credentials";
    case errc::registry_denied:
        return "the registry denied access";
    case errc::registry_not_found:
        return "the registry does not know the repository";
    case errc::registry_manifest_rejected:
        return "the registry rejected the manifest";
    case errc::registry_too_large:
        return "the registry refuses bodies of this size";
    case errc::registry_refused:
        return "the registry refused the request";
    case errc::registry_failed:
        return "the registry failed";
    case errc::registry_protocol:
        return "the registry broke the protocol";
    case errc::transport_resolve:
        return "the host name does not resolve";
    case errc::transport_connect:
        return "no connection";
    case errc::transport_tls:
        return "TLS failed";
    case errc::transport_not_tls:
        return "the server does not speak TLS";
    case errc::transport_closed:
        return "the connection broke";
    case errc::transport_timeout:
        return "timed out";
    case errc::cancelled:
        return "interrupted";
    case errc::storage:
        return "the storage failed";
    case errc::internal:
        return "internal error";
    }
    return "unknown error";
}

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "tarpon"; }
    std::string message(int value) const override { return message_of(static_cast<errc>(value)); }
};

} // namespace

const boost::system::error_category& tarpon_category() noexcept {
    static const category instance;
    return instance;
}

boost::system::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), tarpon_category()};
}

error_class class_of(errc code) noexcept {
    const int value = static_cast<int>(code);
    if (code == errc::usage)
        return error_class::usage;
    if (value < 200)
        return error_class::archive;
    if (value < 300)
        return error_class::auth;
    if (value < 400)
        return error_class::registry;
    if (value < 500)
        return error_class::network;
    return code == errc::cancelled ? error_class::interrupted : error_class::internal;
}

std::string_view to_string(error_class value) noexcept {
    switch (value) {
    case error_class::usage:
        return "usage";
    case error_class::archive:
        return "archive";
    case error_class::auth:
        return "auth";
    case error_class::registry:
        return "registry";
    case error_class::network:
        return "network";
    case error_class::internal:
        return "internal";
    case error_class::interrupted:
        return "interrupted";
    }
    return "internal";
}

int exit_code_of(error_class value) noexcept {
    switch (value) {
    case error_class::usage:
        return 2;
    case error_class::archive:
        return 3;
    case error_class::auth:
        return 4;
    case error_class::registry:
        return 5;
    case error_class::network:
        return 6;
    case error_class::internal:
        return 1;
    case error_class::interrupted:
        return 130;
    }
    return 1;
}

error::error(errc code, std::string message, std::string cause, std::string hint)
    : code_(code)
    , message_(std::move(message))
    , cause_(std::move(cause))
    , hint_(std::move(hint)) {}

error::error(failure what)
    : code_(what.code)
    , message_(std::move(what.message)) {}

std::string error::one_line() const {
    return cause_.empty() ? message_ : concat(message_, ": ", cause_);
}

error& error::with_status(int http_status) {
    http_status_ = http_status;
    return *this;
}

error& error::with_hint(std::string hint) {
    hint_ = std::move(hint);
    return *this;
}

error& error::in(std::string_view subject) {
    message_.insert(0, ": ").insert(0, subject);
    return *this;
}

void throw_exception_from_error(const failure& what, const boost::source_location&) {
    throw error(what);
}

} // namespace tarpon
