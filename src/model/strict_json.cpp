// A Boost.JSON parse behind a first pass that only counts and looks for repeated keys.
#include "model/strict_json.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <cmath>
#include <unordered_set>
#include <vector>

namespace tarpon {
namespace {

namespace json = boost::json;

/// The handler of the first pass: keeps the keys of every open object.
class key_checker {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    using ec = boost::system::error_code;

    const std::string& trouble() const noexcept { return trouble_; }

    bool on_document_begin(ec&) { return true; }
    bool on_document_end(ec&) { return true; }
    bool on_object_begin(ec& e) {
        keys_.emplace_back();
        return count(e);
    }
    bool on_object_end(std::size_t, ec&) {
        keys_.pop_back();
        return true;
    }
    bool on_array_begin(ec& e) { return count(e); }
    bool on_array_end(std::size_t, ec&) { return true; }
    bool on_key_part(json::string_view part, std::size_t, ec&) {
        key_.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, std::size_t, ec& e) {
        key_.append(part.data(), part.size());
        const bool fresh = keys_.back().insert(key_).second;
        if (!fresh)
            return stop(
                e, concat("the key \"", foreign_text(key_, 64), "\" stands twice in one object"));
        key_.clear();
        return true;
    }
    bool on_string_part(json::string_view, std::size_t, ec&) { return true; }
    bool on_string(json::string_view, std::size_t, ec& e) { return count(e); }
    bool on_number_part(json::string_view, ec&) { return true; }
    bool on_int64(std::int64_t, json::string_view, ec& e) { return count(e); }
    bool on_uint64(std::uint64_t, json::string_view, ec& e) { return count(e); }
    bool on_double(double number, json::string_view, ec& e) {
        // Boost.JSON makes it infinite, and prints that as something it cannot read itself.
        if (!std::isfinite(number))
            return stop(e, "a number is out of range");
        return count(e);
    }
    bool on_bool(bool, ec& e) { return count(e); }
    bool on_null(ec& e) { return count(e); }
    bool on_comment_part(json::string_view, ec&) { return true; }
    bool on_comment(json::string_view, ec&) { return true; }

private:
    bool count(ec& e) {
        if (++elements_ > limits::json_elements_max)
            return stop(
                e, concat("more than ", limits::json_elements_max, " values (json_elements_max)"));
        return true;
    }
    bool stop(ec& e, std::string trouble) {
        trouble_ = std::move(trouble);
        e = make_error_code(errc::archive_metadata);
        return false;
    }

    std::vector<std::unordered_set<std::string>> keys_;
    std::string key_;
    std::string trouble_;
    std::size_t elements_ = 0;
};

failure not_json(std::string_view why) {
    return {errc::archive_metadata, concat("not valid JSON: ", why)};
}

failure wrong_type(std::string_view key, std::string_view wanted) {
    return {errc::archive_metadata, concat("\"", key, "\" is not ", wanted)};
}

const json::value* present_member(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(json::string_view(key.data(), key.size()));
    return found && !found->is_null() ? found : nullptr;
}

} // namespace

result<json::value> parse_strict_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = limits::json_depth_max;
    json::basic_parser<key_checker> checker(options);
    boost::system::error_code ec;
    const std::size_t used = checker.write_some(false, text.data(), text.size(), ec);
    if (ec && !checker.handler().trouble().empty())
        return not_json(checker.handler().trouble());
    if (ec == json::error::too_deep)
        return not_json(concat("nested deeper than ", limits::json_depth_max, " (json_depth_max)"));
    if (ec)
        return not_json(ec.message());
    if (used != text.size())
        return not_json("something follows the value");
    json::value value = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
    if (ec)
        return not_json(ec.message());
    return value;
}

result<json::object> parse_strict_object(std::string_view text) {
    auto value = parse_strict_json(text);
    if (!value)
        return value.error();
    if (!value->is_object())
        return not_json("an object is expected");
    return std::move(value->get_object());
}

std::string_view
key_with_other_case(const json::object& object, std::initializer_list<std::string_view> names) {
    for (const auto& member : object) {
        const std::string_view key(member.key().data(), member.key().size());
        for (const std::string_view name : names)
            if (key != name && iequals(key, name))
                return key;
    }
    return {};
}

result<std::optional<std::string>> string_member(const json::object& object, std::string_view key) {
    const json::value* found = present_member(object, key);
    if (!found)
        return std::optional<std::string>();
    if (!found->is_string())
        return wrong_type(key, "a string");
    return std::optional<std::string>(std::string(found->get_string()));
}

result<std::optional<std::uint64_t>> size_member(const json::object& object, std::string_view key) {
    const json::value* found = present_member(object, key);
    if (!found)
        return std::optional<std::uint64_t>();
    // Registries keep sizes as signed 64-bit numbers.
    if (!found->is_int64() || found->get_int64() < 0)
        return wrong_type(key, "a size in bytes");
    return std::optional<std::uint64_t>(static_cast<std::uint64_t>(found->get_int64()));
}

result<std::optional<digest>> digest_member(const json::object& object, std::string_view key) {
    auto text = string_member(object, key);
    if (!text)
        return text.error();
    if (!*text)
        return std::optional<digest>();
    auto parsed = digest::parse(**text);
    if (!parsed)
        return wrong_type(key, "a sha256 or sha512 digest");
    return std::optional<digest>(std::move(*parsed));
}

result<const json::array*> array_member(const json::object& object, std::string_view key) {
    const json::value* found = present_member(object, key);
    if (found && !found->is_array())
        return wrong_type(key, "an array");
    return found ? &found->get_array() : nullptr;
}

result<const json::object*> object_member(const json::object& object, std::string_view key) {
    const json::value* found = present_member(object, key);
    if (found && !found->is_object())
        return wrong_type(key, "an object");
    return found ? &found->get_object() : nullptr;
}

} // namespace tarpon
