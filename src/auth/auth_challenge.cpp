// A scanner over the header, left to right, without backtracking.
#include "auth/auth_challenge.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <optional>

namespace tarpon::auth {
namespace {

bool is_token_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class scanner {
public:
    explicit scanner(std::string_view text)
        : rest_(text) {}

    bool at_end() const noexcept { return rest_.empty(); }
    char peek() const noexcept { return rest_.empty() ? '\0' : rest_.front(); }
    void skip_blanks() {
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
            rest_.remove_prefix(1);
    }
    void skip_separators() {
        while (!rest_.empty()
               && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ','))
            rest_.remove_prefix(1);
    }
    void skip_one() { rest_.remove_prefix(1); }
    bool take(char c) {
        if (peek() != c || rest_.empty())
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view token() {
        std::size_t length = 0;
        while (length < rest_.size() && is_token_char(rest_[length]))
            ++length;
        const std::string_view found = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return found;
    }
    /// After the opening quote; nullopt when the closing one is missing or a control character is
    /// in it.
    std::optional<std::string> quoted() {
        std::string value;
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == '"')
                return value;
            if (c == '\\' && !rest_.empty()) {
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
                return std::nullopt;
            value.push_back(c);
        }
        return std::nullopt;
    }

private:
    std::string_view rest_;
};

/// `name = value` where a token was just read; false when it is no parameter (but a scheme).
bool read_parameter(scanner& scan, std::string_view name, auth_challenge* into) {
    scan.skip_blanks();
    if (!scan.take('='))
        return false;
    scan.skip_blanks();
    std::string value;
    if (scan.take('"')) {
        auto text = scan.quoted();
        if (!text)
            return true; // unusable, and so is what follows it
        value = std::move(*text);
    } else {
        value = scan.token();
        while (scan.take('=')) // token68 padding, as in "Negotiate abc=="
            value.push_back('=');
    }
    if (into)
        into->parameters.emplace_back(to_lower(name), std::move(value));
    return true;
}

} // namespace

std::string_view auth_challenge::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters)
        if (key == name)
            return value;
    return {};
}

std::vector<auth_challenge> parse_challenges(std::string_view header) {
    std::vector<auth_challenge> found;
    scanner scan(header.substr(0, limits::challenge_bytes_max));
    while (true) {
        scan.skip_separators();
        if (scan.at_end())
            return found;
        const std::string_view token = scan.token();
        if (token.empty()) {
            scan.skip_one();
            continue;
        }
        if (read_parameter(scan, token, found.empty() ? nullptr : &found.back()))
            continue;
        if (found.size() == limits::challenges_max)
            return found;
        found.push_back({to_lower(token), {}});
    }
}

} // namespace tarpon::auth
