// What one push remembers for the next one: what that saves, and what it must not believe.
#include "engine/push_memory.hpp"

#include "support/image_builder.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"
#include "support/token_service.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_push_memory)

using namespace tarpon;
using namespace tarpon::test;

struct remembering_scene : push_scene {
    temp_dir state_dir;
    remembering_scene() { options.state = (state_dir.path() / "state").string(); }

    void push_to(const std::string& archive, std::vector<std::string> names) {
        options.where.registry.clear();
        options.where.to.clear();
        for (const std::string& name : names)
            options.where.to.push_back(place(name));
        check_done(*this, push(archive));
    }
    bool all_are(blob_status status) const { return told.count(status) == told.blobs.size(); }
    /// Every event names its blob.
    void check_events() const {
        for (const blob_event& event : told.blobs) {
            BOOST_TEST(!event.digest.empty());
            BOOST_TEST(event.size > 0u);
        }
    }
};

const built_image& image() {
    static const built_image one =
        make_image({make_layer(1, 50'000), make_layer(2, 5'000)}, {"app:1"});
    return one;
}

std::string oci_image() {
    oci_builder oci;
    const blob one = oci.image(image());
    return oci.archive({one.json(annotation("io.containerd.image.name", "docker.io/a/a:1"))});
}

BOOST_AUTO_TEST_CASE(blobs_are_mounted_from_where_they_went_before) {
    remembering_scene s;
    s.push_to(docker_archive({image()}), {"a/one:1"});
    s.push_to(docker_archive({image()}), {"b/two:1"});
    BOOST_TEST(s.all_are(blob_status::mounted));
    s.check_events();
    check_image(s, "b/two", "1", image());
}

// A blob that was mounted is known as well as one that was sent.
BOOST_AUTO_TEST_CASE(what_was_mounted_is_mounted_on) {
    remembering_scene s;
    s.push_to(oci_image(), {"a/one:1"});
    s.push_to(oci_image(), {"b/two:1", "b/three:1"});
    BOOST_TEST(s.all_are(blob_status::mounted));
    s.check_events();
    BOOST_TEST(s.registry.broken_tags().empty());
}

// An image that somebody else tagged says that its layer unpacks to ours. Under its own tag that is
// believed; it is no knowledge for other repositories.
BOOST_AUTO_TEST_CASE(what_others_say_of_a_layer_is_not_remembered) {
    remembering_scene s;
    s.push_to(docker_archive({image()}), {"team/dev:1"});
    const auto honest = tagged(s, "team/dev", "1");
    const std::string fake = gzip("not that layer at all");
    const digest fake_digest = s.registry.add_blob("team/dev", fake);
    std::string claim = s.registry.tagged("team/dev", "1")->bytes;
    const auto put = [&](const std::string& from, const std::string& to) {
        const std::size_t at = claim.find(from);
        BOOST_REQUIRE(at != claim.npos);
        claim.replace(at, from.size(), to);
    };
    put(honest.layers[0].digest.str(), fake_digest.str());
    put("\"size\":" + std::to_string(honest.layers[0].size),
        "\"size\":" + std::to_string(fake.size()));
    s.registry.add_manifest("team/dev", "1", s.registry.tagged("team/dev", "1")->media_type, claim);

    remembering_scene other;
    s.options.state = other.options.state; // remembers nothing yet
    const built_image rebuilt = make_image({image().layers[0], make_layer(9, 700)}, {"app:1"});
    s.push_to(docker_archive({rebuilt}), {"team/dev:1"});
    s.push_to(docker_archive({rebuilt}), {"team/prod:1"});
    check_image(s, "team/prod", "1", rebuilt);
}

// Where a blob was once, we may not read any more, or somebody else wrote it down: then it is sent.
BOOST_AUTO_TEST_CASE(place_that_may_not_be_read_is_no_trouble) {
    for (const int token_status : {403, 404, 500, 0}) {
        remembering_scene s;
        s.options.retries = 0;
        s.options.connection.username = "user";
        s.options.connection.password = "MARKER";
        s.registry.intercept = token_service({});
        s.push_to(docker_archive({image()}), {"a/one:1"});
        token_habits narrow;
        narrow.denied_status = token_status;
        if (token_status != 0)
            narrow.denied_scopes = {"repository:a/one:pull"};
        else
            s.registry.options.mount_status = 403;
        s.registry.intercept = token_service(narrow);
        s.push_to(docker_archive({image()}), {"b/two:1"});
        check_image(s, "b/two", "1", image());
        BOOST_TEST(s.told.text().find("MARKER") == std::string::npos);
    }
}

// A session is left for the next process only where that will find it.
BOOST_AUTO_TEST_CASE(session_that_is_not_written_down_is_dropped) {
    for (const bool writable : {false, true}) {
        remembering_scene s;
        s.registry.options.keeps_broken_uploads = true;
        s.options.jobs = 1;
        const built_image large = make_image({make_noise(3'000'000)}, {"app:1"});
        if (!writable)
            s.options.state = "/proc/nothing";
        bool stop = false;
        s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
            if (request.what != step::patch)
                return std::nullopt;
            stop = true;
            return answer::none(answer::next::stall).after_body_bytes(1'500'000);
        };
        s.stop_when = [&] {
            return stop;
        };
        const push_report report = s.push(docker_archive({large}));
        BOOST_TEST(report.exit_code() == 130, explain(report));
        BOOST_TEST(s.registry.uploads_open() == (writable ? 1u : 0u));
    }
}

BOOST_AUTO_TEST_CASE(trouble_is_a_warning_where_the_folder_was_asked_for) {
    for (const bool is_default : {false, true}) {
        remembering_scene s;
        s.options.state = "/proc/nothing";
        s.options.state_is_default = is_default;
        s.push_to(docker_archive({image()}), {"a/one:1"});
        BOOST_TEST(s.told.warnings.size() == (is_default ? 0u : 1u));
        BOOST_TEST(s.told.text().find("/proc/nothing/lock: No such file") != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
