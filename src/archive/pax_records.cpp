// See pax_records.hpp.
#include "archive/pax_records.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::archive {
namespace {

failure malformed(std::string_view why) {
    return {errc::archive_damaged, concat("a PAX header is malformed: ", why)};
}

/// A path from a PAX record: no NUL, bounded; empty means "no override".
result<std::optional<std::string>> path_value(std::string_view value) {
    if (value.empty())
        return std::optional<std::string>();
    if (value.find('\0') != value.npos)
        return malformed("a path holds a NUL byte");
    if (value.size() > limits::tar_name_bytes_max)
        return failure{
            errc::archive_limit, concat(
                                     "an entry name is longer than ", limits::tar_name_bytes_max,
                                     " bytes (tar_name_bytes_max)")};
    return std::optional<std::string>(std::string(value));
}

result<void> apply(std::string_view key, std::string_view value, pax_overrides& into) {
    if (key == "path" || key == "linkpath") {
        auto path = path_value(value);
        if (!path)
            return path.error();
        (key == "path" ? into.path : into.link_path) = std::move(*path);
    } else if (key == "size") {
        into.size = std::nullopt;
        if (value.empty())
            return {};
        const auto size = parse_decimal(value);
        if (!size || *size >> 62)
            return malformed("size is not a number of bytes");
        into.size = *size;
    } else if (key.starts_with("GNU.sparse.")) {
        into.sparse = true;
    }
    return {};
}

} // namespace

result<pax_overrides> parse_pax_records(std::string_view payload) {
    pax_overrides overrides;
    while (!payload.empty()) {
        const std::size_t blank = payload.substr(0, 21).find(' ');
        if (blank == payload.npos)
            return malformed("a record has no length");
        const auto length = parse_decimal(payload.substr(0, blank));
        if (!length || *length > payload.size() || *length < blank + 3)
            return malformed("a record has a wrong length");
        const std::string_view record = payload.substr(0, static_cast<std::size_t>(*length));
        if (record.back() != '\n')
            return malformed("a record does not end with a line feed");
        const std::string_view body = record.substr(blank + 1, record.size() - blank - 2);
        const std::size_t equals = body.find('=');
        if (equals == body.npos || equals == 0)
            return malformed("a record has no key");
        const auto applied = apply(body.substr(0, equals), body.substr(equals + 1), overrides);
        if (!applied)
            return applied.error();
        payload.remove_prefix(record.size());
    }
    return overrides;
}

} // namespace tarpon::archive
