// JSON from strangers: parsed with bounds, and without the readings two parsers could differ on.
//
// Refused: more than limits::json_depth_max levels or json_elements_max values, a key twice in one
// object (Boost.JSON would keep the last, others the first), trailing bytes, a byte order mark,
// numbers beyond the range of a double.
#pragma once

#include <tarpon/digest.hpp>
#include <tarpon/error.hpp>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon {

/// Errors: errc::archive_metadata with the reason; the text itself is never quoted.
result<boost::json::value> parse_strict_json(std::string_view text);
/// The same, when anything but an object is an error too.
result<boost::json::object> parse_strict_object(std::string_view text);

/// A key of `object` that some parser would take for one of `names` though its case differs
/// (Go's does); empty if there is none.
std::string_view key_with_other_case(
    const boost::json::object& object, std::initializer_list<std::string_view> names);

// Members, read leniently in one way only: an absent or null member is `nullopt`, a member of
// another type is an error that names it.
result<std::optional<std::string>> string_member(const boost::json::object&, std::string_view key);
result<std::optional<std::uint64_t>> size_member(const boost::json::object&, std::string_view key);
result<std::optional<digest>> digest_member(const boost::json::object&, std::string_view key);
/// nullptr when absent or null.
result<const boost::json::array*> array_member(const boost::json::object&, std::string_view key);
result<const boost::json::object*> object_member(const boost::json::object&, std::string_view key);

} // namespace tarpon
