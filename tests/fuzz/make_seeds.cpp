// Writes seeds for the fuzz targets: make_seeds DATA_FOLDER OUT_FOLDER makes OUT_FOLDER/<target>/.
//
// Archives are those of tests/data with their layers cut short, and small ones in every dialect;
// texts are examples that take a parser down each of its paths.
#include "archive/tar_header.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/tar_builder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>

namespace {

using namespace tarpon;
using namespace tarpon::test;
namespace fs = std::filesystem;
namespace mt = tarpon::media_type;

constexpr std::size_t body_bytes_kept = 2048; // of a layer in an archive of tests/data

class seed_writer {
public:
    explicit seed_writer(fs::path out)
        : out_(std::move(out)) {}

    void add(std::string_view target, std::string_view content) {
        const fs::path folder = out_ / target;
        fs::create_directories(folder);
        std::ofstream(folder / concat("seed-", count_++), std::ios::binary) << content;
    }
    void add_all(std::string_view target, std::initializer_list<std::string_view> contents) {
        for (const std::string_view content : contents)
            add(target, content);
    }

private:
    fs::path out_;
    unsigned count_ = 100;
};

std::string read_whole(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The same archive with long bodies cut and their headers saying so. JSON stays whole.
std::string with_short_bodies(std::string_view tar) {
    std::string out;
    while (tar.size() >= 512) {
        std::string block(tar.substr(0, 512));
        tar.remove_prefix(512);
        const auto header = archive::parse_tar_header(
            std::as_bytes(std::span(block.data(), block.size())).first<512>());
        if (!header || header->name.empty()) {
            out += block;
            continue;
        }
        const auto size = static_cast<std::size_t>(header->size);
        std::string body(tar.substr(0, size));
        tar.remove_prefix(std::min(tar.size(), static_cast<std::size_t>(archive::padded(size))));
        if (size > body_bytes_kept && body.front() != '{' && body.front() != '[') {
            body.resize(body_bytes_kept);
            block.replace(124, 11, tar_builder::octal(body.size(), 11));
            tar_builder::fix_checksum(block);
        }
        body.resize(static_cast<std::size_t>(archive::padded(body.size())), '\0');
        out += block + body;
    }
    return out;
}

void add_archive(seed_writer& seeds, const std::string& tar) {
    seeds.add("fuzz_tar_reader", tar);
    seeds.add("fuzz_contents", tar);
}

void add_header_chains(seed_writer& seeds) {
    const auto gnu = tar_builder::flavour::gnu;
    const std::string name(150, 'n');
    seeds.add(
        "fuzz_tar_reader",
        tar_builder().pax({{"path", name}, {"size", "3"}}).raw('0', "x", 0, "abc").end().str());
    seeds.add(
        "fuzz_tar_reader",
        tar_builder(gnu).gnu_long('L', name).gnu_long('K', name).symlink("s", "t").end().str());
    seeds.add(
        "fuzz_tar_reader", tar_builder(gnu)
                               .gnu_long('L', name)
                               .pax({{"linkpath", name}})
                               .symlink("s", "t")
                               .end()
                               .str());
    seeds.add(
        "fuzz_tar_reader",
        tar_builder().pax({{"comment", "x"}}, 'g').directory("d/").hard_link("h", "d/x").str());
    seeds.add(
        "fuzz_tar_reader",
        tar_builder(tar_builder::flavour::v7).file("d/", "").file("a", "b").str());
    std::string sparse = tar_builder::header(gnu, 'S', "sparse", tar_builder::octal(512, 11));
    sparse[482] = 1;
    tar_builder::fix_checksum(sparse);
    seeds.add(
        "fuzz_tar_reader", sparse + std::string(1024, '\0') + tar_builder().file("a", "b").str());
    seeds.add(
        "fuzz_tar_reader",
        tar_builder().pax({{"GNU.sparse.major", "1"}}).file("s", "x").end().str());
    std::string large = tar_builder::header(gnu, '0', "large", "");
    large.replace(124, 12, std::string("\x80\0\0\0\0\0\0\0\0\0\0\x05", 12));
    tar_builder::fix_checksum(large);
    seeds.add("fuzz_tar_reader", large + std::string("hello") + std::string(507, '\0'));
    seeds.add("fuzz_tar_reader", "11 path=a\n9 size=5\n20 linkpath=elsewhere\n");
}

std::string small_layer(unsigned seed) {
    return tar_builder().file(concat("f", seed), "content").str();
}

void add_small_archives(seed_writer& seeds) {
    const built_image one = make_image({small_layer(1)}, {"team/app:1"});
    const built_image two = make_image({small_layer(1), small_layer(2)}, {"a:1", "b.c/d:2"});
    add_archive(seeds, docker_archive({one, two}));
    add_archive(
        seeds,
        tar_builder()
            .file("l.tar", gzip(small_layer(1)))
            .symlink("m/layer.tar", "../l.tar")
            .hard_link("n.tar", "l.tar")
            .file("c.json", make_image({small_layer(1), small_layer(1)}, {}).config)
            .file(
                "manifest.json",
                R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["m/layer.tar","n.tar"]}])")
            .end()
            .str());
    oci_builder oci;
    const blob image = oci.image(one);
    const blob other = oci.image(two, "");
    const blob empty = oci.add(mt::oci_empty, "{}");
    const blob signature =
        oci.image(empty, {empty}, R"("artifactType":"a/sig","subject":)" + image.json());
    const blob index = oci.index(
        {image.json(R"("platform":{"os":"linux","architecture":"arm64","variant":"v8"})"),
         other.json()});
    const auto named = [](const blob& root, std::string_view name) {
        return root.json(annotation("org.opencontainers.image.ref.name", name));
    };
    add_archive(seeds, oci.archive({named(index, "app:1"), signature.json()}));
    add_archive(seeds, oci.archive({image.json(), named(other, "1.0")}));
    const std::string item = concat(
        R"([{"Config":"blobs/sha256/)", one.config_digest().hex(),
        R"(","RepoTags":["team/app:1"],"Layers":["blobs/sha256/)", one.diff_id(0).hex(), R"("]}])");
    oci_builder hybrid;
    const blob root = hybrid.image(one, "");
    add_archive(seeds, hybrid.archive({named(root, "team/app:1")}, {{"manifest.json", item}}));
}

void add_json(seed_writer& seeds) {
    const std::string digest_text = digest::parse("sha256:" + std::string(64, 'a'))->str();
    const std::string layer = concat(
        R"({"mediaType":")", mt::oci_layer_gzip, R"(","size":5,"digest":")", digest_text, R"("})");
    const std::string config = blob{std::string(mt::oci_config), "{}"}.json(R"("data":"e30=")");
    const char* const target = "fuzz_json_documents";
    seeds.add(
        target, concat(
                    R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest, R"(","config":)",
                    config, R"(,"layers":[)", layer, R"(],"subject":)", layer,
                    R"(,"artifactType":"a/b","annotations":{"k":"v"}})"));
    seeds.add(
        target,
        concat(
            R"({"schemaVersion":2,"manifests":[{"mediaType":")", mt::oci_manifest,
            R"(","size":7,"digest":")", digest_text,
            R"(","platform":{"os":"linux","architecture":"amd64","variant":"v2"},"annotations":{"org.opencontainers.image.ref.name":"a:1"}}]})"));
    seeds.add(
        target,
        concat(
            R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"],"LayerSources":{")",
            digest_text, R"(":{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar)",
            R"(","size":5,"digest":")", digest_text, R"(","urls":["https://x/"]}}}])"));
    seeds.add(target, make_image({small_layer(1)}, {}).config);
    seeds.add_all(
        target,
        {"{}", "[]", "null", "-1.5e300", R"("\ud83d\ude00\u0000")", R"({"a":{"a":[1,{"a":true}]}})",
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         "18446744073709551616"});
}

void add_compressed(seed_writer& seeds) {
    const std::string text = make_layer(1, 600).substr(0, 1400);
    const std::array<std::string (*)(std::string_view), 4> packers{gzip, zstd, xz, bzip2};
    for (std::size_t i = 0; i < packers.size(); ++i) {
        const auto add = [&](const std::string& packed) {
            seeds.add("fuzz_decoders", std::string(1, static_cast<char>(i)) + "\x07" + packed);
        };
        add(packers[i](text));
        add(packers[i]("one") + packers[i]("") + packers[i]("two"));
        add(packers[i](std::string(100'000, 'z')));
        add(packers[i](text).substr(0, 60));
    }
    seeds.add("fuzz_decoders", std::string("\0\x03", 2) + gzip("padded") + std::string(40, '\0'));
    seeds.add("fuzz_decoders", std::string("\x01\x03\x50\x2a\x4d\x18\x02\0\0\0xx", 12) + zstd("x"));
}

void add_texts(seed_writer& seeds) {
    const std::string sha256 = "sha256:" + std::string(64, '0');
    seeds.add_all(
        "fuzz_reference",
        {"busybox", "team/app:1.0", "registry.example.com:8443/team/two:v2", "[::1]:5000/x:y",
         "a__b/c-d---e/f_g:h", "docker.io/library/x", "index.docker.io/x", "localhost/a/b",
         "host.x/a:tag@" + sha256, sha256, "sha512:" + std::string(128, 'f'),
         "application/vnd.oci.image.manifest.v1+json"});
    seeds.add_all(
        "fuzz_auth_challenge",
        {R"(Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push")",
         R"(Basic realm="x, \"y\"", charset="UTF-8")", "Negotiate abc==, Digest qop=\"auth\"",
         "Basic", "bearer REALM=x , Basic", R"(Bearer error="invalid_token", Basic realm="")"});
    seeds.add_all(
        "fuzz_url",
        {"https://registry.example.com/v2/a/blobs/uploads/?_state=x%2F\n/v2/a/blobs/uploads/id?x=1",
         "http://[::1]:5000/\n../..//x?y#z", "https://h:8443/p\nhttp://h:8443/q",
         "https://host/\n//other.example/x", "http://127.0.0.1:80\n?only=query",
         "https://h/\nhttps://user:password@h/", "https://h%2fx/\nhttps://[fe80::1%25eth0]/",
         "registry.example.com:443", "https://h/\nhttps://h:0/\\x"});
    seeds.add_all(
        "fuzz_error_body",
        {"application/"
         "json\n{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\",\"detail\":\"x\"}]}",
         "application/json\n{\"message\":\"toomany\",\"documentation_url\":\"x\"}",
         "application/json\n{\"error\":\"invalid\",\"error_description\":\"y\"}",
         "text/html\n<html><body><h1>502 Bad Gateway</h1></body></html>",
         "text/plain\nplain words\x1b[31m", "\n<!DOCTYPE html><p>x"});
    const std::string bytes_2048("\0\x08\0\0\0\0\0\0", 8);
    seeds.add_all(
        "fuzz_byte_range", {bytes_2048 + "bytes=500-1499", bytes_2048 + "bytes=-500\n\"sha256:ab\"",
                            bytes_2048 + "bytes=2000-\nW/\"x\", *", bytes_2048 + "bytes=0-1,5-6"});
    seeds.add_all(
        "fuzz_logins",
        {"# people\nann:$2y$04$KXEMpG9lZDsaXCvcbwwopeeYzqIbZEskmYZz.Iec4s.SRTh7N8/pO\n",
         "x:$apr1$G07VAumz$SsseEs3mvWXg8FQYdF2xi1", "x:{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=\n\n",
         "Basic YW5uOmFwcGxl", "basic  YTo=", "a=b; s=0123456789abcdef; __Host-s=1", "s=1; s=2",
         R"({"username":"ann","password":"apple"})", "username=ann+b&password=%C3%BC%26",
         "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.0/104", "127.0.0.1"});
    seeds.add_all(
        "fuzz_route",
        {"/v2/", "/v2/_catalog?n=10&last=a%2Fb", "/v2/team/app/blobs/" + sha256,
         "/v2/team/app/blobs/uploads/?mount=" + sha256 + "&from=other",
         "/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef?digest=" + sha256,
         "/v2/a/manifests/latest", "/v2/blobs/manifests/manifests/" + sha256, "/v2/a/tags/list?n=0",
         "/v2/a/referrers/" + sha256 + "?artifactType=a%2Fb%2Bjson&last=" + sha256,
         "/v2/a%2fb/manifests/%6catest", "/v2/a/../b/tags/list", "/v2/a/blobs/sha256:..%2f..",
         "/push?to=team/app:1&to=b&image=@2&id=0123456789", "/push?to=r.example/a:1=x%2Fy:2"});
}

/// The first byte chooses: 0 a list, 1 YAML, 2 JSON.
void add_lists(seed_writer& seeds) {
    using namespace std::string_view_literals;
    for (const std::string_view seed :
         {"\0a.tar team/a:1\n'b b.tar' # c\r\n\"d\\\"\" e\n"sv,
          "\1a.tar: x:1\nb.tar: [x, 'y']\nc.tar:\n"sv,
          "\1- archive: a.tar\n  targets: [x:1, \"\\u00e4\"]\n- b.tar\n"sv,
          "\1a: &x b\nc: *x\n---\n? d\n: |\n  e\n"sv,
          "\2{\"a.tar\": \"x:1\", \"b.tar\": [\"y\"], \"c.tar\": null}"sv,
          "\2[{\"archive\": \"a.tar\", \"target\": \"x\"}, \"b.tar\"]"sv})
        seeds.add("fuzz_source_list", seed);
}

void add_heads(seed_writer& seeds) {
    seeds.add_all(
        "fuzz_request_framing",
        {"GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
         "PUT /x?y=%20 HTTP/1.1\r\nHost: h:80\r\nContent-Length: 005\r\nConnection: close\r\n\r\n",
         "PATCH /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \tchunked \r\n\r\n",
         "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
         "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n",
         "GET /x HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "GET /x HTTP/1.1\nHost: h\n\n",
         "GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n",
         "CONNECT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"});
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3)
        return 2;
    seed_writer seeds{argv[2]};
    for (const auto& file : fs::directory_iterator(argv[1]))
        if (file.path().extension() == ".tar")
            add_archive(seeds, with_short_bodies(read_whole(file.path())));
    add_header_chains(seeds);
    add_small_archives(seeds);
    add_json(seeds);
    add_compressed(seeds);
    add_texts(seeds);
    add_heads(seeds);
    add_lists(seeds);
    return 0;
}
