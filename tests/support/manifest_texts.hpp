// Small manifests and indexes as text, made of the contents they name.
#pragma once

#include "model/hasher.hpp"

#include <string>
#include <vector>

namespace tarpon::test {

inline const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline const std::string oci_index = "application/vnd.oci.image.index.v1+json";

inline std::string descriptor_of(const std::string& type, const std::string& content) {
    return R"({"mediaType":")" + type + R"(","digest":")" + digest_of(content).str()
           + R"(","size":)" + std::to_string(content.size()) + "}";
}

inline std::string descriptors_of(const std::string& type, const std::vector<std::string>& all) {
    std::string list;
    for (const std::string& content : all)
        list += (list.empty() ? "" : ",") + descriptor_of(type, content);
    return list;
}

/// `more` are members with a comma in front.
inline std::string image_text(
    const std::string& config,
    const std::vector<std::string>& layers,
    const std::string& more = {}) {
    return R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(","config":)"
           + descriptor_of("application/vnd.oci.image.config.v1+json", config) + R"(,"layers":[)"
           + descriptors_of("application/vnd.oci.image.layer.v1.tar", layers) + "]" + more + "}";
}

inline std::string index_of(const std::vector<std::string>& images, const std::string& more = {}) {
    return R"({"schemaVersion":2,"mediaType":")" + oci_index + R"(","manifests":[)"
           + descriptors_of(oci_manifest, images) + "]" + more + "}";
}

inline std::string subject_of(const std::string& image) {
    return R"(,"subject":)" + descriptor_of(oci_manifest, image);
}

} // namespace tarpon::test
