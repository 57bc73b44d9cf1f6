// Base64 as registries, docker's config.json and OCI descriptors use it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarpon {

std::string base64_encode(std::string_view bytes);
/// Accepts text with or without '=' padding, nothing else; nullopt when it is not Base64.
std::optional<std::string> base64_decode(std::string_view text);

} // namespace tarpon
