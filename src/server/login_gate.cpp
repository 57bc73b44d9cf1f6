// See login_gate.hpp.
#include "server/login_gate.hpp"

#include "model/strict_json.hpp"
#include "model/text.hpp"
#include "server/api_answers.hpp"
#include "server/client_name.hpp"
#include "server/refusal.hpp"
#include "server/route.hpp"
#include "server/secrets.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace tarpon::server {

namespace asio = boost::asio;
namespace json = boost::json;
using clock = std::chrono::steady_clock;

namespace {

constexpr const char* wrong_login = "wrong user name or password";

server_response json_answer(const json::object& object) {
    server_response response;
    response.with("Content-Type", "application/json");
    response.with("Cache-Control", "no-store");
    response.body = json::serialize(object);
    return response;
}

json::object login_object(const std::string* user, const std::string* token) {
    return {
        {"login", true},
        {"user", user ? json::value(*user) : json::value()},
        {"token", token ? json::value(*token) : json::value()}};
}

/// Without a challenge: the browser would ask in a window of its own, above the page's form.
bool is_page(const server_request& request) {
    return !request.header(page_header).empty();
}

server_response unauthorized(const server_request& request, std::string_view why) {
    auto response = refusal(request, 401, why);
    if (!is_page(request))
        ask_for_login(response);
    return response;
}

server_response too_many(const server_request& request, std::chrono::seconds wait) {
    auto response =
        refusal(request, 429, concat("too many wrong passwords; again in ", wait.count(), " s"));
    return std::move(response.with("Retry-After", concat(wait.count())));
}

bool is_type(std::string_view content_type, std::string_view wanted) {
    return iequals(trim(content_type.substr(0, content_type.find(';'))), wanted);
}

result<given_login> login_of_form(std::string body) {
    std::replace(body.begin(), body.end(), '+', ' ');
    given_login given;
    for (auto& [key, value] : query_pairs(body)) {
        if (!key || !value)
            return failure{errc::usage, "the form cannot be decoded"};
        if (*key == "username")
            given.username = std::move(*value);
        else if (*key == "password")
            given.password = std::move(*value);
    }
    return given;
}

result<given_login> login_of_json(const std::string& body) {
    const auto object = parse_strict_object(body);
    if (!object)
        return failure{errc::usage, "the body is no JSON object"};
    auto username = string_member(*object, "username");
    auto password = string_member(*object, "password");
    if (!username || !password)
        return failure{errc::usage, "username and password are texts"};
    return given_login{username->value_or(""), password->value_or("")};
}

/// nullopt: it is larger than it may be.
asio::awaitable<std::optional<std::string>> read_body(byte_source& from) {
    std::string body;
    std::array<std::byte, 1024> piece;
    while (true) {
        const std::size_t got = co_await from.read_some(piece);
        if (got == 0)
            co_return body;
        if (body.size() + got > limits::login_body_bytes_max)
            co_return std::nullopt;
        body.append(reinterpret_cast<const char*>(piece.data()), got);
    }
}

} // namespace

server_response no_login_needed() {
    return json_answer({{"login", false}, {"user", nullptr}, {"token", nullptr}});
}

result<given_login> parse_login(std::string_view content_type, const std::string& body) {
    const bool form = is_type(content_type, "application/x-www-form-urlencoded");
    if (!form && !is_type(content_type, "application/json"))
        return failure{errc::usage, "the body must be JSON, or a form"};
    auto given = form ? login_of_form(body) : login_of_json(body);
    if (given && !is_possible(*given))
        return failure{errc::usage, "there must be a username and a password that can be used"};
    return given;
}

login_gate::login_gate(
    const asio::any_io_executor& executor,
    const std::string& password_file,
    bool tls,
    async::cpu_pool& workers,
    password_checker::log_function log)
    : tls_(tls)
    , passwords_(executor, password_file, workers, std::move(log)) {}

/// The prefix makes browsers refuse it from other hosts of the domain, and without TLS.
std::string login_gate::cookie_name() const {
    return tls_ ? "__Host-tarpon-session" : "tarpon-session";
}

server_response login_gate::set_cookie(
    const server_request& request, server_response response, const std::string& value) const {
    const char* const end = value.empty() ? "; Max-Age=0" : "";
    // A proxy in front may speak TLS for us. The origin was checked: it is one of ours.
    const bool secure = tls_ || request.header("Origin").starts_with("https://");
    response.with(
        "Set-Cookie", concat(
                          cookie_name(), "=", value, "; Path=/; HttpOnly; SameSite=Strict",
                          secure ? "; Secure" : "", end));
    return response;
}

asio::awaitable<std::optional<login_gate::page_session>>
login_gate::session_of(const server_request& request) {
    const auto id = cookie_value(request.header("Cookie"), cookie_name());
    if (!id)
        co_return std::nullopt;
    const page_session* const known = sessions_.find(*id, clock::now());
    if (!known)
        co_return std::nullopt;
    page_session found = *known;
    // Whoever left the file, or has a new password, is logged out.
    const std::string hash = co_await passwords_.hash_of(found.user);
    if (hash == found.hash)
        co_return found;
    sessions_.end(*id);
    co_return std::nullopt;
}

asio::awaitable<std::optional<server_response>>
login_gate::admit_by_password(server_request& request) {
    auto given = basic_login(request.header("Authorization"));
    if (!given)
        co_return unauthorized(request, "the Authorization header is no Basic login");
    std::string user = given->username;
    auto client = client_name(request.client);
    const auto verdict = co_await passwords_.check(std::move(*given), std::move(client));
    if (verdict.how == password_checker::outcome::too_many)
        co_return too_many(request, verdict.retry_after);
    if (verdict.how == password_checker::outcome::wrong)
        co_return unauthorized(request, wrong_login);
    request.user = std::move(user);
    co_return std::nullopt;
}

asio::awaitable<std::optional<server_response>>
login_gate::admit(server_request& request, bool changes) {
    if (!request.header("Authorization").empty())
        co_return co_await admit_by_password(request);
    const auto session = co_await session_of(request);
    if (!session)
        co_return unauthorized(request, "a login is needed");
    if (changes && !same_secret(request.header(page_header), session->token))
        co_return refusal(request, 403, "the session's token is missing: load the page again");
    request.user = session->user;
    co_return std::nullopt;
}

asio::awaitable<server_response> login_gate::log_in(server_request& request) {
    if (request.method != "POST")
        co_return method_not_allowed("POST");
    const auto body = co_await read_body(request.body);
    if (!body)
        co_return refusal(request, 413, "the login is too large");
    auto given = parse_login(request.header("Content-Type"), *body);
    if (!given)
        co_return refusal(request, 400, given.error().message);
    const std::string user = given->username;
    auto client = client_name(request.client);
    const auto verdict = co_await passwords_.check(std::move(*given), std::move(client));
    if (verdict.how == password_checker::outcome::too_many)
        co_return too_many(request, verdict.retry_after);
    if (verdict.how == password_checker::outcome::wrong)
        co_return refusal(request, 401, wrong_login); // no challenge: whoever asks here has a form
    if (const auto old = cookie_value(request.header("Cookie"), cookie_name()))
        sessions_.end(*old);
    const auto made = sessions_.begin(user, verdict.hash, clock::now());
    request.user = user;
    co_return set_cookie(request, json_answer(login_object(&user, &made.token)), made.id);
}

asio::awaitable<server_response> login_gate::log_out(server_request& request) {
    if (request.method != "POST")
        co_return method_not_allowed("POST");
    const auto session = co_await session_of(request);
    if (session) {
        if (!same_secret(request.header(page_header), session->token))
            co_return refusal(request, 403, "the session's token is missing: load the page again");
        request.user = session->user;
        sessions_.end(*cookie_value(request.header("Cookie"), cookie_name()));
    }
    co_return set_cookie(request, json_answer(login_object(nullptr, nullptr)), "");
}

asio::awaitable<server_response> login_gate::tell(const server_request& request) {
    const auto session = co_await session_of(request);
    if (!session)
        co_return json_answer(login_object(nullptr, nullptr));
    co_return json_answer(login_object(&session->user, &session->token));
}

} // namespace tarpon::server
