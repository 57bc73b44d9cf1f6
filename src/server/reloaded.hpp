// A value made from files, made anew when they change: certificates, passwords.
#pragma once

#include "async/run_on.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tarpon::server {

/// Which state of a file this is, as far as its metadata tells. All zero: it cannot be seen.
struct file_stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const file_stamp&) const = default;
};

file_stamp stamp_of(const std::string& path) noexcept;

/// The content of a file of settings. Throws errc::usage: "cannot use WHAT PATH", with the reason;
/// also for what is no regular file, and over `bytes_max`.
std::string
read_settings_file(const std::string& what, const std::string& path, std::size_t bytes_max);

template <class Value>
class reloaded {
public:
    using maker = std::function<std::shared_ptr<Value>()>;
    using failure_function = std::function<void(const error&)>;

    /// `make` reads `files`: at once, blocking, throwing `error`; later on `workers`, where what it
    /// throws goes to `failed`, once for each change of the files, and the value stays as it was
    /// until they can be used.
    reloaded(
        std::vector<std::string> files,
        maker make,
        async::cpu_pool& workers,
        failure_function failed,
        std::chrono::steady_clock::duration interval)
        : files_(std::move(files))
        , make_(std::move(make))
        , workers_(workers)
        , failed_(std::move(failed))
        , interval_(interval)
        , stamps_(stamps()) // before the content: a change in between is seen at the next look
        , value_(make_())
        , looked_at_(std::chrono::steady_clock::now()) {}

    const Value& value() const { return *value_; }

    /// Looks at the files at most once in `interval`.
    boost::asio::awaitable<std::shared_ptr<Value>> current() {
        const auto now = std::chrono::steady_clock::now();
        if (looking_ || now - looked_at_ < interval_)
            co_return value_;
        looking_ = true;
        struct done {
            bool& looking;
            ~done() { looking = false; }
        } ending{looking_};
        looked_at_ = now;
        auto look = [this, known = stamps_] {
            return look_again(known);
        };
        auto seen = co_await async::run_on(workers_.get_executor(), std::move(look));
        if (seen.trouble)
            tell_once(std::move(seen));
        else
            take_over(std::move(seen));
        co_return value_;
    }

private:
    using stamp_list = std::vector<file_stamp>;
    struct sight {
        stamp_list stamps;
        std::shared_ptr<Value> value = nullptr;
        std::optional<error> trouble = std::nullopt;
    };

    stamp_list stamps() const {
        stamp_list all;
        for (const std::string& file : files_)
            all.push_back(stamp_of(file));
        return all;
    }

    sight look_again(const stamp_list& known) const {
        sight seen{stamps()};
        if (seen.stamps == known)
            return seen;
        try {
            seen.value = make_();
        } catch (const error& e) {
            seen.trouble = e;
        } catch (const std::exception& e) {
            seen.trouble.emplace(errc::internal, concat("cannot use ", files_.front()), e.what());
        }
        return seen;
    }

    void take_over(sight seen) {
        stamps_ = std::move(seen.stamps);
        told_.reset();
        if (seen.value)
            value_ = std::move(seen.value);
    }

    /// The files are read again at the next look: it may have been no fault of theirs.
    void tell_once(sight seen) {
        if (told_ == seen.stamps)
            return;
        told_ = std::move(seen.stamps);
        failed_(*seen.trouble);
    }

    std::vector<std::string> files_;
    maker make_;
    async::cpu_pool& workers_;
    failure_function failed_;
    std::chrono::steady_clock::duration interval_;
    stamp_list stamps_;              ///< of what value_ was made from
    std::optional<stamp_list> told_; ///< of what could not be used
    std::shared_ptr<Value> value_;
    std::chrono::steady_clock::time_point looked_at_;
    bool looking_ = false;
};

} // namespace tarpon::server
