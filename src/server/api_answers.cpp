// See api_answers.hpp.
#include "server/api_answers.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::server {

namespace json = boost::json;

server_response json_response(const json::object& object) {
    server_response response;
    response.with("Content-Type", "application/json");
    response.body = json::serialize(object);
    return response;
}

server_response empty_response(unsigned status) {
    server_response response;
    response.status = status;
    return response;
}

server_response api_error(unsigned status, std::string_view code, std::string_view message) {
    json::object error;
    error["code"] = json::string_view(code.data(), code.size());
    error["message"] = json::string_view(message.data(), message.size());
    server_response response = json_response({{"errors", json::array{std::move(error)}}});
    response.status = status;
    return response;
}

server_response method_not_allowed(std::string_view allowed) {
    return std::move(api_error(405, "UNSUPPORTED", "the method is not allowed here")
                         .with("Allow", std::string(allowed)));
}

std::string entity_tag_of(const digest& content) {
    return concat("\"", content.str(), "\"");
}

std::vector<std::string> page_of(
    const std::vector<std::string>& all,
    const route& at,
    std::string_view path,
    server_response& response) {
    const std::string* last = at.query_value("last");
    const std::string* wanted = at.query_value("n");
    std::size_t n = limits::list_page_max;
    if (wanted)
        n = static_cast<std::size_t>(
            std::min<std::uint64_t>(parse_decimal(*wanted).value_or(n), n));
    const auto begin = last ? std::upper_bound(all.begin(), all.end(), *last) : all.begin();
    const auto left = static_cast<std::size_t>(all.end() - begin);
    const auto count = std::min(n, left);
    std::vector<std::string> page(begin, begin + static_cast<std::ptrdiff_t>(count));
    if (count < left && count > 0)
        response.with(
            "Link", concat("<", path, "?n=", n, "&last=", page.back(), ">; rel=\"next\""));
    return page;
}

} // namespace tarpon::server
