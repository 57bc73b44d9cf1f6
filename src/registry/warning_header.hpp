// What a registry wants its users to know: `Warning: 299 - "text"` in any of its answers. Pure.
//
// Source: distribution-spec v1.1, "Warnings"; RFC 7234, 5.5 for the grammar.
#pragma once

#include "transport/http_message.hpp"

#include <set>
#include <string>
#include <vector>

namespace tarpon::registry {

/// The texts of all warnings with code 299, fit to be shown. Headers over
/// limits::warning_bytes_max, other codes and what is malformed are ignored.
std::vector<std::string> read_warnings(const transport::http_response& response);

/// Remembers what was told, so that a text is told once and not with every request.
class warning_notes {
public:
    /// What is new in this answer. No more than limits::warnings_max in all.
    std::vector<std::string> news(const transport::http_response& response);

private:
    std::set<std::string> told_;
};

} // namespace tarpon::registry
