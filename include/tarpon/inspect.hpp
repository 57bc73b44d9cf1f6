// What is in an archive, without a registry.
#pragma once

#include <tarpon/descriptor.hpp>
#include <tarpon/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tarpon {

struct inspected_layer {
    descriptor content;     ///< digest empty where only reading the layer would tell it
    tarpon::digest diff_id; ///< empty where the config is not in the archive
    std::string encoding;   ///< "tar", "gzip", "zstd", … as found in the bytes; "absent"
    std::uint64_t size = 0; ///< in the archive
};

struct inspected_image {
    std::vector<std::string> names; ///< as in the archive; a bare tag is ":TAG"
    std::string platform;           ///< "linux/amd64"; empty for an index or artifact
    std::string media_type;         ///< of its manifest; empty where one has to be built
    tarpon::digest digest;          ///< of its manifest; empty where one has to be built
    tarpon::digest config;
    std::vector<inspected_layer> layers;
    std::vector<inspected_image> platforms; ///< children of an index
    std::vector<tarpon::digest> referrers;
    std::string trouble; ///< why it cannot be pushed; empty if it can
    bool present = true; ///< false for a child of an index that the archive does not hold
};

struct inspection {
    std::string archive;
    std::string dialect;     ///< "docker", "oci", "docker+oci"
    std::string compression; ///< outer: "none", "gzip", …
    std::uint64_t size = 0;  ///< of the file, 0 for a pipe
    std::uint64_t entries = 0;
    std::vector<inspected_image> images;
    std::vector<std::string> warnings;
};

/// Reads headers and metadata of a seekable tar; anything else is read through once.
/// Blocking. Throws `error` of class archive.
inspection inspect(const std::string& archive);

} // namespace tarpon
