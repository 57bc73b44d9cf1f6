// Image references, digests and media types: what is accepted prints to the same thing, and is
// safe in a URL, a path and a header.
#include "fuzz.hpp"
#include "model/media_type.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <algorithm>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;

bool is_url_safe(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || std::string_view("-._/:@[]").find(c) != std::string_view::npos;
    });
}

void check_reference(std::string_view text) {
    const auto parsed = reference::parse(text);
    if (!parsed)
        return;
    const std::string printed = parsed->str();
    check(is_url_safe(printed), "a reference is safe in a URL");
    const auto again = reference::parse(printed);
    check(again.has_value() && *again == *parsed, "a reference prints to itself");
    check(is_repository_path(parsed->path), "its path is legal");
    check(parsed->path.find("..") == std::string::npos, "and does not climb");
    check(parsed->path.front() != '/' && parsed->path.back() != '/', "nor is it absolute");
    check(parsed->tag.empty() || is_tag(parsed->tag), "its tag is legal");
    check(parsed->host.empty() || is_host_port(parsed->host), "its host is legal");
    check(explain_repository_path(parsed->path).empty(), "there is nothing to explain");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    check_reference(text);
    if (const auto content = digest::parse(text)) {
        check(content->str() == text && is_url_safe(text), "a digest prints to itself");
        check(
            content->hex().size() == (content->algo() == digest::algorithm::sha256 ? 64 : 128),
            "a digest is complete");
    }
    if (media_type::is_well_formed(text)) {
        check(text.size() <= limits::media_type_bytes_max, "media types are bounded");
        check(is_free_of_controls(text), "media types are fit for a header");
        check(std::count(text.begin(), text.end(), '/') == 1, "type and subtype");
    }
    check(
        is_repository_path(text) == explain_repository_path(text).empty(),
        "what is refused is explained");
    return 0;
}
