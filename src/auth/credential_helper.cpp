// See credential_helper.hpp.
#include "auth/credential_helper.hpp"

#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <thread>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace tarpon::auth {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_max{50}; // between two looks at a helper that ends

struct helper_answer {
    int exit_code = -1;
    std::string output;
};

/// Both ends of a pipe; whatever is still open is closed at the end.
struct pipe_pair {
    std::array<int, 2> ends{-1, -1};
    pipe_pair() {
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw error(errc::internal, "no pipe for a credential helper", std::strerror(errno));
    }
    ~pipe_pair() {
        close_end(0);
        close_end(1);
    }
    pipe_pair(const pipe_pair&) = delete;
    pipe_pair& operator=(const pipe_pair&) = delete;
    void close_end(std::size_t which) {
        if (ends[which] >= 0)
            ::close(std::exchange(ends[which], -1));
    }
};

error helper_failed(const std::string& name, std::string_view why) {
    return error(
        errc::registry_unauthorized,
        concat("the credential helper docker-credential-", name, " failed"), foreign_text(why));
}

pid_t start(const std::string& program, const char* verb, pipe_pair& input, pipe_pair& output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // The program ignores SIGPIPE; a helper must not inherit that.
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    std::string name = program, argument = verb;
    char* arguments[] = {name.data(), argument.data(), nullptr};
    pid_t pid = -1;
    const int failed =
        ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = failed;
    return failed == 0 ? pid : -1;
}

/// Reads until the end, the size limit or the deadline; true when it ended by itself.
bool read_answer(int fd, clock::time_point deadline, std::string& into) {
    std::array<char, 4096> piece;
    while (into.size() <= limits::helper_output_bytes_max) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
        pollfd watched{fd, POLLIN, 0};
        const int ready = ::poll(&watched, 1, static_cast<int>(std::max<long>(0, left.count())));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        into.append(piece.data(), static_cast<std::size_t>(got));
    }
    return false;
}

/// Waits for the end of `pid`, which is killed at the deadline. nullopt when that was needed: a
/// helper may close its output and go on for ever.
std::optional<int> reap(pid_t pid, clock::time_point deadline) {
    int status = 0;
    for (auto pause = std::chrono::milliseconds(1);; pause = std::min(2 * pause, pause_max)) {
        const pid_t ended = ::waitpid(pid, &status, WNOHANG);
        // Where SIGCHLD is ignored nobody learns the status: the answer alone has to do.
        if (ended == pid || (ended < 0 && errno != EINTR))
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (clock::now() >= deadline)
            break;
        std::this_thread::sleep_for(pause);
    }
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return std::nullopt;
}

helper_answer
run(const std::string& name,
    const char* verb,
    const std::string& request,
    std::chrono::milliseconds time_max) {
    const clock::time_point deadline = clock::now() + time_max;
    if (!is_helper_name(name))
        throw helper_failed("?", "its name in the configuration is not a plain name");
    pipe_pair input, output;
    const pid_t pid = start(concat("docker-credential-", name), verb, input, output);
    if (pid < 0)
        throw helper_failed(name, std::strerror(errno));
    input.close_end(0);
    output.close_end(1);
    // Requests are smaller than a pipe's buffer, so this cannot block on a helper that hangs.
    const bool sent = ::write(input.ends[1], request.data(), request.size())
                      == static_cast<ssize_t>(request.size());
    input.close_end(1);
    helper_answer answer;
    const bool whole = read_answer(output.ends[0], deadline, answer.output);
    const auto exit_code = reap(pid, whole ? deadline : clock::now());
    if (!whole || !exit_code)
        throw helper_failed(
            name, answer.output.size() > limits::helper_output_bytes_max
                      ? "it answers too much"
                      : "it does not answer in time");
    answer.exit_code = *exit_code;
    if (!sent && answer.exit_code == 0)
        throw helper_failed(name, "it did not read its request");
    return answer;
}

bool is_safe_key(const std::string& key) {
    return !key.empty() && is_safe_secret(key) && key.find(' ') == key.npos;
}

/// A helper that failed says why on standard output. What may hold a secret is not shown: an answer
/// in JSON, or what it was given to keep.
error refused(const std::string& name, const helper_answer& answer, const std::string& given = {}) {
    const std::string& output = answer.output;
    const bool secret = output.find('{') != output.npos
                        || to_lower(output).find("\"secret") != output.npos
                        || (!given.empty() && output.find(given) != output.npos);
    if (!secret && !trim(output).empty())
        return helper_failed(name, output);
    const std::string how = answer.exit_code < 0
                                ? "a signal ended it"
                                : concat("it ended with exit code ", answer.exit_code);
    return helper_failed(
        name, secret ? concat(how, "; what it said may hold a secret and is not shown") : how);
}

/// Helpers say on standard output what went wrong; only this text means "none stored".
bool says_not_found(const std::string& output) {
    return output.find("credentials not found in native keychain") != output.npos;
}

} // namespace

bool is_helper_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || c == '.' || c == '_' || c == '-';
    });
}

std::optional<credentials> ask_helper(
    const std::string& name, const std::string& server_key, std::chrono::milliseconds time_max) {
    if (!is_safe_key(server_key))
        throw helper_failed(name, "the name of the registry is not one to ask for");
    const helper_answer answer = run(name, "get", server_key, time_max);
    if (answer.exit_code != 0 && says_not_found(answer.output))
        return std::nullopt;
    if (answer.exit_code != 0)
        throw refused(name, answer);
    const auto object = parse_strict_object(answer.output);
    const auto username = object ? string_member(*object, "Username") : object.error();
    const auto secret = object ? string_member(*object, "Secret") : object.error();
    if (!username || !secret || !*username || !*secret)
        throw helper_failed(name, "its answer is not what the protocol says");
    if (!is_safe_secret(**username) || !is_safe_secret(**secret))
        throw helper_failed(name, "its answer holds control characters");
    credentials found;
    found.source = concat("helper ", name);
    if (**username == "<token>") {
        found.identity_token = **secret;
    } else {
        found.username = **username;
        found.password = **secret;
    }
    return found;
}

void store_with_helper(
    const std::string& name, const std::string& server_key, const credentials& secret) {
    const bool token = !secret.identity_token.empty();
    const std::string& kept = token ? secret.identity_token : secret.password;
    const boost::json::object request{
        {"ServerURL", server_key},
        {"Username", token ? "<token>" : secret.username},
        {"Secret", kept},
    };
    const helper_answer answer =
        run(name, "store", boost::json::serialize(request), limits::helper_time_max);
    if (answer.exit_code != 0)
        throw refused(name, answer, kept);
}

void erase_with_helper(const std::string& name, const std::string& server_key) {
    const helper_answer answer = run(name, "erase", server_key, limits::helper_time_max);
    if (answer.exit_code != 0 && !says_not_found(answer.output))
        throw refused(name, answer);
}

} // namespace tarpon::auth
