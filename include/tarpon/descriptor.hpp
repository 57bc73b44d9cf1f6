// What names a piece of content: media type, digest, size.
#pragma once

#include <tarpon/digest.hpp>

#include <cstdint>
#include <string>

namespace tarpon {

/// Source: image-spec descriptor.md. `size` is in bytes of the content as stored.
struct descriptor {
    std::string media_type;
    tarpon::digest digest;
    std::uint64_t size = 0;

    friend bool operator==(const descriptor&, const descriptor&) = default;
};

} // namespace tarpon
