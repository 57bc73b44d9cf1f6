// Scripts read these lines: every field, its name, its order and its type are a promise.
#include "engine/event_json.hpp"

#include "model/hasher.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_event_json)

using namespace tarpon;
using namespace tarpon::engine;

const digest layer = digest_of("layer");
const digest plain = digest_of("plain");

BOOST_AUTO_TEST_CASE(start_has_the_version) {
    const std::string line = start_json();
    BOOST_TEST(line.starts_with(R"({"schema":1,"event":"start","version":"0.)"), line);
    BOOST_TEST(line.ends_with("\"}"));
}

BOOST_AUTO_TEST_CASE(blob_in_every_status) {
    blob_event event{layer, plain, 10, blob_status::uploaded, 12, "localhost:5000/team/app"};
    BOOST_TEST(
        to_json(event)
        == R"({"schema":1,"event":"blob","digest":")" + layer.str() + R"(","diff_id":")"
               + plain.str()
               + R"(","size":10,"status":"uploaded","bytes_sent":12,"repository":"localhost:5000/team/app"})");
    event.diff_id = digest();
    event.bytes_sent = 0;
    for (const auto& [status, word] : std::vector<std::pair<blob_status, std::string>>{
             {blob_status::exists, "exists"},
             {blob_status::mounted, "mounted"},
             {blob_status::reused, "reused"}}) {
        event.status = status;
        BOOST_TEST(
            to_json(event)
            == R"({"schema":1,"event":"blob","digest":")" + layer.str()
                   + R"(","diff_id":null,"size":10,"status":")" + word
                   + R"(","bytes_sent":0,"repository":"localhost:5000/team/app"})");
    }
}

BOOST_AUTO_TEST_CASE(image_pushed_and_unchanged) {
    image_event event{
        "r.example/a:1", layer, "application/vnd.oci.image.manifest.v1+json", image_status::pushed};
    const std::string before =
        R"({"schema":1,"event":"image","reference":"r.example/a:1","digest":")" + layer.str()
        + R"(","media_type":"application/vnd.oci.image.manifest.v1+json","status":")";
    BOOST_TEST(to_json(event) == before + "pushed\"}");
    event.status = image_status::unchanged;
    BOOST_TEST(to_json(event) == before + "unchanged\"}");
}

BOOST_AUTO_TEST_CASE(image_of_an_archive) {
    const image_event event{"r.example/a:1", layer, "t", image_status::pushed, "a.tar"};
    BOOST_TEST(to_json(event).ends_with(R"("status":"pushed","archive":"a.tar"})"));
}

BOOST_AUTO_TEST_CASE(plan_of_a_migration) {
    migrate_plan plan;
    plan.archives = 1;
    plan.images = 2;
    plan.images_done = 3;
    plan.blobs = 4;
    plan.blob_bytes = 5;
    plan.shared_bytes = 6;
    plan.bytes_present = 7;
    plan.bytes_to_send = 8;
    BOOST_TEST(
        to_json(plan)
        == R"({"schema":1,"event":"plan","archives":1,"images":2,"images_done":3,"blobs":4,"blob_bytes":5,"shared_bytes":6,"bytes_present":7,"bytes_to_send":8})");
}

BOOST_AUTO_TEST_CASE(image_that_an_earlier_run_did) {
    migrated_image image;
    image.reference = "r.example/a:1";
    image.digest = layer;
    image.archive = "a.tar";
    BOOST_TEST(
        skipped_json(image)
        == R"({"schema":1,"event":"skipped","reference":"r.example/a:1","digest":")" + layer.str()
               + R"(","archive":"a.tar"})");
}

BOOST_AUTO_TEST_CASE(plan_of_a_dry_run) {
    const plan_event event{"r.example/a:1", 5, 2, 1000};
    BOOST_TEST(
        to_json(event)
        == R"({"schema":1,"event":"plan","reference":"r.example/a:1","blobs":5,"blobs_to_send":2,"bytes_to_read":1000})");
}

BOOST_AUTO_TEST_CASE(error_in_every_class) {
    struct expected {
        errc code;
        std::string word, name;
    };
    for (const auto& [code, word, name] : std::vector<expected>{
             {errc::usage, "usage", "usage"},
             {errc::archive_truncated, "archive", "archive_truncated"},
             {errc::registry_denied, "auth", "registry_denied"},
             {errc::registry_failed, "registry", "registry_failed"},
             {errc::transport_tls, "network", "transport_tls"},
             {errc::internal, "internal", "internal"},
             {errc::cancelled, "interrupted", "cancelled"}}) {
        const failure_event event{error(code, "what"), {}, {}};
        BOOST_TEST(
            to_json(event)
            == R"({"schema":1,"event":"error","class":")" + word + R"(","code":")" + name
                   + R"(","message":"what","reference":null,"archive":null,"cause":null,"hint":null,"http_status":null})");
    }
    error full(errc::registry_failed, "what \"failed\"\n", "503", "try again");
    full.with_status(503);
    BOOST_TEST(
        to_json(failure_event{full, "r.example/a:1", "a.tar"})
        == R"({"schema":1,"event":"error","class":"registry","code":"registry_failed","message":"what \"failed\"\n","reference":"r.example/a:1","archive":"a.tar","cause":"503","hint":"try again","http_status":503})");
}

BOOST_AUTO_TEST_CASE(summary_has_every_number) {
    push_summary summary;
    summary.images = 1;
    summary.failed = 2;
    summary.blobs_uploaded = 3;
    summary.blobs_skipped = 4;
    summary.bytes_read = 5;
    summary.bytes_sent = 18446744073709551615u;
    summary.requests = 7;
    summary.connections = 8;
    summary.seconds = 1.5;
    summary.peak_memory_bytes = 9;
    BOOST_TEST(
        to_json(summary)
        == R"({"schema":1,"event":"summary","images":1,"failed":2,"blobs_uploaded":3,"blobs_skipped":4,"bytes_read":5,"bytes_sent":18446744073709551615,"requests":7,"connections":8,"seconds":1.5E0,"peak_memory_bytes":9})");
}

BOOST_AUTO_TEST_CASE(inspection_lists_images_layers_and_children) {
    inspection found;
    found.archive = "a.tar";
    found.dialect = "docker+oci";
    found.compression = "none";
    found.size = 100;
    found.entries = 7;
    inspected_image child;
    child.platform = "linux/amd64";
    child.present = false;
    inspected_image image;
    image.names = {"app:1"};
    image.digest = layer;
    image.media_type = "type";
    image.layers.push_back({{"", digest(), 0}, plain, "tar", 10});
    image.platforms.push_back(child);
    image.referrers.push_back(plain);
    image.trouble = "why";
    found.images.push_back(image);
    found.warnings.push_back("odd");
    BOOST_TEST(
        to_json(found)
        == R"({"schema":1,"event":"inspect","archive":"a.tar","dialect":"docker+oci","compression":"none","size":100,"entries":7,"images":[{"names":["app:1"],"platform":null,"media_type":"type","digest":")"
               + layer.str() + R"(","config":null,"layers":[{"digest":null,"diff_id":")"
               + plain.str()
               + R"(","media_type":null,"encoding":"tar","size":10}],"platforms":[{"names":[],"platform":"linux/amd64","media_type":null,"digest":null,"config":null,"layers":[],"platforms":[],"referrers":[],"present":false,"trouble":null}],"referrers":[")"
               + plain.str() + R"("],"present":true,"trouble":"why"}],"warnings":["odd"]})");
}

BOOST_AUTO_TEST_SUITE_END()
