// The distribution API over real sockets. The rows of the OCI conformance suite that belong to push
// and pull have their ids (P, B, M) in the sentence above each case.
#include "server/registry_api.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"
#include "support/running_registry.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_registry_api)

using namespace tarpon;
using namespace tarpon::test;
using transport::http_response;
namespace asio = boost::asio;
namespace json = boost::json;

using algorithm = digest::algorithm;

const std::string uploads = "/v2/team/app/blobs/uploads/";
const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
const std::string oci_index = "application/vnd.oci.image.index.v1+json";

std::string blob_target(const digest& name, const std::string& repository = "team/app") {
    return "/v2/" + repository + "/blobs/" + name.str();
}

std::string manifest_target(const std::string& name, const std::string& repository = "team/app") {
    return "/v2/" + repository + "/manifests/" + name;
}

std::string location_of(const http_response& response) {
    const std::string location(response.header("Location"));
    BOOST_TEST(location.starts_with("/v2/"), location);
    return location;
}

std::string content_of(std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        content[i] = static_cast<char>(i * 31 % 251);
    return content;
}

/// An answer in the specification's form of errors.
void check_error(const http_response& response, int status, const std::string& code) {
    BOOST_TEST(response.status == status);
    BOOST_TEST(response.header("Content-Type") == "application/json");
    boost::system::error_code ec;
    const json::value body = json::parse(response.body, ec);
    BOOST_REQUIRE_MESSAGE(!ec, response.body);
    const json::value& first = body.at("errors").at(0);
    BOOST_TEST(first.at("code").as_string() == code);
    BOOST_TEST(!first.at("message").as_string().empty());
}

/// B17: the Location of the commit and the blob's own address give the exact bytes.
asio::awaitable<void>
check_blob(running_registry& registry, http_response committed, std::string content, digest name) {
    BOOST_TEST(committed.status == 201);
    BOOST_TEST(committed.header("Docker-Content-Digest") == name.str());
    const std::string location = location_of(committed);
    for (const std::string& target : std::vector<std::string>{location, blob_target(name)}) {
        const auto got = co_await registry.send("GET", target);
        BOOST_TEST(got.status == 200);
        BOOST_TEST((got.body == content));
        const auto head = co_await registry.send("HEAD", target);
        BOOST_TEST(head.status == 200);
        BOOST_TEST(head.body.empty());
        for (const http_response* answer : {&got, &head}) {
            BOOST_TEST(answer->header("Content-Length") == std::to_string(content.size()));
            BOOST_TEST(answer->header("Docker-Content-Digest") == name.str());
        }
    }
}

// --- P: the API itself --------------------------------------------------------------------------

asio::awaitable<void> ping(running_registry& registry) {
    const auto got = co_await registry.send("GET", "/v2/");
    BOOST_TEST(got.status == 200);
    BOOST_TEST(got.header("Docker-Distribution-API-Version") == "registry/2.0");
    BOOST_TEST(got.body == "{}");
    const auto head = co_await registry.send("HEAD", "/v2/");
    BOOST_TEST(head.status == 200);
    const auto post = co_await registry.send("POST", "/v2/");
    check_error(post, 405, "UNSUPPORTED");
    BOOST_TEST(post.header("Allow") == "GET, HEAD");
}

// P1
BOOST_AUTO_TEST_CASE(ping_answers) {
    with_registry(ping);
}

asio::awaitable<void> nothing_there(running_registry& registry) {
    const auto tags = co_await registry.send("GET", "/v2/team/app/tags/list");
    check_error(tags, 404, "NAME_UNKNOWN");
    const digest absent = digest_of("absent");
    const auto blob = co_await registry.send("GET", blob_target(absent));
    check_error(blob, 404, "BLOB_UNKNOWN");
    const auto blob_head = co_await registry.send("HEAD", blob_target(absent));
    BOOST_TEST(blob_head.status == 404);
    BOOST_TEST(blob_head.body.empty());
    for (const std::string& name : std::vector<std::string>{"latest", absent.str()}) {
        const auto manifest = co_await registry.send("GET", manifest_target(name));
        check_error(manifest, 404, "MANIFEST_UNKNOWN");
        const auto head = co_await registry.send("HEAD", manifest_target(name));
        BOOST_TEST(head.status == 404);
    }
    const auto catalog = co_await registry.send("GET", "/v2/_catalog");
    BOOST_TEST(catalog.body == R"({"repositories":[]})");
}

// P2, B0, M3
BOOST_AUTO_TEST_CASE(absent_things_are_404_in_the_form_of_the_specification) {
    with_registry(nothing_there);
}

asio::awaitable<void> not_allowed(running_registry& registry) {
    co_await registry.push("team/app", "hello");
    const digest name = digest_of("hello");
    const auto put = co_await registry.send("PUT", blob_target(name));
    check_error(put, 405, "UNSUPPORTED");
    BOOST_TEST(put.header("Allow") == "GET, HEAD, DELETE");
    const auto list = co_await registry.send("POST", "/v2/team/app/tags/list");
    check_error(list, 405, "UNSUPPORTED");
    const auto referrers = co_await registry.send("DELETE", "/v2/team/app/referrers/" + name.str());
    check_error(referrers, 405, "UNSUPPORTED");
    const auto nonsense = co_await registry.send("GET", "/etc/passwd");
    check_error(nonsense, 404, "UNSUPPORTED");
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_specification_is_a_clean_refusal) {
    with_registry(not_allowed);
}

asio::awaitable<void> bad_names(running_registry& registry) {
    const auto upper = co_await registry.send("POST", "/v2/Team/blobs/uploads/");
    check_error(upper, 400, "NAME_INVALID");
    const auto escaped = co_await registry.send("GET", "/v2/team%2Fapp/tags/list");
    check_error(escaped, 400, "NAME_INVALID");
    const auto climbing = co_await registry.send("GET", "/v2/%2e%2e/%2e%2e/tags/list");
    check_error(climbing, 400, "NAME_INVALID");
    for (const char* of : {"blobs", "referrers"}) {
        const auto no_digest =
            co_await registry.send("GET", "/v2/a/" + std::string(of) + "/sha256:abc");
        check_error(no_digest, 400, "DIGEST_INVALID");
    }
    const auto put = co_await registry.send("PUT", manifest_target("sha256:baddigeststring"));
    check_error(put, 400, "MANIFEST_INVALID");
    const auto get = co_await registry.send("GET", manifest_target("sha256:baddigeststring"));
    check_error(get, 404, "MANIFEST_INVALID");
}

// M3
BOOST_AUTO_TEST_CASE(names_digests_and_references_that_are_not_legal_refused) {
    with_registry(bad_names);
}

// --- B: blobs -----------------------------------------------------------------------------------

/// Contents of B1 to B8 and B15: nothing, an empty object, and more than one piece of the server.
std::vector<std::string> contents() {
    return {std::string(), "{}", content_of(3067), content_of(limits::block_bytes + 1000)};
}

asio::awaitable<void> at_once(running_registry& registry) {
    for (const algorithm algo : {algorithm::sha256, algorithm::sha512})
        for (const std::string& content : contents()) {
            const digest name = digest_of(content, algo);
            const auto put =
                co_await registry.send("POST", uploads + "?digest=" + name.str(), content);
            co_await check_blob(registry, put, content, name);
        }
}

// B1, B15, B17
BOOST_AUTO_TEST_CASE(blob_in_one_post) {
    with_registry(at_once);
}

asio::awaitable<void> post_and_put(running_registry& registry) {
    for (const algorithm algo : {algorithm::sha256, algorithm::sha512})
        for (const std::string& content : contents()) {
            const digest name = digest_of(content, algo);
            const std::string location = co_await registry.begin("team/app");
            const auto put =
                co_await registry.send("PUT", location + "?digest=" + name.str(), content);
            co_await check_blob(registry, put, content, name);
        }
}

// B2, B15, B17
BOOST_AUTO_TEST_CASE(blob_in_post_and_put) {
    with_registry(post_and_put);
}

asio::awaitable<void> in_chunks(running_registry& registry, bool last_in_put) {
    for (const algorithm algo : {algorithm::sha256, algorithm::sha512}) {
        const std::string content = content_of(3067);
        const digest name = digest_of(content, algo);
        std::string location = co_await registry.begin("team/app");
        const std::vector<std::size_t> ends{1024, 2048, 3067};
        std::size_t at = 0;
        for (const std::size_t end : ends) {
            if (last_in_put && end == ends.back())
                break;
            const auto patched = co_await registry.send(
                "PATCH", location, content.substr(at, end - at), content_range(at, end - 1));
            BOOST_TEST(patched.status == 202);
            BOOST_TEST(patched.header("Range") == "0-" + std::to_string(end - 1));
            location = location_of(patched);
            at = end;
        }
        http_response put;
        if (last_in_put)
            put = co_await registry.send(
                "PUT", location + "?digest=" + name.str(), content.substr(at),
                content_range(at, content.size() - 1));
        else
            put = co_await registry.send("PUT", location + "?digest=" + name.str());
        co_await check_blob(registry, put, content, name);
    }
}

asio::awaitable<void> patched_chunks(running_registry& registry) {
    return in_chunks(registry, false);
}

asio::awaitable<void> chunks_and_put(running_registry& registry) {
    return in_chunks(registry, true);
}

// B3, B4, B17
BOOST_AUTO_TEST_CASE(blob_in_chunks) {
    with_registry(patched_chunks);
}

// B5, B17
BOOST_AUTO_TEST_CASE(blob_in_chunks_the_last_in_the_put) {
    with_registry(chunks_and_put);
}

asio::awaitable<void>
expect_416(running_registry& registry, std::string method, std::string target, std::size_t stands) {
    for (const std::uint64_t first : std::vector<std::uint64_t>{stands + 1, stands + 1024, 1}) {
        const std::string chunk = content_of(100);
        const auto wrong =
            co_await registry.send(method, target, chunk, content_range(first, first + 99));
        check_error(wrong, 416, "BLOB_UPLOAD_INVALID");
        BOOST_TEST(wrong.header("Range") == "0-" + std::to_string(stands == 0 ? 0 : stands - 1));
        const std::string location = location_of(wrong);
        const auto status = co_await registry.send("GET", location);
        BOOST_TEST(status.status == 204);
        BOOST_TEST(status.body.empty());
        BOOST_TEST(status.header("Location") == location);
        BOOST_TEST(status.header("Range") == "0-" + std::to_string(stands == 0 ? 0 : stands - 1));
    }
}

asio::awaitable<void> wrong_chunks(running_registry& registry) {
    const std::string content = content_of(3067);
    const digest name = digest_of(content);
    const std::string location = co_await registry.begin("team/app");
    for (const std::size_t at : std::vector<std::size_t>{0, 1024}) {
        co_await expect_416(registry, "PATCH", location, at);
        const auto right = co_await registry.send(
            "PATCH", location, content.substr(at, 1024), content_range(at, at + 1023));
        BOOST_TEST(right.status == 202);
    }
    const std::string commit = location + "?digest=" + name.str();
    co_await expect_416(registry, "PUT", commit, 2048);
    const auto put = co_await registry.send(
        "PUT", commit, content.substr(2048), content_range(2048, content.size() - 1));
    co_await check_blob(registry, put, content, name);
}

// B6, B7; a chunk that is sent again is refused as well
BOOST_AUTO_TEST_CASE(chunk_out_of_order_is_416_and_changes_nothing) {
    with_registry(wrong_chunks);
}

asio::awaitable<void> bad_ranges(running_registry& registry) {
    const std::string location = co_await registry.begin("team/app");
    for (const char* text :
         {"5", "-", "0-", "-5", "5-1", "a-b", "bytes 0-4/5", "0-4/5", "0--4", " ", "0-4,5-9",
          "0-99999999999999999999"}) {
        const header_list range = one_header("Content-Range", text);
        const auto refused = co_await registry.send("PATCH", location, "hello", range);
        if (std::string_view(text) != " ") // a blank value is no value
            check_error(refused, 400, "BLOB_UPLOAD_INVALID");
    }
    const auto status = co_await registry.send("GET", location);
    BOOST_TEST(status.header("Range") == "0-4"); // of the blank one
    const header_list longer = content_range(5, 99);
    const auto differs = co_await registry.send("PATCH", location, "hello", longer);
    check_error(differs, 400, "SIZE_INVALID");
}

BOOST_AUTO_TEST_CASE(content_range_that_is_none_refused) {
    with_registry(bad_ranges);
    BOOST_TEST(
        (server::parse_content_range("0-0") == std::pair<std::uint64_t, std::uint64_t>(0, 0)));
    BOOST_TEST(
        (server::parse_content_range("5-18446744073709551615")
         == std::pair<std::uint64_t, std::uint64_t>(5, 18446744073709551615u)));
}

asio::awaitable<void> streamed(running_registry& registry) {
    for (const algorithm algo : {algorithm::sha256, algorithm::sha512})
        for (const std::string& content : contents()) {
            const digest name = digest_of(content, algo);
            const std::string location = co_await registry.begin("team/app");
            const auto patched = co_await registry.send_chunked("PATCH", location, content);
            BOOST_TEST(patched.status == 202);
            const auto put =
                co_await registry.send("PUT", location_of(patched) + "?digest=" + name.str());
            co_await check_blob(registry, put, content, name);
        }
}

// B8, B15, B17
BOOST_AUTO_TEST_CASE(blob_in_one_streamed_patch) {
    with_registry(streamed);
}

asio::awaitable<void> mounts(running_registry& registry) {
    const std::string content = content_of(1000);
    const digest name = digest_of(content), absent = digest_of("absent");
    co_await registry.push("other/repository", content);
    const std::string mount = uploads + "?mount=" + name.str();
    const auto hidden = co_await registry.send("HEAD", blob_target(name));
    BOOST_TEST(hidden.status == 404); // what another repository has is not to be found by guessing
    const auto no_from = co_await registry.send("POST", mount);
    BOOST_TEST(no_from.status == 202);
    const auto lacks = co_await registry.send(
        "POST", uploads + "?mount=" + absent.str() + "&from=other/repository");
    BOOST_TEST(lacks.status == 202);
    const std::string commit = location_of(lacks) + "?digest=" + absent.str();
    const auto put = co_await registry.send("PUT", commit, "absent");
    co_await check_blob(registry, put, "absent", absent);
    for (const char* from : {"nowhere", "../x", "UPPER", ""}) {
        const auto elsewhere = co_await registry.send("POST", mount + "&from=" + from);
        BOOST_TEST(elsewhere.status == 202);
    }
    const auto mounted = co_await registry.send("POST", mount + "&from=other%2Frepository");
    co_await check_blob(registry, mounted, content, name);
    const auto no_digest = co_await registry.send("POST", uploads + "?mount=sha256:x&from=a");
    check_error(no_digest, 400, "DIGEST_INVALID");
}

// B9, B10, B11
BOOST_AUTO_TEST_CASE(mount_gives_what_the_other_repository_has) {
    with_registry(mounts);
}

asio::awaitable<void> cancelled(running_registry& registry) {
    const std::string location = co_await registry.begin("team/app");
    const auto patched = co_await registry.send("PATCH", location, "hello");
    BOOST_TEST(patched.status == 202);
    const auto gone = co_await registry.send("DELETE", location);
    BOOST_TEST(gone.status == 204);
    for (const char* method : {"GET", "DELETE", "PATCH"}) {
        const auto again = co_await registry.send(method, location);
        check_error(again, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    const auto put =
        co_await registry.send("PUT", location + "?digest=" + digest_of("hello").str());
    check_error(put, 404, "BLOB_UPLOAD_UNKNOWN");
    BOOST_TEST(std::filesystem::is_empty(registry.storage().path() / "uploads"));
}

// B12
BOOST_AUTO_TEST_CASE(cancelled_upload_is_gone) {
    with_registry(cancelled);
}

asio::awaitable<void> wrong_digests(running_registry& registry) {
    for (const algorithm algo : {algorithm::sha256, algorithm::sha512}) {
        const digest wrong = digest_of("other", algo);
        const std::string query = "?digest=" + wrong.str();
        const auto at_once = co_await registry.send("POST", uploads + query, "hello");
        check_error(at_once, 400, "DIGEST_INVALID");
        const std::string whole = co_await registry.begin("team/app");
        const auto put = co_await registry.send("PUT", whole + query, "hello");
        check_error(put, 400, "DIGEST_INVALID");
        const std::string streamed = co_await registry.begin("team/app");
        (void)co_await registry.send_chunked("PATCH", streamed, "hello");
        const auto commit = co_await registry.send("PUT", streamed + query);
        check_error(commit, 400, "DIGEST_INVALID");
        const auto head = co_await registry.send("HEAD", blob_target(wrong));
        BOOST_TEST(head.status == 404);
    }
    for (const char* query : {"", "?digest=", "?digest=sha256:abc", "?digest=md5:00"}) {
        const std::string location = co_await registry.begin("team/app");
        const auto put = co_await registry.send("PUT", location + query, "hello");
        check_error(put, 400, "DIGEST_INVALID");
        (void)co_await registry.send("DELETE", location);
    }
    const auto post = co_await registry.send("POST", uploads + "?digest=sha256:abc", "hello");
    check_error(post, 400, "DIGEST_INVALID");
    // Nothing is left of any of them.
    BOOST_TEST(std::filesystem::is_empty(registry.storage().path() / "uploads"));
}

// B16
BOOST_AUTO_TEST_CASE(wrong_digest_is_400_and_leaves_nothing) {
    with_registry(wrong_digests);
}

asio::awaitable<void> foreign_session(running_registry& registry) {
    const std::string location = co_await registry.begin("team/app");
    const std::string id = location.substr(location.rfind('/') + 1);
    const std::string stolen = "/v2/other/blobs/uploads/" + id;
    for (const char* method : {"GET", "PATCH", "DELETE"}) {
        const auto answer = co_await registry.send(method, stolen);
        check_error(answer, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    const auto put = co_await registry.send("PUT", stolen + "?digest=" + digest_of("").str());
    check_error(put, 404, "BLOB_UPLOAD_UNKNOWN");
    const auto own = co_await registry.send("GET", location);
    BOOST_TEST(own.status == 204);
}

// CVE-2026-32589
BOOST_AUTO_TEST_CASE(session_of_another_repository_is_unknown) {
    with_registry(foreign_session);
}

asio::awaitable<void> damaged(running_registry& registry) {
    const std::string content = content_of(5000);
    const digest name = digest_of(content);
    co_await registry.push("team/app", content);
    const auto file = registry.storage().path() / "blobs" / "sha256" / std::string(name.hex());
    std::filesystem::resize_file(file, 4999);
    for (const char* method : {"HEAD", "GET"}) {
        const auto answer = co_await registry.send(method, blob_target(name));
        BOOST_TEST(answer.status == 404);
    }
    const auto again = co_await registry.send("POST", uploads + "?digest=" + name.str(), content);
    co_await check_blob(registry, again, content, name);
}

BOOST_AUTO_TEST_CASE(truncated_blob_is_404_until_it_is_pushed_again) {
    with_registry(damaged);
}

asio::awaitable<void> parts(running_registry& registry) {
    const std::string content = content_of(2048);
    const digest name = digest_of(content);
    co_await registry.push("team/app", content);
    struct wanted {
        const char* range;
        std::size_t first, last;
    };
    for (const wanted& one : std::vector<wanted>{
             {"bytes=500-1499", 500, 1499},
             {"bytes=500-", 500, 2047},
             {"bytes=-500", 1548, 2047},
             {"bytes=2000-5000", 2000, 2047}}) {
        const header_list range = one_header("Range", one.range);
        const auto part = co_await registry.send("GET", blob_target(name), std::string(), range);
        BOOST_TEST(part.status == 206);
        BOOST_TEST((part.body == content.substr(one.first, one.last - one.first + 1)));
        BOOST_TEST(part.header("Content-Length") == std::to_string(part.body.size()));
        BOOST_TEST(
            part.header("Content-Range")
            == "bytes " + std::to_string(one.first) + "-" + std::to_string(one.last) + "/2048");
    }
    for (const char* outside : {"bytes=500-0", "bytes=5000-10000"}) {
        const header_list range = one_header("Range", outside);
        const auto none = co_await registry.send("GET", blob_target(name), std::string(), range);
        check_error(none, 416, "SIZE_INVALID");
        BOOST_TEST(none.header("Content-Range") == "bytes */2048");
    }
    const auto whole = co_await registry.send("GET", blob_target(name));
    BOOST_TEST(whole.status == 200);
    BOOST_TEST(whole.header("Accept-Ranges") == "bytes");
    const header_list known = one_header("If-None-Match", std::string(whole.header("ETag")));
    const auto unchanged = co_await registry.send("GET", blob_target(name), std::string(), known);
    BOOST_TEST(unchanged.status == 304);
    BOOST_TEST(unchanged.body.empty());
    const auto head = co_await registry.send("HEAD", blob_target(name));
    BOOST_TEST(head.header("ETag") == whole.header("ETag"));
}

// B13, B14
BOOST_AUTO_TEST_CASE(part_of_a_blob_is_sent) {
    with_registry(parts);
}

asio::awaitable<void> deletes_blobs(running_registry& registry) {
    const digest name = digest_of("hello");
    const auto absent = co_await registry.send("DELETE", blob_target(name));
    check_error(absent, 404, "BLOB_UNKNOWN");
    for (const char* repository : {"team/app", "other"})
        co_await registry.push(repository, "hello");
    const auto gone = co_await registry.send("DELETE", blob_target(name));
    BOOST_TEST(gone.status == 202);
    const auto head = co_await registry.send("HEAD", blob_target(name));
    BOOST_TEST(head.status == 404);
    // GHSA-55r9-5mx9-qq7r: what another repository has stays there, and does not come back here.
    const auto other = co_await registry.send("GET", blob_target(name, "other"));
    BOOST_TEST(other.body == "hello");
    const auto again = co_await registry.send("GET", blob_target(name));
    check_error(again, 404, "BLOB_UNKNOWN");
}

// B18
BOOST_AUTO_TEST_CASE(blob_is_deleted_from_one_repository) {
    with_registry(deletes_blobs);
}

// --- connections that do not go as planned ------------------------------------------------------

/// Waits until the session stands somewhere and no request uses it; its Range.
asio::awaitable<std::string> settled(running_registry& registry, std::string location) {
    while (true) {
        const auto status = co_await registry.send("GET", location);
        if (status.status == 204)
            co_return std::string(status.header("Range"));
        BOOST_REQUIRE(status.status == 409);
    }
}

std::string patch_head(const std::string& target, const std::string& framing) {
    return "PATCH " + target + " HTTP/1.1\r\nHost: localhost\r\n" + framing + "\r\n\r\n";
}

/// Sends the head of a PATCH and waits until it has the session: then the body is asked for.
/// (Asking where the session stands would take it, and could be what keeps the PATCH out.)
asio::awaitable<void>
begin_patch(raw_connection& connection, std::string location, std::string framing) {
    const std::string head = patch_head(location, framing + "\r\nExpect: 100-continue");
    (void)co_await connection.send(head);
    const std::string answer = co_await connection.read_until("\r\n\r\n");
    BOOST_TEST(answer == "HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<void> goes_away(running_registry& registry) {
    const std::string content = content_of(700'000);
    const digest name = digest_of(content);
    for (const char* framing : {"Content-Length: 700000", "Transfer-Encoding: chunked"}) {
        const bool chunked = std::string_view(framing).ends_with("chunked");
        const std::string location = co_await registry.begin("team/app");
        raw_connection connection(registry.io());
        co_await connection.connect(registry.port());
        co_await begin_patch(connection, location, framing);
        const std::string chunk_line = chunked ? "927c0\r\n" : "";
        const bool sent = co_await connection.send(chunk_line + content.substr(0, 600'000));
        BOOST_TEST(sent);
        connection.close();
        // All that came is kept, and the upload goes on from there.
        const std::string range = co_await settled(registry, location);
        BOOST_TEST(range == "0-599999");
        const auto rest = co_await registry.send(
            "PATCH", location, content.substr(600'000), content_range(600'000, 699'999));
        BOOST_TEST(rest.status == 202);
        const auto put = co_await registry.send("PUT", location + "?digest=" + name.str());
        co_await check_blob(registry, put, content, name);
    }
    // A POST with the whole blob has no session that its client could know.
    raw_connection connection(registry.io());
    co_await connection.connect(registry.port());
    const std::string post = "POST " + uploads + "?digest=" + name.str()
                             + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf";
    (void)co_await connection.send(post);
    connection.close();
    while (!std::filesystem::is_empty(registry.storage().path() / "uploads"))
        (void)co_await registry.send("GET", "/v2/");
}

BOOST_AUTO_TEST_CASE(client_that_goes_away_leaves_what_it_sent) {
    with_registry(goes_away);
}

asio::awaitable<void> two_patches(running_registry& registry) {
    const std::string location = co_await registry.begin("team/app");
    raw_connection first(registry.io());
    co_await first.connect(registry.port());
    co_await begin_patch(first, location, "Content-Length: 10");
    (void)co_await first.send("hello");
    const auto second = co_await registry.send("PATCH", location, "other");
    check_error(second, 409, "BLOB_UPLOAD_INVALID");
    const auto put =
        co_await registry.send("PUT", location + "?digest=" + digest_of("hello").str());
    check_error(put, 409, "BLOB_UPLOAD_INVALID");
    const auto drop = co_await registry.send("DELETE", location);
    check_error(drop, 409, "BLOB_UPLOAD_INVALID");
    const bool more = co_await first.send("world");
    BOOST_TEST(more);
    const std::string answer = co_await first.read_until("\r\n\r\n");
    BOOST_TEST(answer.starts_with("HTTP/1.1 202 "));
    const auto done =
        co_await registry.send("PUT", location + "?digest=" + digest_of("helloworld").str());
    BOOST_TEST(done.status == 201);
}

BOOST_AUTO_TEST_CASE(second_request_on_a_session_in_use_is_409) {
    with_registry(two_patches);
}

asio::awaitable<void> continues(running_registry& registry) {
    const std::string location = co_await registry.begin("team/app");
    raw_connection connection(registry.io());
    co_await connection.connect(registry.port());
    (void)co_await connection.send(
        patch_head(location, "Content-Length: 5\r\nExpect: 100-continue"));
    const std::string go_on = co_await connection.read_until("\r\n\r\n");
    BOOST_TEST(go_on == "HTTP/1.1 100 Continue\r\n\r\n");
    (void)co_await connection.send("hello");
    const std::string answer = co_await connection.read_until("\r\n\r\n");
    BOOST_TEST(answer.starts_with("HTTP/1.1 202 "));
    // A refusal comes without the body having been asked for.
    (void)co_await connection.send(patch_head(
        "/v2/team/app/blobs/uploads/" + std::string(32, '0'),
        "Content-Length: 5\r\nExpect: 100-continue"));
    const std::string refused = co_await connection.read_all();
    BOOST_TEST(refused.starts_with("HTTP/1.1 404 "));
    BOOST_TEST(count(refused, "100 Continue") == 0u);
}

BOOST_AUTO_TEST_CASE(body_is_asked_for_only_when_it_is_wanted) {
    with_registry(continues);
}

// --- M: manifests -------------------------------------------------------------------------------

std::string image_of(const std::string& more = {}) {
    const std::string config = "{}";
    return R"({"schemaVersion":2,"mediaType":")" + oci_manifest
           + R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")"
           + digest_of(config).str() + R"(","size":2},"layers":[])" + more + "}";
}

asio::awaitable<http_response>
put_manifest(running_registry& registry, std::string name, std::string bytes, std::string type) {
    co_return co_await registry.send(
        "PUT", manifest_target(name), bytes, one_header("Content-Type", type));
}

asio::awaitable<void>
check_manifest(running_registry& registry, std::string name, std::string bytes, std::string type) {
    for (const char* method : {"GET", "HEAD"}) {
        const auto got = co_await registry.send(method, manifest_target(name));
        BOOST_TEST(got.status == 200);
        BOOST_TEST(got.header("Content-Type") == type);
        BOOST_TEST(got.header("Content-Length") == std::to_string(bytes.size()));
        BOOST_TEST(
            (got.header("Docker-Content-Digest") == digest_of(bytes).str()
             || name.starts_with("sha512:")));
        BOOST_TEST(got.body == (std::string_view(method) == "GET" ? bytes : ""));
    }
}

asio::awaitable<void> stores_manifests(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::string image = image_of(R"(,"x-unknown":{"a":[1,null]},"annotations":{"k":"v"})");
    const std::string name = digest_of(image).str();
    const auto by_digest = co_await put_manifest(registry, name, image, oci_manifest);
    BOOST_TEST(by_digest.status == 201);
    BOOST_TEST(location_of(by_digest) == manifest_target(name));
    co_await check_manifest(registry, name, image, oci_manifest);
    const auto no_tags = co_await registry.send("GET", "/v2/team/app/tags/list");
    BOOST_TEST(no_tags.body == R"({"name":"team/app","tags":[]})");
    // Parameters of the type are not part of it.
    const auto tagged =
        co_await put_manifest(registry, "1.0", image, oci_manifest + "; charset=utf-8");
    BOOST_TEST(tagged.status == 201);
    BOOST_TEST(tagged.header("Docker-Content-Digest") == name);
    co_await check_manifest(registry, "1.0", image, oci_manifest);
    const std::string index = R"({"schemaVersion":2,"mediaType":")" + oci_index
                              + R"(","manifests":[{"mediaType":")" + oci_manifest
                              + R"(","digest":")" + name + R"(","size":)"
                              + std::to_string(image.size()) + "}]}";
    const auto with_children = co_await put_manifest(registry, "all", index, oci_index);
    BOOST_TEST(with_children.status == 201);
    co_await check_manifest(registry, "all", index, oci_index);
    const std::string other = digest_of(image, algorithm::sha512).str();
    const auto sha512 = co_await put_manifest(registry, other, image, oci_manifest);
    BOOST_TEST(sha512.status == 201);
    co_await check_manifest(registry, other, image, oci_manifest);
}

// M1, M2
BOOST_AUTO_TEST_CASE(manifest_is_stored_byte_for_byte) {
    with_registry(stores_manifests);
}

asio::awaitable<void> refuses_manifests(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::string image = image_of();
    const auto padded =
        co_await put_manifest(registry, digest_of(image).str(), image + "  ", oci_manifest);
    check_error(padded, 400, "DIGEST_INVALID");
    for (const char* type : {"", "text/plain", "application/json", "application/octet-stream"}) {
        const auto untyped = co_await put_manifest(registry, "1", image, type);
        check_error(untyped, 400, "MANIFEST_INVALID");
    }
    const auto other_type = co_await put_manifest(registry, "1", image, oci_index);
    check_error(other_type, 400, "MANIFEST_INVALID");
    const auto garbage = co_await put_manifest(registry, "1", "{", oci_manifest);
    check_error(garbage, 400, "MANIFEST_INVALID");
    const std::string both = image_of(R"(,"manifests":[])");
    const auto ambiguous = co_await put_manifest(registry, "1", both, oci_manifest);
    check_error(ambiguous, 400, "MANIFEST_INVALID");
    const auto twice =
        co_await put_manifest(registry, "1", image_of(R"(,"layers":[])"), oci_manifest);
    check_error(twice, 400, "MANIFEST_INVALID");
    const auto elsewhere = co_await registry.send(
        "PUT", manifest_target("1", "other"), image, one_header("Content-Type", oci_manifest));
    check_error(elsewhere, 404, "MANIFEST_BLOB_UNKNOWN");
    const auto bad_tag = co_await put_manifest(registry, "-bad", image, oci_manifest);
    check_error(bad_tag, 400, "MANIFEST_INVALID");
    const auto absent = co_await registry.send("GET", manifest_target("1"));
    check_error(absent, 404, "MANIFEST_UNKNOWN");
}

// M3
BOOST_AUTO_TEST_CASE(manifest_that_does_not_hold_refused) {
    with_registry(refuses_manifests);
}

asio::awaitable<void> large_manifests(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::size_t base = image_of(R"(,"annotations":{"k":""})").size();
    const auto padding = [base](std::uint64_t size) {
        return image_of(
            R"(,"annotations":{"k":")" + std::string(static_cast<std::size_t>(size) - base, 'x')
            + "\"}");
    };
    const std::string largest = padding(limits::manifest_bytes_max);
    const auto fits = co_await put_manifest(registry, "1", largest, oci_manifest);
    BOOST_TEST(fits.status == 201);
    const auto got = co_await registry.send("GET", manifest_target("1"));
    BOOST_TEST((got.body == largest));
    const std::string over = padding(limits::manifest_bytes_max + 1);
    const auto too_large = co_await put_manifest(registry, "2", over, oci_manifest);
    check_error(too_large, 413, "SIZE_INVALID");
    // Announced only, and never ending.
    const std::string head = "PUT " + manifest_target("2")
                             + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + oci_manifest
                             + "\r\n";
    const std::string announced =
        co_await registry.exchange(head + "Content-Length: 100000000000000\r\n\r\n");
    BOOST_TEST(announced.starts_with("HTTP/1.1 413 "));
}

BOOST_AUTO_TEST_CASE(manifest_over_the_limit_is_413) {
    with_registry(large_manifests);
}

std::vector<std::string> names_of(const http_response& response, const char* member) {
    std::vector<std::string> names;
    const json::value body = json::parse(response.body);
    for (const json::value& name : body.at(member).as_array())
        names.emplace_back(name.as_string().c_str());
    return names;
}

asio::awaitable<void> deletes(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::string image = image_of();
    const std::string name = digest_of(image).str();
    for (const char* tag : {"1", "2", "3"})
        (void)co_await put_manifest(registry, tag, image, oci_manifest);
    const auto absent = co_await registry.send("DELETE", manifest_target("none"));
    check_error(absent, 404, "MANIFEST_UNKNOWN");
    const auto untagged = co_await registry.send("DELETE", manifest_target("1"));
    BOOST_TEST(untagged.status == 202);
    const auto tag = co_await registry.send("HEAD", manifest_target("1"));
    BOOST_TEST(tag.status == 404);
    for (const std::string& left : std::vector<std::string>{"2", name}) {
        const auto still = co_await registry.send("HEAD", manifest_target(left));
        BOOST_TEST(still.status == 200, left);
    }
    const auto removed = co_await registry.send("DELETE", manifest_target(name));
    BOOST_TEST(removed.status == 202);
    for (const std::string& gone : std::vector<std::string>{"2", "3", name}) {
        const auto head = co_await registry.send("HEAD", manifest_target(gone));
        BOOST_TEST(head.status == 404, gone);
    }
    const auto again = co_await registry.send("DELETE", manifest_target(name));
    check_error(again, 404, "MANIFEST_UNKNOWN");
    // A repository without tags is none that is listed; its blobs are still there.
    const auto catalog = co_await registry.send("GET", "/v2/_catalog");
    BOOST_TEST(catalog.body == R"({"repositories":[]})");
    const auto blob = co_await registry.send("HEAD", blob_target(digest_of("{}")));
    BOOST_TEST(blob.status == 200);
}

// M6
BOOST_AUTO_TEST_CASE(tags_and_manifests_are_deleted) {
    with_registry(deletes);
}

asio::awaitable<void> blob_in_use(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::string image = image_of();
    (void)co_await put_manifest(registry, "1", image, oci_manifest);
    for (const digest& used : std::vector<digest>{digest_of("{}"), digest_of(image)}) {
        const auto kept = co_await registry.send("DELETE", blob_target(used));
        check_error(kept, 409, "DENIED");
    }
    (void)co_await registry.send("DELETE", manifest_target(digest_of(image).str()));
    const auto gone = co_await registry.send("DELETE", blob_target(digest_of("{}")));
    BOOST_TEST(gone.status == 202);
}

// A tag names an image that is whole, until it is deleted.
BOOST_AUTO_TEST_CASE(blob_of_an_image_is_not_deleted) {
    with_registry(blob_in_use);
}

std::vector<json::value> referrers_in(const http_response& answer) {
    BOOST_TEST(answer.status == 200);
    BOOST_TEST(answer.header("Content-Type") == oci_index);
    const json::value index = json::parse(answer.body);
    BOOST_TEST(index.at("schemaVersion").as_int64() == 2);
    BOOST_TEST(index.at("mediaType").as_string() == oci_index);
    const json::array& all = index.at("manifests").as_array();
    return {all.begin(), all.end()};
}

asio::awaitable<void> refers(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::string image = image_of();
    const digest subject = digest_of(image);
    const std::string target = "/v2/team/app/referrers/" + subject.str();
    const auto none = co_await registry.send("GET", target);
    BOOST_TEST(referrers_in(none).empty());
    const std::string member = R"(,"subject":{"mediaType":")" + oci_manifest + R"(","digest":")"
                               + subject.str() + R"(","size":)" + std::to_string(image.size())
                               + "}";
    const std::string typed =
        image_of(member + R"(,"artifactType":"text/sbom","annotations":{"k":"v"})");
    const std::string untyped = image_of(member);
    // Before the subject: it may come later.
    for (const std::string& one : {typed, untyped}) {
        const auto put = co_await put_manifest(registry, digest_of(one).str(), one, oci_manifest);
        BOOST_TEST(put.status == 201);
        BOOST_TEST(put.header("OCI-Subject") == subject.str());
    }
    const auto plain = co_await put_manifest(registry, "1", image, oci_manifest);
    BOOST_TEST(plain.header("OCI-Subject") == "");
    const auto both = co_await registry.send("GET", target);
    BOOST_TEST(referrers_in(both).size() == 2u);
    BOOST_TEST(both.header("OCI-Filters-Applied") == "");
    const auto filtered = co_await registry.send("GET", target + "?artifactType=text%2Fsbom");
    BOOST_TEST(filtered.header("OCI-Filters-Applied") == "artifactType");
    const auto found = referrers_in(filtered);
    BOOST_REQUIRE(found.size() == 1u);
    BOOST_TEST(found[0].at("digest").as_string() == digest_of(typed).str());
    BOOST_TEST(found[0].at("mediaType").as_string() == oci_manifest);
    BOOST_TEST(found[0].at("size").to_number<std::size_t>() == typed.size());
    BOOST_TEST(found[0].at("annotations").at("k").as_string() == "v");
    const auto by_config = co_await registry.send(
        "GET", target + "?artifactType=application/vnd.oci.image.config.v1%2Bjson");
    BOOST_TEST(referrers_in(by_config).size() == 1u);
    const auto other = co_await registry.send("GET", "/v2/other/referrers/" + subject.str());
    BOOST_TEST(referrers_in(other).empty());
    (void)co_await registry.send("DELETE", manifest_target(digest_of(typed).str()));
    const auto left = co_await registry.send("GET", target);
    BOOST_TEST(referrers_in(left).size() == 1u);
}

// P3, M5
BOOST_AUTO_TEST_CASE(referrers_are_listed_and_filtered) {
    with_registry(refers);
}

asio::awaitable<void> lists(running_registry& registry) {
    co_await registry.push("team/app", "{}");
    const std::vector<std::string> all{"1", "10", "2", "A", "a", "b"};
    for (const std::string& tag : all) {
        const auto put = co_await put_manifest(registry, tag, image_of(), oci_manifest);
        BOOST_TEST(put.status == 201);
    }
    const std::string list = "/v2/team/app/tags/list";
    const auto whole = co_await registry.send("GET", list);
    BOOST_TEST(names_of(whole, "tags") == all, boost::test_tools::per_element());
    BOOST_TEST(whole.header("Link") == "");
    const auto after = co_await registry.send("GET", list + "?last=2");
    const std::vector<std::string> tail{"A", "a", "b"};
    BOOST_TEST(names_of(after, "tags") == tail, boost::test_tools::per_element());
    // Pages follow their links to the end.
    std::vector<std::string> seen;
    std::string next = list + "?n=4";
    while (!next.empty()) {
        const auto page = co_await registry.send("GET", next);
        const auto names = names_of(page, "tags");
        seen.insert(seen.end(), names.begin(), names.end());
        const std::string link(page.header("Link"));
        BOOST_TEST((link.empty() || link.ends_with("; rel=\"next\"")));
        next = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    BOOST_TEST(seen == all, boost::test_tools::per_element());
    // CVE-2023-2253: numbers nobody means.
    for (const char* query :
         {"?n=0", "?n=-1", "?n=x", "?n=1000000000", "?n=18446744073709551616", "?last=zzz",
          "?n="}) {
        const auto odd = co_await registry.send("GET", list + query);
        BOOST_TEST(odd.status == 200, query);
    }
    const auto none = co_await registry.send("GET", list + "?n=0");
    BOOST_TEST(names_of(none, "tags").empty());
    BOOST_TEST(none.header("Link") == "");
    const auto catalog = co_await registry.send("GET", "/v2/_catalog");
    const std::vector<std::string> repositories{"team/app"};
    BOOST_TEST(names_of(catalog, "repositories") == repositories, boost::test_tools::per_element());
}

// M4
BOOST_AUTO_TEST_CASE(tags_are_listed_in_pages) {
    with_registry(lists);
}

BOOST_AUTO_TEST_SUITE_END()
