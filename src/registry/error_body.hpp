// A registry's refusal -> one error with a readable line, a code and a hint.
#pragma once

#include "transport/http_message.hpp"

#include <tarpon/error.hpp>

#include <string>

namespace tarpon::registry {

/// What was asked, so that an error can say it.
struct asked {
    std::string what;            ///< "to open an upload", completes "HOST refused …"
    std::string host;            ///< as the user wrote it
    std::string repository;      ///< empty when it is about the host as a whole
    std::string mount_from = {}; ///< another repository, which is read for it
};

/// "HOST, to open an upload in team/app": what is tried again, for people.
std::string described(const asked& request);

/// The error for a response that is not what was hoped for: code by status and registry code,
/// message "HOST refused WHAT in REPOSITORY", cause "STATUS CODE words", a hint for known causes.
error refusal(const transport::http_response& response, const asked& request);

} // namespace tarpon::registry
