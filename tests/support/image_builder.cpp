// See image_builder.hpp.
#include "support/image_builder.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <random>
#include <stdexcept>

namespace tarpon::test {
namespace {

void require(bool ok, const char* what) {
    if (!ok)
        throw std::runtime_error(what);
}

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts)
        out += (out.empty() ? "" : ",") + part;
    return out;
}

std::string quoted(const std::vector<std::string>& parts) {
    std::vector<std::string> out;
    for (const std::string& part : parts)
        out.push_back("\"" + part + "\"");
    return "[" + join(out) + "]";
}

} // namespace

std::string make_layer(unsigned seed, std::size_t bytes) {
    std::string text;
    unsigned state = seed * 2654435761u + 1;
    while (text.size() < bytes) {
        state = state * 1664525u + 1013904223u;
        text += concat("line ", (state >> 16) % 977, " of layer ", seed, "\n");
    }
    text.resize(bytes);
    return tar_builder().file(concat("data/", seed), text).end().str();
}

std::string make_noise(std::size_t bytes) {
    std::minstd_rand dice(1);
    std::string content(bytes, '\0');
    for (char& byte : content)
        byte = static_cast<char>(dice() >> 8);
    return tar_builder().file("noise", content).end().str();
}

std::string gzip(std::string_view plain) {
    z_stream z{};
    require(
        deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "deflateInit2");
    std::string out(deflateBound(&z, plain.size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    require(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

std::string gunzip(std::string_view packed) {
    std::string out;
    z_stream z{};
    require(inflateInit2(&z, 15 + 16) == Z_OK, "inflateInit2");
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    z.avail_in = static_cast<uInt>(packed.size());
    char buffer[65536];
    int status = Z_OK;
    while (status != Z_STREAM_END || z.avail_in > 0) {
        if (status == Z_STREAM_END)
            require(inflateReset(&z) == Z_OK, "inflateReset");
        z.next_out = reinterpret_cast<Bytef*>(buffer);
        z.avail_out = sizeof buffer;
        status = inflate(&z, Z_NO_FLUSH);
        require(status == Z_OK || status == Z_STREAM_END, "inflate");
        out.append(buffer, sizeof buffer - z.avail_out);
    }
    inflateEnd(&z);
    return out;
}

std::string zstd(std::string_view plain) {
    std::string out(ZSTD_compressBound(plain.size()), '\0');
    const std::size_t length = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3);
    require(!ZSTD_isError(length), "ZSTD_compress");
    out.resize(length);
    return out;
}

std::string xz(std::string_view plain) {
    std::string out(lzma_stream_buffer_bound(plain.size()), '\0');
    std::size_t length = 0;
    require(
        lzma_easy_buffer_encode(
            1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(plain.data()),
            plain.size(), reinterpret_cast<uint8_t*>(out.data()), &length, out.size())
            == LZMA_OK,
        "lzma_easy_buffer_encode");
    out.resize(length);
    return out;
}

std::string bzip2(std::string_view plain) {
    std::string out(plain.size() * 2 + 1024, '\0');
    unsigned length = static_cast<unsigned>(out.size());
    require(
        BZ2_bzBuffToBuffCompress(
            out.data(), &length, const_cast<char*>(plain.data()),
            static_cast<unsigned>(plain.size()), 1, 0, 0)
            == BZ_OK,
        "BZ2_bzBuffToBuffCompress");
    out.resize(length);
    return out;
}

digest built_image::config_digest() const {
    return digest_of(config);
}

digest built_image::diff_id(std::size_t layer) const {
    return digest_of(layers.at(layer));
}

built_image make_image(std::vector<std::string> layers, std::vector<std::string> repo_tags) {
    std::vector<std::string> diff_ids;
    for (const std::string& layer : layers)
        diff_ids.push_back(digest_of(layer).str());
    built_image image{std::move(layers), {}, std::move(repo_tags)};
    image.config = concat(
        R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":)",
        quoted(diff_ids), "}}");
    return image;
}

descriptor blob::descriptor() const {
    return {media_type, digest_of(bytes), bytes.size()};
}

std::string blob::json(std::string_view more_members) const {
    return concat(
        R"({"mediaType":")", media_type, R"(","digest":")", digest_of(bytes).str(), R"(","size":)",
        bytes.size(), more_members.empty() ? "" : ",", more_members, "}");
}

std::string annotation(std::string_view key, std::string_view value) {
    return concat(R"("annotations":{")", key, R"(":")", value, "\"}");
}

std::string docker_archive(const std::vector<built_image>& images) {
    tar_builder tar;
    std::vector<std::string> items;
    unsigned id = 0;
    for (const built_image& image : images) {
        std::vector<std::string> names;
        for (const std::string& layer : image.layers) {
            const std::string folder(digest_of(concat("v1id", ++id)).hex());
            tar.directory(folder + "/")
                .file(folder + "/VERSION", "1.0")
                .file(folder + "/json", "{}");
            tar.file(folder + "/layer.tar", layer);
            names.push_back(folder + "/layer.tar");
        }
        const std::string config = concat(image.config_digest().hex(), ".json");
        tar.file(config, image.config);
        items.push_back(concat(
            R"({"Config":")", config, R"(","RepoTags":)",
            image.repo_tags.empty() ? "null" : quoted(image.repo_tags), R"(,"Layers":)",
            quoted(names), "}"));
    }
    return tar.file("manifest.json", "[" + join(items) + "]").end().str();
}

blob oci_builder::add(std::string_view media_type, std::string_view bytes) {
    blob added{std::string(media_type), std::string(bytes)};
    const auto name = concat("blobs/sha256/", digest_of(bytes).hex());
    const bool known =
        std::any_of(blobs_.begin(), blobs_.end(), [&](const auto& b) { return b.first == name; });
    if (!known)
        blobs_.emplace_back(name, added.bytes);
    return added;
}

blob oci_builder::image(
    const blob& config, const std::vector<blob>& layers, std::string_view more_members) {
    std::vector<std::string> descriptors;
    for (const blob& layer : layers)
        descriptors.push_back(layer.json());
    return add(
        media_type::oci_manifest,
        concat(
            R"({"schemaVersion":2,"mediaType":")", media_type::oci_manifest, R"(","config":)",
            config.json(), R"(,"layers":[)", join(descriptors), "]",
            more_members.empty() ? "" : ",", more_members, "}"));
}

blob oci_builder::index(
    const std::vector<std::string>& descriptors, std::string_view more_members) {
    return add(
        media_type::oci_index,
        concat(
            R"({"schemaVersion":2,"mediaType":")", media_type::oci_index, R"(","manifests":[)",
            join(descriptors), "]", more_members.empty() ? "" : ",", more_members, "}"));
}

blob oci_builder::image(const built_image& image, std::string_view suffix) {
    std::vector<blob> layers;
    for (const std::string& layer : image.layers) {
        const std::string stored = suffix == "+gzip"   ? gzip(layer)
                                   : suffix == "+zstd" ? zstd(layer)
                                                       : layer;
        layers.push_back(add(concat(media_type::oci_layer, suffix), stored));
    }
    return this->image(add(media_type::oci_config, image.config), layers);
}

void oci_builder::forget(const blob& gone) {
    const auto name = concat("blobs/sha256/", digest_of(gone.bytes).hex());
    std::erase_if(blobs_, [&](const auto& b) { return b.first == name; });
}

std::string oci_builder::archive(
    const std::vector<std::string>& roots,
    const std::vector<std::pair<std::string, std::string>>& extra) const {
    auto files = blobs_;
    std::sort(files.begin(), files.end());
    tar_builder tar;
    tar.directory("blobs/").directory("blobs/sha256/");
    for (const auto& [name, content] : files)
        tar.file(name, content);
    tar.file("index.json", concat(R"({"schemaVersion":2,"manifests":[)", join(roots), "]}"));
    for (const auto& [name, content] : extra)
        tar.file(name, content);
    return tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").end().str();
}

} // namespace tarpon::test
