// Answers that several resources of the distribution API have in common.
#pragma once

#include "server/http_types.hpp"
#include "server/route.hpp"

#include <tarpon/digest.hpp>

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tarpon::server {

inline constexpr const char* digest_header = "Docker-Content-Digest";

/// {"errors":[{"code":…,"message":…}]}
server_response api_error(unsigned status, std::string_view code, std::string_view message);
/// 405, with what is allowed instead.
server_response method_not_allowed(std::string_view allowed);
/// 200, or another status, and nothing in the body.
server_response empty_response(unsigned status);
server_response json_response(const boost::json::object& object);

/// Of content that never changes under its digest: what If-None-Match and If-Range compare.
std::string entity_tag_of(const digest& content);

/// A page of names, as ?n= and ?last= ask; adds the Link header when there is more.
/// Source: distribution-spec v1.1 "Listing Tags".
std::vector<std::string> page_of(
    const std::vector<std::string>& all,
    const route& at,
    std::string_view path,
    server_response& response);

} // namespace tarpon::server
