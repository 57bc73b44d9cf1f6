// WWW-Authenticate: whatever a server writes, the challenges are bounded and hold nothing that
// could break a header or a URL made of them.
#include "auth/auth_challenge.hpp"
#include "fuzz.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tarpon;
    using namespace tarpon::fuzz;
    const auto challenges = auth::parse_challenges(as_text(data, size));
    check(challenges.size() <= limits::challenges_max, "challenges are bounded");
    std::size_t total = 0;
    for (const auth::auth_challenge& one : challenges) {
        check(!one.scheme.empty() && one.scheme == to_lower(one.scheme), "schemes are lower case");
        check(is_free_of_controls(one.scheme), "no controls in a scheme");
        total += one.scheme.size();
        for (const auto& [name, value] : one.parameters) {
            check(!name.empty() && name == to_lower(name), "names are lower case");
            check(is_free_of_controls(name) && is_free_of_controls(value), "no controls in values");
            check(one.parameter(name).data() != nullptr, "parameters are found by name");
            total += name.size() + value.size();
        }
    }
    check(total <= size && total <= limits::challenge_bytes_max, "nothing is made up");
    return 0;
}
