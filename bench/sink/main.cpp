// tarpon-sink: a registry that keeps no layers, for measuring clients. Prints "listening on
// 127.0.0.1:PORT" and serves until it is told to stop.
//
// A thread for each connection and blocking sockets: nothing here is worth more processor time
// than that, and a shaped link is then no more than a sleep.
#include "sink/http.hpp"
#include "sink/registry.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <thread>

namespace {

namespace asio = boost::asio;
using namespace tarpon::sink;

void serve(shaped_link& over, sink_registry& registry) {
    http_stream stream(over);
    bool keep_alive = true;
    while (keep_alive) {
        const request head = stream.read_head();
        keep_alive = head.keep_alive;
        stream.write(head, registry.handle(head, stream));
    }
}

struct server {
    sink_options options;
    sink_registry registry{options};
    std::unique_ptr<asio::ssl::context> tls{};

    void accept_for_ever();
    void take(asio::ip::tcp::socket socket, std::uint64_t number);
};

void server::take(asio::ip::tcp::socket socket, std::uint64_t number) {
    registry.connected();
    try {
        shaped_link over(std::move(socket), tls.get(), options, number);
        serve(over, registry);
    } catch (const link_closed&) {
        // how every connection ends
    }
}

void server::accept_for_ever() {
    asio::io_context io;
    const asio::ip::tcp::endpoint here(asio::ip::address_v4::loopback(), options.port);
    asio::ip::tcp::acceptor acceptor(io, here);
    std::printf("listening on 127.0.0.1:%u\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    for (std::uint64_t number = 1;; ++number) {
        asio::ip::tcp::socket socket = acceptor.accept();
        std::thread(&server::take, this, std::move(socket), number).detach();
    }
}

void parse(int argc, char** argv, sink_options& options) {
    CLI::App app("A registry that keeps nothing, for measuring clients.", "tarpon-sink");
    int delay_ms = 0;
    app.add_option("--port", options.port, "port on 127.0.0.1 [any]");
    app.add_flag("--hash", options.hash, "hash every blob and refuse wrong digests");
    app.add_option("--delay-ms", delay_ms, "before every answer")->check(CLI::Range(0, 60'000));
    app.add_option("--rate", options.bytes_per_second, "bytes a second for each connection");
    app.add_option(
        "--reset-every", options.reset_every_bytes, "reset a connection after about so many bytes");
    app.add_option("--seed", options.seed, "of the places of the resets");
    auto* certificate = app.add_option("--tls-cert", options.certificate_file, "PEM");
    auto* key = app.add_option("--tls-key", options.key_file, "PEM");
    certificate->needs(key);
    key->needs(certificate);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        std::exit(app.exit(e));
    }
    options.answer_delay = std::chrono::milliseconds(delay_ms);
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    sink_options options;
    parse(argc, argv, options);
    try {
        server one{options};
        if (!options.certificate_file.empty()) {
            one.tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
            one.tls->use_certificate_chain_file(options.certificate_file);
            one.tls->use_private_key_file(options.key_file, asio::ssl::context::pem);
        }
        one.accept_for_ever();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "tarpon-sink: %s\n", e.what());
        return 1;
    }
}
