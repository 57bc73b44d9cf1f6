// Who gets in where --htpasswd is given: programs by Basic with every request, people on the page
// by a form, a session and its cookie.
#pragma once

#include "server/http_types.hpp"
#include "server/login_sessions.hpp"
#include "server/password_checker.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace tarpon::server {

class login_gate {
public:
    /// `tls`: cookies never go out in clear. Throws as password_checker.
    login_gate(
        const boost::asio::any_io_executor& executor,
        const std::string& password_file,
        bool tls,
        async::cpu_pool& workers,
        password_checker::log_function log);

    /// nullopt: may pass; request.user says who it is. Else 401 (with a challenge only for those
    /// who are not the page: its reader has a form), 429 with Retry-After after too many wrong
    /// passwords, or 403 for what `changes` something by a cookie without the session's token.
    boost::asio::awaitable<std::optional<server_response>>
    admit(server_request& request, bool changes);

    /// POST /login: {"username":…,"password":…}, or the same as a form; sets the cookie, and
    /// answers the user's name and the session's token.
    boost::asio::awaitable<server_response> log_in(server_request& request);
    /// POST /logout: ends the session of the cookie.
    boost::asio::awaitable<server_response> log_out(server_request& request);
    /// GET /session: {"login":true,"user":…|null,"token":…|null}.
    boost::asio::awaitable<server_response> tell(const server_request& request);

private:
    using page_session = login_sessions::session;

    boost::asio::awaitable<std::optional<page_session>> session_of(const server_request& request);
    boost::asio::awaitable<std::optional<server_response>>
    admit_by_password(server_request& request);
    server_response set_cookie(
        const server_request& request, server_response response, const std::string& value) const;
    std::string cookie_name() const;

    bool tls_;
    password_checker passwords_;
    login_sessions sessions_;
};

/// GET /session where nobody has to log in.
server_response no_login_needed();

/// The body of a POST /login. Errors: errc::usage, fit to be sent back. Pure.
result<given_login> parse_login(std::string_view content_type, const std::string& body);

/// Sent by the page with all it asks: the token of its session, or any word before there is one.
inline constexpr const char* page_header = "X-Tarpon-Token";

} // namespace tarpon::server
