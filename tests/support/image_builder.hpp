// Small images and the archives that hold them, in every producer's layout (archive-formats of
// docker, podman, skopeo, containerd, crane, jib, kaniko, nix, rules_oci, regctl).
#pragma once

#include "support/printing.hpp"
#include "support/tar_builder.hpp"

#include <tarpon/descriptor.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::test {

/// A tar with one file of `bytes` bytes: text that compresses, other for every seed.
std::string make_layer(unsigned seed, std::size_t bytes = 3000);
/// A layer that stays as large when it is compressed.
std::string make_noise(std::size_t bytes);
std::string gzip(std::string_view plain);
std::string zstd(std::string_view plain);
std::string xz(std::string_view plain);
std::string bzip2(std::string_view plain);
std::string gunzip(std::string_view packed);

struct built_image {
    std::vector<std::string> layers; ///< plain
    std::string config;
    std::vector<std::string> repo_tags;

    digest config_digest() const;
    digest diff_id(std::size_t layer) const;
};

built_image make_image(std::vector<std::string> layers, std::vector<std::string> repo_tags);

/// A blob with the media type a manifest gives it.
struct blob {
    std::string media_type;
    std::string bytes;

    tarpon::descriptor descriptor() const;
    std::string json(std::string_view more_members = {}) const;
};

/// `<v1id>/layer.tar`, `<config>.json`, manifest.json (docker save up to 24).
std::string docker_archive(const std::vector<built_image>& images);

/// OCI layout as a tar: blobs sorted by digest, index.json last.
class oci_builder {
public:
    /// Adds a blob; the returned descriptor goes into a manifest or an index.
    blob add(std::string_view media_type, std::string_view bytes);
    /// An image manifest over blobs added before.
    blob
    image(const blob& config, const std::vector<blob>& layers, std::string_view more_members = {});
    blob index(const std::vector<std::string>& descriptors, std::string_view more_members = {});
    /// A whole image with layers of one encoding ("", "+gzip", "+zstd").
    blob image(const built_image& image, std::string_view suffix = "+gzip");
    void forget(const blob& gone);
    /// `roots` are descriptors with annotations; `extra` are more files (name, content).
    std::string archive(
        const std::vector<std::string>& roots,
        const std::vector<std::pair<std::string, std::string>>& extra = {}) const;

private:
    std::vector<std::pair<std::string, std::string>> blobs_; // name, content
};

/// `"annotations":{"key":"value"}`.
std::string annotation(std::string_view key, std::string_view value);

} // namespace tarpon::test
