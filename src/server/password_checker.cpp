// See password_checker.hpp.
#include "server/password_checker.hpp"

#include "async/one_more.hpp"
#include "model/text.hpp"
#include "server/secrets.hpp"

#include <algorithm>
#include <cstdint>

namespace tarpon::server {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

namespace {

std::shared_ptr<password_table> load(const std::string& file) {
    const std::string text =
        read_settings_file("the password file", file, limits::htpasswd_bytes_max);
    auto table = parse_htpasswd(text);
    if (!table)
        throw error(
            errc::usage, concat("cannot use the password file ", foreign_text(file)),
            table.error().message);
    return std::make_shared<password_table>(std::move(*table));
}

} // namespace

const std::string&
decoy_for(const password_table& table, std::string_view key, std::string_view user) {
    static const std::string of_nobody = concat("$2y$05$", std::string(53, '.'));
    if (table.empty())
        return of_nobody;
    std::uint64_t number = 0;
    for (const char digit : keyed_digest(key, user).substr(0, 15))
        number =
            number * 16 + static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    return std::next(table.begin(), static_cast<std::ptrdiff_t>(number % table.size()))->second;
}

password_checker::password_checker(
    const asio::any_io_executor& executor,
    const std::string& file,
    async::cpu_pool& workers,
    log_function log,
    clock::duration look_interval)
    : log_(std::move(log))
    , file_(
          {file},
          [file] { return load(file); },
          workers,
          [this](const error& e) {
              log_(
                  log_level::error,
                  concat(e.message(), ": ", e.cause(), "; what it said before still counts"));
          },
          look_interval)
    , known_(limits::known_places_max)
    , clients_(
          limits::failures_of_client_max,
          limits::failure_forgiven_after,
          limits::failures_tracked_max)
    , users_(
          limits::failures_of_user_max,
          limits::failure_forgiven_after,
          limits::failures_tracked_max)
    , checks_(executor, limits::password_checks_max)
    , decoy_key_(fresh_secret()) {}

asio::awaitable<std::string> password_checker::hash_of(std::string user) {
    const auto table = co_await file_.current();
    const auto found = table->find(user);
    co_return found == table->end() ? std::string() : found->second;
}

/// Under whose name failures count. Where this user was let in from not long ago, others at the
/// same address (behind a proxy, everybody) are not kept out by them, nor keep this user out.
std::string
password_checker::failing_client(const std::string& user, const std::string& client) const {
    return known_.is_known_place(user, client, clock::now()) ? concat(user, '\0', client) : client;
}

std::chrono::seconds
password_checker::wait_for(const std::string& user, const std::string& client) const {
    const auto now = clock::now();
    const auto wait = clients_.wait_for(failing_client(user, client), now);
    if (known_.is_known_place(user, client, now))
        return wait;
    return std::max(wait, users_.wait_for(user, now));
}

asio::awaitable<password_checker::verdict>
password_checker::check(given_login given, std::string client) {
    const std::string hash = co_await hash_of(given.username);
    if (!hash.empty()) {
        const known_logins::attempt tried{given.username, client, given.password, hash};
        if (known_.knows(tried, clock::now()))
            co_return verdict{outcome::right, hash};
    }
    if (const auto wait = wait_for(given.username, client); wait.count() > 0)
        co_return verdict{outcome::too_many, {}, wait};
    if (waiting_ >= limits::password_checks_waiting_max)
        co_return verdict{outcome::too_many, {}, std::chrono::seconds(1)};
    const async::one_more place_in_line(waiting_);
    const auto turn = co_await checks_.acquire();
    co_return co_await check_slowly(std::move(given), std::move(client));
}

/// One at a time, so that requests of one client that come together cost one bcrypt, and so that
/// no more of them get through than may fail.
asio::awaitable<password_checker::verdict>
password_checker::check_slowly(given_login given, std::string client) {
    const auto table = co_await file_.current();
    const auto found = table->find(given.username);
    const bool exists = found != table->end();
    const std::string& decoy = decoy_for(*table, decoy_key_, given.username);
    const std::string hash = exists ? found->second : decoy;
    const known_logins::attempt tried{given.username, client, given.password, hash};
    if (exists && known_.knows(tried, clock::now()))
        co_return verdict{outcome::right, hash};
    if (const auto wait = wait_for(given.username, client); wait.count() > 0)
        co_return verdict{outcome::too_many, {}, wait};
    const std::string failing = failing_client(given.username, client);
    clients_.count(failing, clock::now());
    users_.count(given.username, clock::now());
    auto compare = [password = given.password, hash] {
        return bcrypt_matches(password, hash);
    };
    const bool matches = co_await async::run_on(comparing_.get_executor(), std::move(compare));
    if (!matches || !exists)
        co_return verdict{};
    clients_.take_back(failing);
    users_.take_back(given.username);
    known_.remember(tried, clock::now());
    co_return verdict{outcome::right, hash};
}

} // namespace tarpon::server
