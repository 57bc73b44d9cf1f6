#include "registry/manifest_api.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/expect_error.hpp"
#include "support/fake_registry.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_manifest_api)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using registry::remote_manifest;
namespace asio = boost::asio;
namespace mt = tarpon::media_type;

const std::string repository = "team/app";

/// A manifest of nothing, so that no blob has to be there.
std::string empty_index(std::string_view more = {}) {
    return concat(
        R"({"schemaVersion":2,"mediaType":")", mt::oci_index, R"(","manifests":[])", more, "}");
}

descriptor index_descriptor(const std::string& bytes) {
    return {std::string(mt::oci_index), digest_of(bytes), bytes.size()};
}

/// How a test wants its registry.
using preparation = std::function<void(fake_registry&)>;

struct outcome {
    std::optional<remote_manifest> found;
    std::optional<error> failed;
    seen_request asked;
    std::size_t requests = 0;
    std::optional<digest> tagged;
};

asio::awaitable<void>
look(registry_client& client, std::string method, std::string name, outcome& out) {
    try {
        if (method == "HEAD")
            out.found = co_await registry::head_manifest(client.session(), repository, name);
        else
            out.found = co_await registry::get_manifest(client.session(), repository, name);
    } catch (const error& e) {
        out.failed = e;
    }
}

asio::awaitable<void> look_once(
    asio::io_context& io, std::string method, std::string name, preparation prepare, outcome& out) {
    fake_registry registry(io);
    prepare(registry);
    registry_client client(io, registry.host());
    co_await look(client, std::move(method), std::move(name), out);
    out.requests = registry.server().log().size();
    out.asked = registry.server().log().back();
}

/// What comes of a look at a manifest.
outcome look(const std::string& method, const std::string& name, const preparation& prepare) {
    outcome out;
    run_coroutine([&](asio::io_context& io) { return look_once(io, method, name, prepare, out); });
    return out;
}

void hold_index(fake_registry& registry) {
    registry.add_manifest(repository, "1.0", std::string(mt::oci_index), empty_index());
}

// Endpoint 3: type and digest as the registry states them, by tag and by digest.
BOOST_AUTO_TEST_CASE(manifest_that_is_there_is_found) {
    const std::string bytes = empty_index();
    for (const char* method : {"HEAD", "GET"}) {
        for (const std::string& name : {std::string("1.0"), digest_of(bytes).str()}) {
            const outcome out = look(method, name, hold_index);
            BOOST_REQUIRE(out.found.has_value());
            BOOST_TEST(out.found->media_type == mt::oci_index);
            BOOST_TEST(out.found->digest == digest_of(bytes));
            BOOST_TEST(out.found->bytes == (method == std::string("GET") ? bytes : ""));
            BOOST_TEST(out.asked.target == concat("/v2/team/app/manifests/", name));
        }
    }
}

// Section 6: the four types, comma joined in one header; some registries answer by it.
BOOST_AUTO_TEST_CASE(all_manifest_types_are_accepted) {
    for (const char* method : {"HEAD", "GET"}) {
        const outcome out = look(method, "1.0", hold_index);
        const std::string_view accept = out.asked.header("Accept");
        for (const std::string_view type :
             {mt::oci_index, mt::oci_manifest, mt::docker_index, mt::docker_manifest})
            BOOST_TEST(accept.find(type) != accept.npos);
        BOOST_TEST(accept.find('*') == accept.npos);
    }
}

// A parameter of the type is not part of it.
BOOST_AUTO_TEST_CASE(type_is_taken_without_parameters) {
    const auto prepare = [](fake_registry& registry) {
        hold_index(registry);
        registry.adjust = [](const registry_request&, answer& reply) {
            for (auto& [name, value] : reply.headers)
                if (name == "Content-Type")
                    value += " ; charset=utf-8";
        };
    };
    BOOST_TEST(look("HEAD", "1.0", prepare).found->media_type == mt::oci_index);
    BOOST_TEST(look("GET", "1.0", prepare).found->media_type == mt::oci_index);
}

// 404 is the ordinary "no"; Artifactory says 403 for what is absent, proxies 405 to every HEAD.
BOOST_DATA_TEST_CASE(absent_manifest_is_nothing, bdata::make({400, 403, 404, 405, 406}), status) {
    const auto prepare = [status](fake_registry& registry) {
        registry.intercept = [status](const registry_request&) {
            return std::optional(answer::with(status, "no"));
        };
    };
    for (const char* method : {"HEAD", "GET"}) {
        const outcome out = look(method, "1.0", prepare);
        BOOST_TEST(!out.found.has_value());
        BOOST_TEST(!out.failed.has_value());
    }
}

// A registry in trouble did not say that there is nothing.
BOOST_DATA_TEST_CASE(
    failing_registry_is_an_error,
    bdata::make({429, 500, 502, 503})
        ^ bdata::make(
            {errc::registry_refused, errc::registry_failed, errc::registry_failed,
             errc::registry_failed}),
    status,
    wanted) {
    const auto prepare = [status](fake_registry& registry) {
        registry.intercept = [status](const registry_request&) {
            return std::optional(answer::with(status, "later"));
        };
    };
    for (const char* method : {"HEAD", "GET"}) {
        const outcome out = look(method, "1.0", prepare);
        BOOST_REQUIRE(out.failed.has_value());
        BOOST_TEST(out.failed->code() == wanted);
    }
}

// Without Docker-Content-Digest a look cannot tell; the bytes can.
BOOST_AUTO_TEST_CASE(digest_header_may_be_missing) {
    const auto prepare = [](fake_registry& registry) {
        hold_index(registry);
        registry.options.digest_header = false;
    };
    BOOST_TEST(look("HEAD", "1.0", prepare).found->digest.empty());
    BOOST_TEST(look("GET", "1.0", prepare).found->digest == digest_of(empty_index()));
}

// reliability-anchors C14: what is no digest never becomes one.
BOOST_DATA_TEST_CASE(
    malformed_digest_header_is_no_digest,
    bdata::make({"sha256:../../x", "sha256:", "sha256:ABC", "md5:00", "x"}),
    stated) {
    const auto prepare = [&stated](fake_registry& registry) {
        hold_index(registry);
        registry.adjust = [&stated](const registry_request&, answer& reply) {
            for (auto& [name, value] : reply.headers)
                if (name == "Docker-Content-Digest")
                    value = stated;
        };
    };
    BOOST_TEST(look("HEAD", "1.0", prepare).found->digest.empty());
}

// Bodies over the limit are not what a push could reuse, and are not read to their end.
BOOST_AUTO_TEST_CASE(manifest_over_the_limit_is_nothing) {
    for (const std::size_t more : {0u, 1u}) {
        const std::size_t size = limits::manifest_bytes_max + more;
        const auto prepare = [size](fake_registry& registry) {
            registry.intercept = [size](const registry_request&) {
                return std::optional(
                    answer::with(200, std::string(size, ' '), std::string(mt::oci_index)));
            };
        };
        const outcome out = look("GET", "1.0", prepare);
        BOOST_TEST(!out.failed.has_value());
        BOOST_TEST(out.found.has_value() == (more == 0));
    }
}

// reliability-anchors B13: without a length nobody knows whether the end is there.
BOOST_AUTO_TEST_CASE(manifest_ended_by_close_is_nothing) {
    const auto prepare = [](fake_registry& registry) {
        hold_index(registry);
        registry.adjust = [](const registry_request&, answer& reply) {
            reply.how = answer::framing::until_close;
        };
    };
    BOOST_TEST(!look("GET", "1.0", prepare).found.has_value());
}

asio::awaitable<void> put_once(
    asio::io_context& io, std::string name, std::string bytes, preparation prepare, outcome& out) {
    fake_registry registry(io);
    prepare(registry);
    registry_client client(io, registry.host());
    const descriptor content = index_descriptor(bytes);
    try {
        co_await registry::put_manifest(
            client.session(), repository, name, content, std::move(bytes));
    } catch (const error& e) {
        out.failed = e;
    }
    out.requests = registry.server().log().size();
    out.asked = registry.server().log().back();
    out.tagged = registry.tag(repository, name);
}

outcome put(const std::string& name, const preparation& prepare) {
    outcome out;
    run_coroutine(
        [&](asio::io_context& io) { return put_once(io, name, empty_index(), prepare, out); });
    return out;
}

void as_it_is(fake_registry&) {}

preparation answered(int status, const std::string& body, const std::string& type) {
    return [=](fake_registry& registry) {
        registry.intercept = [=](const registry_request&) {
            return std::optional(answer::with(status, body, type));
        };
    };
}

std::string listed(std::string_view code) {
    return concat(R"({"errors":[{"code":")", code, R"(","message":"no"}]})");
}

// Section 1.1: type without parameters, bytes as hashed, a length (Nexus answers 411 to chunks).
BOOST_AUTO_TEST_CASE(manifest_is_put_as_it_is) {
    const std::string bytes = empty_index();
    const outcome out = put("1.0", as_it_is);
    BOOST_TEST(!out.failed.has_value());
    BOOST_TEST(out.asked.method == "PUT");
    BOOST_TEST(out.asked.target == "/v2/team/app/manifests/1.0");
    BOOST_TEST(out.asked.header("Content-Type") == mt::oci_index);
    BOOST_TEST(out.asked.header("Content-Length") == std::to_string(bytes.size()));
    BOOST_TEST(out.asked.header("Transfer-Encoding").empty());
    BOOST_REQUIRE(out.tagged.has_value());
    BOOST_TEST(*out.tagged == digest_of(bytes));
    BOOST_TEST(!put(digest_of(bytes).str(), as_it_is).failed.has_value());
}

// 201 by the book, 200 and 202 in the wild.
BOOST_DATA_TEST_CASE(accepted_manifest, bdata::make({200, 201, 202}), status) {
    const auto prepare = [status](fake_registry& registry) {
        registry.options.manifest_status = status;
    };
    BOOST_TEST(!put("1.0", prepare).failed.has_value());
}

struct refusal_sample {
    int status;
    const char* code;
    errc wanted;
};
std::ostream& operator<<(std::ostream& out, const refusal_sample& s) {
    return out << s.status << ' ' << s.code;
}

const refusal_sample refusals[] = {
    // Another type may do better.
    {415, "", errc::registry_manifest_rejected},
    {400, "MANIFEST_INVALID", errc::registry_manifest_rejected},
    {400, "UNSUPPORTED", errc::registry_manifest_rejected},
    {405, "UNSUPPORTED", errc::registry_manifest_rejected},
    {404, "MANIFEST_BLOB_UNKNOWN", errc::registry_manifest_rejected},
    {400, "TAG_INVALID", errc::registry_manifest_rejected},
    // Nothing will.
    {400, "NAME_INVALID", errc::registry_refused},
    {403, "DENIED", errc::registry_denied},
    {404, "NAME_UNKNOWN", errc::registry_not_found},
    {409, "TAG_IMMUTABLE", errc::registry_refused},
    {413, "", errc::registry_too_large},
    {429, "TOOMANYREQUESTS", errc::registry_refused},
    {500, "UNKNOWN", errc::registry_failed},
    {503, "UNAVAILABLE", errc::registry_failed},
    {204, "", errc::registry_protocol},
    {302, "", errc::registry_protocol},
};

// Section 7: which refusals are about the manifest itself.
BOOST_DATA_TEST_CASE(refused_manifest_says_why, bdata::make(refusals), s) {
    const bool redirect = s.status == 302;
    auto prepare = answered(s.status, listed(s.code), "application/json");
    if (redirect)
        prepare = [](fake_registry& registry) {
            registry.intercept = [](const registry_request&) {
                return std::optional(answer::with(302).header("Location", "/v2/elsewhere"));
            };
        };
    const outcome out = put("1.0", prepare);
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == s.wanted);
    BOOST_TEST(out.failed->http_status() == s.status);
    BOOST_TEST(out.requests == 1u); // 302 would make a GET of it
    BOOST_TEST(!out.tagged.has_value());
}

// Old registries answer a type they do not know with 400 and words of their own.
BOOST_AUTO_TEST_CASE(bad_request_without_a_code_is_about_the_manifest) {
    for (const char* body : {"", "Invalid JSON syntax", "<html>Bad Request</html>"}) {
        const outcome out = put("1.0", answered(400, body, "text/html"));
        BOOST_REQUIRE(out.failed.has_value());
        BOOST_TEST(out.failed->code() == errc::registry_manifest_rejected);
    }
}

// reliability-anchors C15: "stored something else" is never a success.
BOOST_AUTO_TEST_CASE(other_digest_in_the_answer_is_an_error) {
    for (const std::string& stated : {digest_of("other").str(), std::string("nonsense")}) {
        const auto prepare = [&stated](fake_registry& registry) {
            registry.options.stated_manifest_digest = stated;
        };
        const outcome out = put("1.0", prepare);
        BOOST_REQUIRE(out.failed.has_value());
        BOOST_TEST(out.failed->code() == errc::registry_protocol);
        BOOST_TEST(out.failed->cause().find(stated) != std::string::npos);
    }
    const auto silent = [](fake_registry& registry) {
        registry.options.digest_header = false;
    };
    BOOST_TEST(!put("1.0", silent).failed.has_value());
}

asio::awaitable<void> put_immutable(asio::io_context& io, answer says, bool& told) {
    scripted_server server(io, [says](const seen_request&) { return says; });
    registry_client client(io, server.host());
    const std::string bytes = empty_index();
    const descriptor content = index_descriptor(bytes);
    try {
        co_await registry::put_manifest(client.session(), repository, "1.0", content, bytes);
    } catch (const registry::tag_is_immutable& e) {
        told = e.code() == errc::registry_refused && e.http_status() == says.status;
    }
}

struct immutable_sample {
    int status;
    const char* code;
    const char* words;
};
std::ostream& operator<<(std::ostream& out, const immutable_sample& s) {
    return out << s.status << ' ' << s.code;
}
const immutable_sample immutable_answers[] = {
    {400, "TAG_INVALID", "the tag exists and the repository is immutable"}, // ECR
    {412, "PRECONDITION", "configured as immutable"},                       // Harbor
    {403, "DENIED", "Cannot update Immutable tag"},
    {409, "TAG_IMMUTABLE", ""},
};

// It is about the tag, not about the type of the manifest, nor about who may push.
BOOST_DATA_TEST_CASE(immutable_tag_is_told_apart, bdata::make(immutable_answers), s) {
    const std::string body =
        concat(R"({"errors":[{"code":")", s.code, R"(","message":")", s.words, R"("}]})");
    bool told = false;
    run_coroutine([&](asio::io_context& io) {
        return put_immutable(io, answer::json(s.status, body), told);
    });
    BOOST_TEST(told);
}

BOOST_AUTO_TEST_SUITE_END()
