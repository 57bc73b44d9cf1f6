// WWW-Authenticate: header values -> challenges. Pure, linear time, fuzzed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::auth {

struct auth_challenge {
    std::string scheme; ///< lower case: "basic", "bearer", …
    std::vector<std::pair<std::string, std::string>> parameters; ///< names in lower case

    std::string_view parameter(std::string_view name) const;
};

/// Takes one header's value, which may hold several challenges. Knows quoted strings with commas
/// and escapes, schemes without parameters, any case. What it cannot read it leaves out: a server's
/// nonsense is not an error before it turns out that nothing usable is left.
/// Values never hold control characters.
/// Source: RFC 9110 section 11.3.
std::vector<auth_challenge> parse_challenges(std::string_view header);

} // namespace tarpon::auth
