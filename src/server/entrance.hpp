// A port, and everybody who came in through it: accepts, gives out the places there are, and sees
// to it that what is under way is finished at the end.
#pragma once

#include "async/run_on.hpp"
#include "async/task_group.hpp"
#include "server/client_places.hpp"
#include "server/http_connection.hpp"

#include <tarpon/progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <list>
#include <string>

namespace tarpon::server {

class entrance {
public:
    using log_function = std::function<void(log_level, const std::string&)>;
    using stream_maker =
        std::function<boost::asio::awaitable<transport::stream>(boost::asio::ip::tcp::socket)>;

    entrance(boost::asio::any_io_executor executor, async::cpu_pool& workers, log_function log);

    // Set before anything is accepted.
    request_handler handle;
    stream_maker make_stream;                             ///< empty: plain TCP
    std::function<void(const request_record&)> on_served; ///< may be empty
    std::function<void(bool accepted)> on_connection;     ///< may be empty

    /// Throws errc::usage where the address cannot be listened on.
    void open(const boost::asio::ip::tcp::endpoint& at);
    boost::asio::ip::tcp::endpoint local() const { return acceptor_.local_endpoint(); }
    /// Until it is cancelled.
    boost::asio::awaitable<void> accept_all();

    std::size_t connections() const noexcept { return all_.size(); }
    /// A request is being answered.
    bool busy() const noexcept;
    /// Closes what is idle; everybody else has one more answer.
    void begin_stop();
    /// Until no request is being answered, but no longer than `most`. Not cancellable.
    boost::asio::awaitable<void> wait_until_quiet(std::chrono::milliseconds most);
    /// Closes the port, cancels what is left and waits for its end. accept_all must have ended.
    boost::asio::awaitable<void> end();

private:
    struct client {
        client_places::lease place;
        http_connection* connection = nullptr;
    };

    boost::asio::awaitable<void>
    serve_client(boost::asio::ip::tcp::socket socket, client_places::lease place);
    boost::asio::awaitable<void>
    talk_with(boost::asio::ip::tcp::socket socket, client_places::lease place);
    client_places::lease find_place(const boost::asio::ip::tcp::socket& socket);
    void close_longest_idle(const std::string* of);

    boost::asio::any_io_executor executor_;
    async::cpu_pool& workers_;
    log_function log_;
    boost::asio::ip::tcp::acceptor acceptor_;
    client_places places_;
    async::task_group clients_;
    std::list<client> all_;
    bool stopping_ = false;
};

} // namespace tarpon::server
