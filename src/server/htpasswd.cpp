// See htpasswd.hpp. The hash itself is libcrypt's work.
#include "server/htpasswd.hpp"

#include "model/text.hpp"
#include "server/secrets.hpp"

#include <tarpon/limits.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <crypt.h>
#include <memory>
#include <optional>

namespace tarpon::server {
namespace {

constexpr std::size_t bcrypt_bytes = 60; // "$2y$05$", 22 of salt, 31 of hash
constexpr int cost_min = 4;

bool is_bcrypt_letter(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.'
           || c == '/';
}

/// nullopt: not bcrypt. "$2x$" is a bug of old times, kept alive by nobody.
std::optional<int> cost_of(std::string_view hash) noexcept {
    const bool known =
        hash.starts_with("$2y$") || hash.starts_with("$2a$") || hash.starts_with("$2b$");
    if (!known || hash.size() != bcrypt_bytes || hash[6] != '$')
        return std::nullopt;
    const auto cost = parse_decimal(hash.substr(4, 2));
    const auto rest = hash.substr(7);
    if (!cost || !std::all_of(rest.begin(), rest.end(), is_bcrypt_letter))
        return std::nullopt;
    return static_cast<int>(*cost);
}

bool is_user_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= limits::user_name_bytes_max
           && std::none_of(name.begin(), name.end(), [](char c) {
                  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
              });
}

std::optional<std::string> problem_of(std::string_view name, std::string_view hash) {
    if (!is_user_name(name))
        return concat(
            "has no user name that can be used (at most ", limits::user_name_bytes_max, " bytes)");
    const auto cost = cost_of(hash);
    if (!cost)
        return std::string("is not bcrypt; make it with: htpasswd -B FILE NAME");
    if (*cost < cost_min || *cost > limits::bcrypt_cost_max)
        return concat(
            "has a cost of ", *cost, "; ", cost_min, " to ", limits::bcrypt_cost_max,
            " can be used");
    return std::nullopt;
}

} // namespace

result<password_table> parse_htpasswd(std::string_view text) {
    password_table table;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        line = trim(line);
        if (line.empty() || line.starts_with('#'))
            continue;
        const auto failed = [number](std::string_view why) {
            return failure{errc::usage, concat("line ", number, " ", why)};
        };
        const std::size_t colon = line.find(':');
        if (colon == line.npos)
            return failed("is not NAME:HASH");
        const std::string_view name = line.substr(0, colon);
        // What stands behind another colon is a comment to Apache.
        const std::string_view rest = line.substr(colon + 1);
        const std::string_view hash = rest.substr(0, rest.find(':'));
        if (const auto problem = problem_of(name, hash))
            return failed(*problem);
        if (table.size() >= limits::htpasswd_users_max)
            return failed(
                concat("is one too many: ", limits::htpasswd_users_max, " users at most"));
        if (!table.emplace(name, hash).second)
            return failed("names a user that is there already");
    }
    return table;
}

bool bcrypt_matches(const std::string& password, const std::string& hash) {
    struct cleanser {
        void operator()(crypt_data* data) const {
            OPENSSL_cleanse(data, sizeof *data);
            delete data;
        }
    };
    const std::unique_ptr<crypt_data, cleanser> data(new crypt_data{});
    const char* const made =
        crypt_rn(password.c_str(), hash.c_str(), data.get(), static_cast<int>(sizeof(crypt_data)));
    return made && same_secret(made, hash);
}

} // namespace tarpon::server
