// The token side of a registry, on its own address: GET /token gives tokens for the scopes that
// were asked for, and requests without a token that covers them are refused with a Bearer
// challenge.
#pragma once

#include "support/fake_registry.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tarpon::test {

struct token_habits {
    std::string service = "registry";
    std::string username = "user";
    std::string password = "MARKER";
    std::string ping_scope; ///< in the challenge of the ping, of no use to anyone
    /// After the Bearer one, such as a bare Basic.
    std::vector<std::string> more_challenges;
    bool relative_realm = false;
    /// 401 to requests other than the ping come without a challenge, or with that one.
    bool bare_refusals = false;
    std::optional<std::string> other_challenge_when_refused;
    std::vector<std::string> denied_scopes; ///< no token with one of these
    int denied_status = 403;
    /// DELETE of a session is refused for want of the scope "delete", which nobody gets.
    bool deletes_need_more = false;
    /// A blob that is mounted needs a token that may pull where it is.
    bool mounts_need_pull = true;
    /// By the time a blob is there its token is too old: each first PUT to a session is refused.
    bool tokens_end_before_commits = false;
    bool access_token = false; ///< is the member called that?
};

/// To be a registry's `intercept`. Basic credentials at the registry itself are refused.
interceptor token_service(token_habits with);

} // namespace tarpon::test
