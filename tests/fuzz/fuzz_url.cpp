// URLs and Location headers: what is accepted has no user information and no controls, and says
// the same origin however often it is printed and read. The first line is the base, the rest the
// Location.
#include "fuzz.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using transport::url;

void check_url(const url& parsed) {
    const std::string printed = parsed.at.str() + parsed.target;
    check(parsed.target.starts_with('/'), "a target starts with a slash");
    check(is_free_of_controls(printed), "no controls");
    check(printed.find(' ') == printed.npos, "no blanks");
    check(parsed.target.find('#') == parsed.target.npos, "no fragment");
    check(parsed.at.host.find_first_of("@/?#\\") == std::string::npos, "a host is only a host");
    check(parsed.at.port != 0, "a port can be connected to");
    check(parsed.redacted().find('?') == std::string::npos, "no query in messages");
    if (printed.size() > limits::location_bytes_max)
        return;
    const auto again = transport::parse_url(printed);
    check(again.has_value(), "what is printed can be parsed");
    check(again->at == parsed.at, "and is the same origin");
    check(again->target == parsed.target, "and the same target");
    const auto absolute = transport::resolve_location(parsed, printed);
    check(absolute.has_value() && absolute->at == parsed.at, "a URL resolves to its own origin");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    const std::size_t line = text.find('\n');
    const auto base = transport::parse_url(text.substr(0, line));
    if (base)
        check_url(*base);
    const auto location = line == text.npos ? std::string_view() : text.substr(line + 1);
    url fixed;
    fixed.at = {true, "registry.example.com", 443};
    fixed.target = "/v2/team/app/blobs/uploads/";
    for (const url& from : {base ? *base : fixed, fixed}) {
        const auto resolved = transport::resolve_location(from, location);
        if (!resolved)
            continue;
        check_url(*resolved);
        const bool downgraded = from.at.tls && !resolved->at.tls;
        check(
            !downgraded || resolved->at.host != from.at.host || resolved->at.port != from.at.port,
            "the same host and port stay behind TLS");
    }
    if (const auto at = transport::parse_host_port(text, true))
        check(is_free_of_controls(at->host_header()), "a Host header holds no controls");
    return 0;
}
