#include "registry/upload_fsm.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_upload_fsm)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using registry::upload_fsm;
using registry::upload_outcome;
using registry::upload_step;
using transport::parse_url;
using transport::url;

const digest content = digest_of("content");

url uploads() {
    return parse_url("https://reg.example.com/v2/team/app/blobs/uploads/").value();
}

upload_fsm machine(bool with_digest, bool probe, bool mount) {
    upload_fsm::facts known;
    if (with_digest)
        known.digest = content;
    known.probe = probe;
    if (mount)
        known.mount_from = "team/base";
    return upload_fsm(std::move(known));
}

/// A machine that has come as far as `send`.
upload_fsm sending(std::string_view location = "/v2/team/app/blobs/uploads/1") {
    upload_fsm one = machine(true, false, false);
    one.on_answer({202, location, {}}, uploads());
    BOOST_REQUIRE((one.step() == upload_step::send));
    return one;
}

upload_fsm committing() {
    upload_fsm one = sending();
    one.on_answer({202, {}, {}}, *one.session());
    BOOST_REQUIRE((one.step() == upload_step::commit));
    return one;
}

// What is known decides which request is the first.
BOOST_AUTO_TEST_CASE(first_step_follows_from_what_is_known) {
    BOOST_TEST((machine(true, true, true).step() == upload_step::probe));
    BOOST_TEST((machine(true, true, false).step() == upload_step::probe));
    BOOST_TEST((machine(true, false, true).step() == upload_step::mount));
    BOOST_TEST((machine(true, false, false).step() == upload_step::open));
    // neither can be asked without a digest
    BOOST_TEST((machine(false, true, true).step() == upload_step::open));
    BOOST_TEST((machine(false, false, true).step() == upload_step::open));
}

struct row {
    int status;
    upload_step with_mount, without;
};
std::ostream& operator<<(std::ostream& out, const row& r) {
    return out << r.status;
}

const row probes[] = {
    {200, upload_step::finished, upload_step::finished},
    {404, upload_step::mount, upload_step::open},
    {403, upload_step::mount, upload_step::open},
    {405, upload_step::mount, upload_step::open},
    {400, upload_step::mount, upload_step::open},
    {429, upload_step::failed, upload_step::failed},
    {500, upload_step::failed, upload_step::failed},
    {502, upload_step::failed, upload_step::failed},
    {503, upload_step::failed, upload_step::failed},
};

// Endpoint 2: only 200 means "there"; proxies that forbid HEAD tell nothing.
BOOST_DATA_TEST_CASE(probe_status_decides, bdata::make(probes), r) {
    for (const bool mount : {true, false}) {
        upload_fsm one = machine(true, true, mount);
        one.on_answer({r.status, {}, {}}, uploads());
        BOOST_TEST((one.step() == (mount ? r.with_mount : r.without)));
        BOOST_TEST(one.broken().empty());
    }
}

// A blob that is there is not uploaded, and counts as such.
BOOST_AUTO_TEST_CASE(probe_that_finds_the_blob_ends_it) {
    upload_fsm one = machine(true, true, true);
    one.on_answer({200, {}, content.str()}, uploads());
    BOOST_TEST((one.outcome() == upload_outcome::exists));
    BOOST_TEST(one.digest() == content);
}

// Section 2.4: 201 mounts, every refusal means an ordinary upload.
BOOST_DATA_TEST_CASE(
    refused_mount_becomes_an_upload,
    bdata::make({400, 401, 403, 404, 405, 429, 500, 503}),
    status) {
    upload_fsm one = machine(true, false, true);
    one.on_answer({status, {}, {}}, uploads());
    BOOST_TEST((one.step() == upload_step::open));
    BOOST_TEST(one.broken().empty());
}

BOOST_AUTO_TEST_CASE(mount_accepted_ends_it) {
    upload_fsm one = machine(true, false, true);
    one.on_answer({201, "/v2/team/app/blobs/x", content.str()}, uploads());
    BOOST_TEST((one.step() == upload_step::finished));
    BOOST_TEST((one.outcome() == upload_outcome::mounted));
}

// 202 is "no, but here is a session": it is used, not wasted.
BOOST_AUTO_TEST_CASE(mount_answered_with_a_session_uses_it) {
    upload_fsm one = machine(true, false, true);
    one.on_answer({202, "/v2/team/app/blobs/uploads/7?_state=x", {}}, uploads());
    BOOST_REQUIRE((one.step() == upload_step::send));
    BOOST_TEST(one.session()->target == "/v2/team/app/blobs/uploads/7?_state=x");
}

// A session without a usable place is no session; an ordinary one is opened.
BOOST_AUTO_TEST_CASE(mount_answered_with_a_bad_session_opens_another) {
    for (const char* location : {"", "ftp://x/", "http://other.example.com/x"}) {
        upload_fsm one = machine(true, false, true);
        one.on_answer({202, location, {}}, uploads());
        BOOST_TEST((one.step() == upload_step::open), location);
        BOOST_TEST(one.broken().empty());
    }
}

// Endpoint 4: 202 and nothing else.
BOOST_DATA_TEST_CASE(
    open_refused_fails,
    bdata::make({200, 201, 204, 301, 400, 401, 403, 404, 405, 429, 500}),
    status) {
    upload_fsm one = machine(false, false, false);
    one.on_answer({status, "/v2/team/app/blobs/uploads/1", {}}, uploads());
    BOOST_TEST((one.step() == upload_step::failed));
    BOOST_TEST(one.broken().empty()); // the status says it
}

struct place {
    const char *location, *session;
};
std::ostream& operator<<(std::ostream& out, const place& p) {
    return out << p.location;
}

const place places[] = {
    {"/v2/team/app/blobs/uploads/1", "https://reg.example.com/v2/team/app/blobs/uploads/1"},
    {"/artifacts-uploads/x?y=z", "https://reg.example.com/artifacts-uploads/x?y=z"},
    {"https://reg.example.com/u/1?_state=a%2Fb%3D", "https://reg.example.com/u/1?_state=a%2Fb%3D"},
    {"https://storage.example.org/u/1", "https://storage.example.org/u/1"},
    {"https://reg.example.com:8443/u/1", "https://reg.example.com:8443/u/1"},
    // behind a TLS proxy servers say http about themselves (distribution #479)
    {"http://reg.example.com/u/1", "https://reg.example.com/u/1"},
    {"http://reg.example.com:443/u/1", "https://reg.example.com/u/1"},
    {"1", "https://reg.example.com/v2/team/app/blobs/uploads/1"},
};

// Section 2.2: the session is where Location says, resolved against what was asked.
BOOST_DATA_TEST_CASE(location_of_any_form_is_the_session, bdata::make(places), p) {
    const upload_fsm one = sending(p.location);
    BOOST_TEST(one.session()->at.str() + one.session()->target == p.session);
}

// No place, no URL, credentials in it, or out of TLS: the protocol is broken, and the reason kept.
BOOST_DATA_TEST_CASE(
    unusable_location_fails,
    bdata::make(
        {"", "ftp://reg.example.com/x", "http://other.example.com/x",
         "https://user:secret@reg.example.com/x", "/a b", "/a\r\nX: y", "https://", "::"}),
    location) {
    upload_fsm one = machine(false, false, false);
    one.on_answer({202, location, {}}, uploads());
    BOOST_TEST((one.step() == upload_step::failed));
    BOOST_TEST(!one.broken().empty());
    BOOST_TEST(one.broken().find("secret") == std::string::npos);
    BOOST_TEST(!one.session().has_value());
}

// Endpoint 7: 202 by the book; ECR says 201, others 200 and 204.
BOOST_DATA_TEST_CASE(send_accepted_goes_on_to_commit, bdata::make({200, 201, 202, 204}), status) {
    upload_fsm one = sending();
    one.on_answer({status, "/v2/team/app/blobs/uploads/1?at=2", {}}, *one.session());
    BOOST_TEST((one.step() == upload_step::commit));
    BOOST_TEST(one.session()->target == "/v2/team/app/blobs/uploads/1?at=2");
}

BOOST_DATA_TEST_CASE(
    send_refused_fails,
    bdata::make({301, 302, 400, 401, 403, 404, 413, 416, 429, 500, 503}),
    status) {
    upload_fsm one = sending();
    one.on_answer({status, {}, {}}, *one.session());
    BOOST_TEST((one.step() == upload_step::failed));
    BOOST_TEST(one.broken().empty());
}

// Without a new Location the old one stays; a relative one is resolved against the session.
BOOST_AUTO_TEST_CASE(newest_location_counts) {
    upload_fsm one = sending("https://storage.example.org/u/1?sig=a");
    one.on_answer({202, {}, {}}, *one.session());
    BOOST_TEST(one.session()->target == "/u/1?sig=a");
    upload_fsm two = sending("https://storage.example.org/u/1?sig=a");
    two.on_answer({202, "/u/2?sig=b", {}}, *two.session());
    BOOST_TEST(two.session()->at.host == "storage.example.org");
    BOOST_TEST(two.session()->target == "/u/2?sig=b");
    upload_fsm three = sending();
    three.on_answer({202, "http://other.example.com/x", {}}, *three.session());
    BOOST_TEST((three.step() == upload_step::failed));
    BOOST_TEST(!three.broken().empty());
}

// Endpoint 8: 201 by the book; some say 200, 202 and 204.
BOOST_DATA_TEST_CASE(commit_accepted_ends_it, bdata::make({200, 201, 202, 204}), status) {
    upload_fsm one = committing();
    one.on_answer({status, {}, {}}, *one.session());
    BOOST_TEST((one.step() == upload_step::finished));
    BOOST_TEST((one.outcome() == upload_outcome::uploaded));
}

BOOST_DATA_TEST_CASE(
    commit_refused_fails, bdata::make({301, 400, 401, 403, 404, 413, 416, 429, 500, 504}), status) {
    upload_fsm one = committing();
    one.on_answer({status, {}, content.str()}, *one.session());
    BOOST_TEST((one.step() == upload_step::failed));
    BOOST_TEST(one.broken().empty());
}

// "The registry stored something else" is never a success (reliability-anchors C15).
BOOST_AUTO_TEST_CASE(commit_with_another_digest_fails) {
    upload_fsm right = committing();
    right.on_answer({201, {}, content.str()}, *right.session());
    BOOST_TEST((right.step() == upload_step::finished));
    for (const std::string& stated : {digest_of("other").str(), std::string("nonsense\r\n")}) {
        upload_fsm one = committing();
        one.on_answer({201, {}, stated}, *one.session());
        BOOST_TEST((one.step() == upload_step::failed));
        BOOST_TEST(one.broken().find("stored the blob as") != std::string::npos);
        BOOST_TEST(one.broken().find('\n') == std::string::npos);
    }
}

// A digest that is found while sending is what is committed and compared.
BOOST_AUTO_TEST_CASE(digest_found_while_sending_is_committed) {
    upload_fsm one = machine(false, true, true);
    one.on_answer({202, "/u/1", {}}, uploads());
    one.on_answer({202, {}, {}}, *one.session());
    const digest sent = digest_of("sent");
    one.set_digest(sent);
    BOOST_TEST(one.digest() == sent);
    one.on_answer({201, {}, sent.str()}, *one.session());
    BOOST_TEST((one.step() == upload_step::finished));
}

// The end is the end, whatever comes after it.
BOOST_AUTO_TEST_CASE(answers_after_the_end_change_nothing) {
    upload_fsm done = machine(true, true, false);
    done.on_answer({200, {}, {}}, uploads());
    done.on_answer({500, {}, {}}, uploads());
    BOOST_TEST((done.step() == upload_step::finished));
    upload_fsm failed = machine(true, true, false);
    failed.on_answer({500, {}, {}}, uploads());
    failed.on_answer({200, {}, {}}, uploads());
    BOOST_TEST((failed.step() == upload_step::failed));
}

// 307 and 308 keep method and body: the same step again, elsewhere; afterwards the session is where
// it was unless the answer says otherwise.
BOOST_AUTO_TEST_CASE(redirected_body_is_sent_elsewhere) {
    const transport::url asked = transport::parse_url("https://reg.example.com/v2/app/u/").value();
    for (const int status : {307, 308}) {
        upload_fsm fsm({});
        fsm.on_answer({202, "/session", ""}, asked);
        const transport::url session = *fsm.session();
        fsm.on_answer({status, "https://store.example.com/x?sig=1", ""}, session);
        BOOST_TEST((fsm.step() == upload_step::send));
        BOOST_TEST(fsm.session()->at.host == "store.example.com");
        const transport::url elsewhere = *fsm.session();
        fsm.on_answer({202, "", ""}, elsewhere);
        BOOST_TEST((fsm.step() == upload_step::commit));
        BOOST_TEST(fsm.session()->target == "/session");
    }
}

BOOST_AUTO_TEST_CASE(redirects_of_a_body_are_checked_and_counted) {
    const transport::url asked = transport::parse_url("https://reg.example.com/v2/app/u/").value();
    for (const char* bad : {"", "http://other.example.com/", "https://169.254.169.254/"}) {
        upload_fsm fsm({});
        fsm.on_answer({202, "/session", ""}, asked);
        fsm.on_answer({307, bad, ""}, asked);
        BOOST_TEST((fsm.step() == upload_step::failed));
        BOOST_TEST(!fsm.broken().empty());
    }
    upload_fsm fsm({});
    fsm.on_answer({202, "/session", ""}, asked);
    int redirects = 0;
    for (; fsm.step() == upload_step::send; ++redirects)
        fsm.on_answer({307, "/again", ""}, asked);
    BOOST_TEST(redirects == limits::redirects_max + 1);
    BOOST_TEST(fsm.broken().find("redirected more than") != std::string::npos);
    upload_fsm other({});
    other.on_answer({202, "/session", ""}, asked);
    other.on_answer({302, "/elsewhere", ""}, asked);
    BOOST_TEST((other.step() == upload_step::failed));
}

BOOST_AUTO_TEST_SUITE_END()
