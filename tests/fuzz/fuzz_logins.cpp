// Who somebody says to be: password files, Authorization and Cookie headers, bodies of a login, and
// the networks that may push. What is taken is within its bounds; errors tell no secret.
#include "fuzz.hpp"
#include "model/base64.hpp"
#include "model/text.hpp"
#include "server/htpasswd.hpp"
#include "server/login_gate.hpp"
#include "server/login_headers.hpp"
#include "transport/address_block.hpp"

#include <tarpon/limits.hpp>

#include <string>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;

void check_login(const server::given_login& given) {
    check(
        !given.username.empty() && given.username.size() <= limits::user_name_bytes_max, "a name");
    check(
        given.username.find_first_of(":\r\n\t") == given.username.npos, "a name without controls");
    check(given.password.size() <= limits::password_bytes_max, "a password");
    check(given.password.find('\0') == given.password.npos, "a password without NUL");
}

void check_htpasswd(std::string_view text) {
    const auto table = server::parse_htpasswd(text);
    if (!table) {
        const std::string& message = table.error().message;
        check(message.starts_with("line ") && message.size() < 120, "an error names a line only");
        return;
    }
    std::string written;
    for (const auto& [name, hash] : *table) {
        check(hash.size() == 60 && is_visible_ascii(hash), "a bcrypt hash");
        written += concat(name, ":", hash, "\n");
    }
    const auto again = server::parse_htpasswd(written);
    check(again && *again == *table, "what was read reads the same again");
}

void check_headers(std::string_view text) {
    if (const auto given = server::basic_login(text)) {
        check_login(*given);
        const auto again = server::basic_login(
            concat("Basic ", base64_encode(concat(given->username, ":", given->password))));
        check(
            again && again->username == given->username && again->password == given->password,
            "the same login");
    }
    const auto cookie = server::cookie_value(text, "s");
    check(!cookie || cookie->find(';') == cookie->npos, "a cookie ends where the next begins");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    check_htpasswd(text);
    check_headers(text);
    for (const char* type : {"application/json", "application/x-www-form-urlencoded"})
        if (const auto given = server::parse_login(type, std::string(text)))
            check_login(*given);
    if (const auto block = transport::address_block::parse(text)) {
        check(block->bits >= 0 && block->bits <= block->network.size * 8, "bits of an address");
        check(block->contains(block->network), "a network holds its own address");
    }
    return 0;
}
