// Every fault at every step of a push: that it ends right, sends little again, and loses nothing.
//
// Each cell is a whole push in which one request meets one fault, once; then the registry works.
// After each: the push succeeded (a fault that lasts is kill_at_step's business), the image is
// there as it was meant, byte for byte, no tag names what is not all there, no upload is left open,
// no secret was told, and no more was sent again than docs/registries.md says: nothing of what a
// kept session has, the blob where none is kept.
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/interceptors.hpp"
#include "support/printing.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"
#include "support/tar_builder.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/results_collector.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>

BOOST_AUTO_TEST_SUITE(test_fault_matrix)

using namespace std::chrono_literals;
using namespace tarpon;
using namespace tarpon::test;

const std::string password = "a-password-nobody-may-see";
constexpr std::size_t layer_bytes = 1'200'000;

const built_image& image() {
    static const built_image one = make_image({make_noise(layer_bytes)}, {"app:1"});
    return one;
}

/// Where a push can be hit. Of the body: how much of it the registry has read by then.
struct place {
    const char* name;
    step at;
    std::size_t body_bytes; ///< SIZE_MAX: all of it
    bool after;             ///< the registry has done what it was asked
};

const place places[] = {
    {"ping", step::ping, SIZE_MAX, false},
    {"HEAD manifest", step::head_manifest, SIZE_MAX, false},
    {"HEAD config", step::head_blob, SIZE_MAX, false},
    {"POST", step::open_upload, SIZE_MAX, false},
    {"POST, done", step::open_upload, SIZE_MAX, true},
    {"PATCH at 0 %", step::patch, 0, false},
    {"PATCH at 1 %", step::patch, layer_bytes / 100, false},
    {"PATCH at 50 %", step::patch, layer_bytes / 2, false},
    {"PATCH at 99 %", step::patch, layer_bytes / 100 * 99, false},
    {"PATCH at 100 %", step::patch, SIZE_MAX, false},
    {"PATCH, done", step::patch, SIZE_MAX, true},
    {"PUT", step::put, SIZE_MAX, false},
    {"PUT, done", step::put, SIZE_MAX, true},
    {"manifest PUT", step::put_manifest, SIZE_MAX, false},
    {"manifest PUT, done", step::put_manifest, SIZE_MAX, true},
};

struct fault {
    const char* name;
    answer (*make)();
};

const fault faults[] = {
    {"reset",
     [] {
         return answer::none(answer::next::reset);
     }},
    {"close",
     [] {
         return answer::none(answer::next::close);
     }},
    {"stall",
     [] {
         return answer::none(answer::next::stall);
     }},
    {"429",
     [] {
         return answer::with(429, "slowly");
     }},
    {"429 with Retry-After",
     [] {
         return answer::with(429).header("Retry-After", "0");
     }},
    {"500",
     [] {
         return answer::with(500, "broken");
     }},
    {"502 in HTML",
     [] {
         return answer::with(502, "<html>nginx</html>", "text/html");
     }},
    {"503 with Retry-After",
     [] {
         return answer::with(503).header("Retry-After", "0");
     }},
    {"half an answer",
     [] {
         return answer::bytes("HTTP/1.1 201 Created\r\nLoca");
     }},
    {"garbage",
     [] {
         return answer::bytes("SSH-2.0-x\r\n");
     }},
};

/// What a registry makes of an upload that broke off, and in which shape it wants one.
struct kind_of_registry {
    const char* name;
    bool keeps_broken_uploads;
    chunking chunks;
};

const kind_of_registry kinds[] = {
    {"loses sessions", false, chunking::automatic},
    {"keeps sessions", true, chunking::automatic},
    {"in chunks", true, chunking::always},
};

/// Garbage says nothing of what may pass: whoever answers so is no registry. Nor is anything tried
/// again before a first answer: more often than not the name or the port is wrong then.
bool may_be_final(const place& where, const fault& what) {
    return std::string_view(what.name) == "garbage" || where.at == step::ping;
}

void prepare(push_scene& s, const kind_of_registry& kind) {
    s.registry.options.username = "alice";
    s.registry.options.password = password;
    s.registry.options.keeps_broken_uploads = kind.keeps_broken_uploads;
    s.options.connection.username = "alice";
    s.options.connection.password = password;
    s.options.connection.idle_time = 250ms;
    s.options.connection.commit_time = 250ms;
    s.options.jobs = 1;
    s.options.retries = 5;
    s.options.retry_delay = 1ms;
    s.options.memory_bytes = limits::buffer_memory_bytes_min;
    s.options.chunks = kind.chunks;
    s.options.chunk_bytes = kind.chunks == chunking::always ? 256 * 1024 : 0;
}

class cell {
public:
    cell(const kind_of_registry& kind, const place& where, const fault& what)
        : kind_(kind)
        , where_(where)
        , what_(what) {
        prepare(scene_, kind);
        if (where.after)
            scene_.registry.adjust = [this](const registry_request& request, answer& reply) {
                if (reply.status < 300 && hits(request))
                    reply = what_.make();
            };
        else
            scene_.registry.intercept = [this](const registry_request& request) {
                return strike(request);
            };
    }

    void run() {
        const push_report report = scene_.push(docker_archive({image()}));
        BOOST_TEST_CONTEXT(
            kind_.name << ", " << where_.name << ", " << what_.name << ", exit code "
                       << report.exit_code() << ", " << scene_.registry.steps()) {
            BOOST_TEST(met_);
            BOOST_TEST(scene_.registry.broken_tags().empty());
            BOOST_TEST(scene_.told.text().find(password) == std::string::npos);
            if (may_be_final(where_, what_) && report.exit_code() != 0) {
                BOOST_TEST(scene_.registry.tags() <= 1u);
                recover();
                return;
            }
            BOOST_TEST(report.exit_code() == 0, explain(report));
            if (report.exit_code() != 0)
                return;
            check_image(scene_, "team/app", "1", image());
            // Of an upload whose opening was never answered nobody knows the place.
            const bool opening = where_.at == step::open_upload && where_.after;
            BOOST_TEST(scene_.registry.uploads_open() == (opening ? 1u : 0u));
            BOOST_TEST(sent_again() <= allowed_again());
        }
    }

private:
    bool hits(const registry_request& request) {
        if (met_ || request.what != where_.at)
            return false;
        // The layer is the larger one of the two blobs, and comes first.
        met_ = true;
        return true;
    }

    std::optional<answer> strike(const registry_request& request) {
        if (!hits(request))
            return std::nullopt;
        return what_.make().after_body_bytes(where_.body_bytes);
    }

    /// Left in peace, the same push arrives.
    void recover() {
        scene_.registry.intercept = nullptr;
        scene_.registry.adjust = nullptr;
        const push_report again = scene_.push(docker_archive({image()}));
        BOOST_TEST(again.exit_code() == 0, explain(again));
        check_image(scene_, "team/app", "1", image());
    }

    std::uint64_t sent_again() {
        const std::uint64_t sent = scene_.registry.server().body_bytes();
        const std::uint64_t needed = whole_push(kind_);
        return sent > needed ? sent - needed : 0;
    }

    std::uint64_t allowed_again() const {
        constexpr std::uint64_t small = 20'000; // config, manifest
        if (where_.at != step::patch)
            return where_.at == step::put ? layer_bytes + layer_bytes / 20 : small;
        if (kind_.chunks == chunking::always)
            return 256 * 1024 + small;
        // What the registry read to its end and did not carry out is lost; an answer at 0 % comes
        // from one that reads on.
        const bool in_the_middle = where_.body_bytes > 0 && where_.body_bytes != SIZE_MAX;
        const bool kept = kind_.keeps_broken_uploads && (where_.after || in_the_middle);
        if (kept)
            return small;
        // Answers that came before all was read take what was on its way with them.
        return layer_bytes + layer_bytes / 20;
    }

    /// Bytes of bodies in a push without faults.
    static std::uint64_t whole_push(const kind_of_registry& kind) {
        static std::map<std::string, std::uint64_t> known;
        const auto found = known.find(kind.name);
        if (found != known.end())
            return found->second;
        push_scene s;
        prepare(s, kind);
        const push_report report = s.push(docker_archive({image()}));
        BOOST_REQUIRE_MESSAGE(report.exit_code() == 0, explain(report));
        return known[kind.name] = s.registry.server().body_bytes();
    }

    const kind_of_registry& kind_;
    const place& where_;
    const fault& what_;
    push_scene scene_;
    bool met_ = false;
};

/// Of the test case that runs.
std::uint64_t assertions_failed() {
    namespace framework = boost::unit_test::framework;
    const auto& results =
        boost::unit_test::results_collector.results(framework::current_test_case().p_id);
    return results.p_assertions_failed.get();
}

BOOST_AUTO_TEST_CASE(one_fault_anywhere) {
    int cells = 0;
    int lost = 0;
    for (const kind_of_registry& kind : kinds)
        for (const place& where : places)
            for (const fault& what : faults) {
                const std::uint64_t failed_before = assertions_failed();
                cell one(kind, where, what);
                one.run();
                ++cells;
                lost += assertions_failed() > failed_before ? 1 : 0;
            }
    std::cout << "fault matrix: " << cells << " cases, " << lost << " lost\n";
}

/// Does to a connection what it is told, before a byte of TLS.
class raw_listener {
public:
    enum class deed { refuse, reset, close, garbage, stall };

    raw_listener(boost::asio::io_context& io, deed what)
        : what_(what)
        , acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}) {
        port_ = acceptor_.local_endpoint().port();
        if (what == deed::refuse)
            acceptor_.close();
        else
            accept();
    }
    std::uint16_t port() const noexcept { return port_; }

private:
    using socket = boost::asio::ip::tcp::socket;

    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, socket peer) {
            if (ec)
                return;
            treat(std::move(peer));
            accept();
        });
    }
    void treat(socket peer) {
        if (what_ == deed::garbage)
            boost::asio::write(peer, boost::asio::buffer("SSH-2.0-x\r\n", 11));
        if (what_ == deed::reset)
            peer.set_option(boost::asio::socket_base::linger(true, 0));
        if (what_ == deed::stall)
            stalled_.push_back(std::move(peer));
    }

    deed what_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_ = 0;
    std::vector<socket> stalled_;
};

// At first contact nothing is tried again: an error of the network, at once or after the time that
// a handshake may take.
BOOST_AUTO_TEST_CASE(connect_and_handshake) {
    using deed = raw_listener::deed;
    int cells = 0;
    for (const deed what : {deed::refuse, deed::reset, deed::close, deed::garbage, deed::stall}) {
        push_scene s;
        prepare(s, kinds[0]);
        const raw_listener there(s.io, what);
        s.options.where.registry = concat("https://127.0.0.1:", there.port(), "/team");
        const push_report report = s.push(docker_archive({image()}));
        BOOST_TEST_CONTEXT("deed " << static_cast<int>(what)) {
            BOOST_TEST(report.exit_code() == 6, explain(report));
            BOOST_TEST(s.told.text().find(password) == std::string::npos);
        }
        ++cells;
    }
    std::cout << "fault matrix, connections: " << cells << " cases\n";
}

/// Gives a token for the right password; `meets` comes first.
class token_server {
public:
    explicit token_server(push_scene& for_scene)
        : server_(for_scene.io, [this](const seen_request& request) { return give(request); }) {
        auto& registry = for_scene.registry;
        registry.options.username.clear(); // Bearer only, checked below
        registry.intercept = [this](const registry_request& request) -> std::optional<answer> {
            if (request.http.header("Authorization") == "Bearer a-token")
                return std::nullopt;
            const std::string realm = concat("http://", server_.host(), "/token");
            return answer::json(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})")
                .header("WWW-Authenticate", concat("Bearer realm=\"", realm, "\",service=\"s\""))
                .after_body_bytes(SIZE_MAX);
        };
    }
    void meets(const fault& what) { fault_ = &what; }
    bool met() const noexcept { return met_; }

private:
    answer give(const seen_request&) {
        if (fault_ && !std::exchange(met_, true))
            return fault_->make();
        return answer::json(200, R"({"token":"a-token","expires_in":300})");
    }

    const fault* fault_ = nullptr;
    bool met_ = false;
    scripted_server server_;
};

// The place where tokens come from fails once: the push arrives, or says so and does later.
BOOST_AUTO_TEST_CASE(token) {
    int cells = 0;
    int arrived = 0;
    for (const fault& what : faults) {
        push_scene s;
        prepare(s, kinds[0]);
        token_server tokens(s);
        tokens.meets(what);
        const push_report report = s.push(docker_archive({image()}));
        BOOST_TEST_CONTEXT("token, " << what.name << ", exit code " << report.exit_code()) {
            BOOST_TEST(tokens.met());
            BOOST_TEST(s.told.text().find(password) == std::string::npos);
            BOOST_TEST(s.told.text().find("a-token") == std::string::npos);
            BOOST_TEST(report.exit_code() != 1, explain(report));
            BOOST_TEST(s.registry.tags() == (report.exit_code() == 0 ? 1u : 0u));
            if (report.exit_code() != 0) {
                const push_report again = s.push(docker_archive({image()}));
                BOOST_TEST(again.exit_code() == 0, explain(again));
            }
            check_image(s, "team/app", "1", image());
        }
        ++cells;
        arrived += report.exit_code() == 0 ? 1 : 0;
    }
    std::cout << "fault matrix, tokens: " << cells << " cases, " << arrived << " arrived at once\n";
}

/// The first `count` PATCHes are reset when so much of them has come.
void cut_patches(push_scene& s, int count, std::size_t body_bytes) {
    s.registry.intercept =
        [count, body_bytes](const registry_request& request) mutable -> std::optional<answer> {
        if (request.what != step::patch || count-- <= 0)
            return std::nullopt;
        return answer::none(answer::next::reset).after_body_bytes(body_bytes);
    };
}

// Where the session is kept, what arrived before the cut is not sent again.
BOOST_AUTO_TEST_CASE(a_kept_session_is_gone_on_with) {
    push_scene s;
    prepare(s, kinds[1]);
    cut_patches(s, 1, layer_bytes / 2);
    const push_report report = s.push(docker_archive({image()}));
    check_done(s, report);
    check_image(s, "team/app", "1", image());
    BOOST_TEST_INFO(s.registry.steps());
    BOOST_TEST(s.registry.count(step::upload_status) == 1u);
    BOOST_TEST_INFO(s.registry.steps());
    BOOST_TEST(s.registry.count(step::drop_upload) == 0u);
    std::uint64_t arrived = 0;
    for (const seen_request& request : s.registry.server().log())
        arrived += request.body_bytes;
    BOOST_TEST(arrived < layer_bytes + layer_bytes / 20);
}

// A link that breaks again and again is no reason to give up as long as each try gets further.
BOOST_AUTO_TEST_CASE(more_cuts_than_retries_when_each_try_gets_further) {
    push_scene s;
    prepare(s, kinds[1]);
    s.options.retries = 2;
    s.options.chunk_bytes = 64 * 1024;
    int cuts = 0;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        const bool layer = request.what == step::patch && s.registry.blobs() == 0;
        if (!layer || ++cuts > 12 || cuts % 2 == 0)
            return std::nullopt;
        return answer::none(answer::next::reset).after_body_bytes(50'000);
    };
    const push_report report = s.push(docker_archive({image()}));
    check_done(s, report);
    check_image(s, "team/app", "1", image());
    BOOST_TEST_INFO(s.registry.steps());
    BOOST_TEST(cuts > 6);
}

// A registry that keeps nothing is asked once, and not for every broken blob.
BOOST_AUTO_TEST_CASE(lost_sessions_are_not_asked_for_twice) {
    push_scene s;
    prepare(s, kinds[0]);
    s.registry.adjust = [&](const registry_request& request, answer& reply) {
        if (request.what == step::upload_status)
            reply = answer::json(404, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})");
    };
    cut_patches(s, 3, 1'000);
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 0, explain(report));
    check_image(s, "team/app", "1", image());
    BOOST_TEST(s.registry.count(step::upload_status) == 1u);
}

// What is in the session is not ours (another archive, another version of a compressor): found out
// at the commit, and sent from the beginning.
BOOST_AUTO_TEST_CASE(a_session_with_other_bytes_is_left) {
    push_scene s;
    prepare(s, kinds[1]);
    cut_patches(s, 1, 1'000);
    s.registry.adjust = [&](const registry_request& request, answer& reply) {
        if (request.what == step::upload_status && reply.status == 204) {
            std::erase_if(reply.headers, [](const auto& one) { return one.first == "Range"; });
            reply.header("Range", "0-1899");
        }
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 0, explain(report));
    check_image(s, "team/app", "1", image());
}

// A registry that keeps saying no is asked as often as was said, not so often for each of many
// tries.
BOOST_AUTO_TEST_CASE(retries_are_not_multiplied) {
    push_scene s;
    prepare(s, kinds[1]);
    s.options.retries = 2;
    int patches = 0;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::patch)
            return std::nullopt;
        if (++patches == 1)
            return answer::none(answer::next::reset).after_body_bytes(layer_bytes / 2);
        return answer::with(503).after_body_bytes(SIZE_MAX);
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 5, explain(report));
    // One that broke off, one for the rest, and that one twice again.
    BOOST_TEST(patches == 4);
    BOOST_REQUIRE(!s.told.retry_reasons.empty());
    BOOST_TEST(s.told.retry_reasons.back().find("503") != std::string::npos);
}

// Stopped while it waits for the next try: the session is dropped as it is while it sends.
BOOST_AUTO_TEST_CASE(stopped_before_the_next_try) {
    push_scene s;
    prepare(s, kinds[0]);
    s.options.retry_delay = std::chrono::seconds(20);
    bool failed = false;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::patch)
            return std::nullopt;
        failed = true;
        return answer::with(503).after_body_bytes(SIZE_MAX);
    };
    s.stop_when = [&] {
        return failed && !s.told.retry_reasons.empty();
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 130, explain(report));
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// The registry is slow to show what it has taken: the blob is there only when it is begun anew.
// What the manifest says of it is what was sent, not what the archive holds.
BOOST_AUTO_TEST_CASE(commit_that_shows_late) {
    push_scene s;
    prepare(s, kinds[0]);
    s.options.retries = 2;
    const std::string plain = make_layer(1, 400'000); // much smaller when it is compressed
    const built_image one = make_image({plain}, {"app:1"});
    std::size_t looked = 0, lost = 0;
    s.registry.adjust = [&](const registry_request& request, answer& reply) {
        if (request.what == step::put && lost == 0) {
            ++lost;
            reply = answer::with(504);
        } else if (request.what == step::head_blob && lost == 1 && looked++ < 2) {
            reply = answer::with(404);
        }
    };
    s.options.jobs = 1;
    const push_report report = s.push(docker_archive({one}));
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.count(step::patch) <= 2u);
    check_image(s, "team/app", "1", one);
}

// One target refuses a blob; an interrupt while it goes to the other one is heard all the same.
BOOST_AUTO_TEST_CASE(stopped_after_one_target_refused) {
    push_scene s;
    prepare(s, kinds[0]);
    s.options.jobs = 1;
    s.options.where.registry.clear();
    s.options.where.to = {s.place("x/a:1"), s.place("x/b:1")};
    s.registry.options.denied_repositories = {"x/a"};
    std::size_t published = 0;
    bool stop = false;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        stop |= request.what == step::patch && request.repository == "x/b";
        published += request.what == step::put_manifest ? 1 : 0;
        return std::nullopt;
    };
    s.stop_when = [&] {
        return stop;
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(s.stopped());
    BOOST_TEST(report.exit_code() == 130, explain(report));
    BOOST_TEST(published == 0u);
    BOOST_TEST(s.registry.count(step::put) == 0u);
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

/// The first body breaks off in the middle.
interceptor cut_once() {
    return once(step::patch, answer::none(answer::next::reset).after_body_bytes(layer_bytes / 2));
}

// Quay says how many bytes it has where others say which is the last, and takes no gap.
BOOST_AUTO_TEST_CASE(session_that_counts_its_bytes_is_gone_on_with) {
    push_scene s;
    prepare(s, kinds[1]);
    s.registry.intercept = cut_once();
    s.registry.adjust = [](const registry_request& request, answer& reply) {
        if (request.what != step::upload_status)
            return;
        for (auto& [name, value] : reply.headers)
            if (name == "Range")
                value = concat("bytes=0-", *parse_decimal(value.substr(2)) + 1);
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.count(step::open_upload) == 2u); // the layer, and the config
    check_image(s, "team/app", "1", image());
}

// With the registry gone each blob has its tries, and no request has tries of its own in each.
BOOST_AUTO_TEST_CASE(status_of_a_session_is_asked_once_a_try) {
    push_scene s;
    prepare(s, kinds[1]);
    s.options.retries = 3;
    s.registry.intercept = first_of({always(step::upload_status, answer::with(503)), cut_once()});
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 5, explain(report));
    BOOST_TEST(s.registry.count(step::upload_status) == 3u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// What cannot be asked how much it has is begun anew, and not left behind.
BOOST_AUTO_TEST_CASE(session_that_does_not_say_what_it_has_is_dropped) {
    for (const int status : {200, 405}) {
        push_scene s;
        prepare(s, kinds[0]);
        s.registry.intercept =
            first_of({always(step::upload_status, answer::with(status)), cut_once()});
        const push_report report = s.push(docker_archive({image()}));
        BOOST_TEST(report.exit_code() == 0, explain(report));
        BOOST_TEST(s.registry.uploads_open() == 0u);
    }
}

// A slow line on which one request of twenty fails: it ends, and the display never goes backwards.
BOOST_AUTO_TEST_CASE(a_slow_and_unreliable_line) {
    push_scene s;
    prepare(s, kinds[1]);
    s.options.jobs = 3;
    s.options.rate_bytes_per_second = 1'000'000;
    s.options.chunks = chunking::always;
    s.options.chunk_bytes = limits::chunk_bytes_min;
    std::mt19937 dice(7);
    int failed = 0;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::ping || dice() % 20 != 0)
            return std::nullopt;
        ++failed;
        return dice() % 2 == 0 ? answer::with(503) : answer::none(answer::next::reset);
    };
    const push_report report = s.push(docker_archive({image()}));
    BOOST_TEST(report.exit_code() == 0, explain(report));
    check_image(s, "team/app", "1", image());
    BOOST_TEST(failed > 0);
    BOOST_TEST(s.told.bytes_done.size() > 2u);
    BOOST_TEST(std::is_sorted(s.told.bytes_done.begin(), s.told.bytes_done.end()));
}

BOOST_AUTO_TEST_SUITE_END()
