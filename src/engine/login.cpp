// See tarpon/login.hpp.
#include "async/run_on.hpp"
#include "auth/credential_finder.hpp"
#include "auth/credential_store.hpp"
#include "model/text.hpp"
#include "registry/registry_session.hpp"

#include <tarpon/login.hpp>
#include <tarpon/reference.hpp>

#include <boost/asio/this_coro.hpp>

namespace tarpon {

namespace asio = boost::asio;

namespace {

struct login_place {
    std::string host;
    registry::scheme_choice scheme;
};

/// "https://index.docker.io/v1/", "localhost:5000", or nothing, which is Docker Hub for docker.
/// What holds an '@' may hold a password, and a password a '/': nothing of it is repeated.
login_place parse_host(std::string_view text) {
    if (text.find('@') != text.npos)
        throw error(
            errc::usage, "what stands before '@' does not belong into the name of a registry", {},
            "--username NAME --password-stdin");
    const registry::scheme_choice scheme = registry::take_scheme(text);
    std::string host(text.substr(0, text.find('/')));
    if (!host.empty() && !is_host_port(host))
        throw error(errc::usage, concat("\"", foreign_text(host), "\" is not a host name"));
    if (host.empty() || host == "index.docker.io" || host == "registry-1.docker.io")
        host = "docker.io";
    return {std::move(host), scheme};
}

std::string file_of(const connection_options& options) {
    std::string file = options.auth_file.empty() ? auth::docker_config_path(process_environment)
                                                 : options.auth_file;
    if (file.empty())
        throw error(
            errc::usage, "there is no place for credentials: HOME and DOCKER_CONFIG are not set",
            {}, "--authfile FILE");
    return file;
}

} // namespace

asio::awaitable<login_report>
login(std::string host, connection_options options, progress_observer& observer) {
    if (options.username.empty())
        throw error(errc::usage, "a login needs a user name", {}, "--username USER");
    const login_place place = parse_host(host);
    const std::string file = file_of(options);
    const auto executor = co_await asio::this_coro::executor;
    async::cpu_pool workers(1);
    auto trace = [&observer](const std::string& line) {
        observer.on_log(log_level::debug, line);
    };
    transport::http_client http(executor, options, 1, trace);
    const auto at = registry::find_endpoint(place.host, place.scheme, options.plain_http).value();
    registry::session_settings with;
    with.warn = [&observer](const std::string& text) {
        observer.on_log(log_level::warn, text);
    };
    registry::registry_session session(http, at, options, workers, std::move(with));
    co_await session.open();
    co_await session.check_credentials();
    auth::credentials secret;
    secret.username = options.username;
    secret.password = options.password;
    login_report report{place.host, options.username, {}};
    auto store = [&] {
        return auth::store_credentials(file, place.host, secret);
    };
    report.stored = co_await async::run_on(workers.get_executor(), store);
    co_return report;
}

login_report logout(std::string host, const connection_options& options) {
    const login_place place = parse_host(host);
    return {place.host, {}, auth::remove_credentials(file_of(options), place.host)};
}

} // namespace tarpon
