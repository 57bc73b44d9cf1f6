// Is a password right? The file of --htpasswd, its bcrypts, and how often somebody may be wrong.
//
// Whoever is unknown costs as much time as whoever is known. A right password is remembered for a
// few minutes (known_logins); wrong ones are counted for the client and for the user
// (failure_limit), except that a user's count does not stop clients where the user logged in
// before.
#pragma once

#include "async/run_on.hpp"
#include "async/slots.hpp"
#include "server/failure_limit.hpp"
#include "server/htpasswd.hpp"
#include "server/known_logins.hpp"
#include "server/login_headers.hpp"
#include "server/reloaded.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tarpon::server {

class password_checker {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    /// Reads the file. Throws errc::usage, which names it and the line. Later on a file that cannot
    /// be used is logged, and the last good one stays.
    password_checker(
        const boost::asio::any_io_executor& executor,
        const std::string& file,
        async::cpu_pool& workers,
        log_function log,
        std::chrono::steady_clock::duration look_interval = limits::settings_look_interval);

    enum class outcome { right, wrong, too_many };
    struct verdict {
        outcome how = outcome::wrong;
        std::string hash = {};                 ///< where it is right: of the file
        std::chrono::seconds retry_after = {}; ///< where there were too many tries
    };
    /// `client` is the name under which the client's failures count.
    boost::asio::awaitable<verdict> check(given_login given, std::string client);

    /// What the file has for this user now; empty: no such user.
    boost::asio::awaitable<std::string> hash_of(std::string user);

private:
    using table_ptr = std::shared_ptr<password_table>;

    boost::asio::awaitable<verdict> check_slowly(given_login given, std::string client);
    std::chrono::seconds wait_for(const std::string& user, const std::string& client) const;
    std::string failing_client(const std::string& user, const std::string& client) const;

    /// Not the workers that serve files: a comparison takes a tenth of a second and more.
    async::cpu_pool comparing_{limits::password_checks_max};
    log_function log_;
    reloaded<password_table> file_;
    known_logins known_;
    failure_limit clients_;
    failure_limit users_;
    async::slots checks_;
    std::size_t waiting_ = 0;
    std::string decoy_key_;
};

/// What crypt is asked about for a user who is not in the table: the hash of one who is, always the
/// same one, so that the answer takes as long.
const std::string&
decoy_for(const password_table& table, std::string_view key, std::string_view user);

} // namespace tarpon::server
