// See referrer_store.hpp.
#include "server/referrer_store.hpp"

#include "model/strict_json.hpp"
#include "server/storage_layout.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::server {
namespace {

namespace json = boost::json;

// Annotations of the manifest, and a few members around them.
constexpr auto text_bytes_max = static_cast<std::size_t>(2 * limits::manifest_bytes_max);

bool is_of_type(const std::string& text, std::string_view artifact_type) {
    if (artifact_type.empty())
        return true;
    const auto object = parse_strict_object(text);
    const auto type = object ? string_member(*object, "artifactType")
                             : result<std::optional<std::string>>(object.error());
    return type && *type && **type == artifact_type;
}

} // namespace

std::string referrer_text(const descriptor& self, const archive::manifest_document& document) {
    json::object object{
        {"mediaType", self.media_type},
        {"digest", self.digest.str()},
        {"size", static_cast<std::int64_t>(self.size)},
    };
    if (!document.artifact_type.empty())
        object["artifactType"] = document.artifact_type;
    else if (!document.is_index)
        object["artifactType"] = document.config.media_type;
    const json::value* annotations = document.json.if_contains("annotations");
    if (annotations && annotations->is_object())
        object["annotations"] = *annotations;
    return json::serialize(object);
}

void referrer_store::add(
    const std::string& repository,
    const descriptor& self,
    const archive::manifest_document& document) const {
    if (!document.subject)
        return;
    const std::string place = referrer_path(repository, document.subject->digest, self.digest);
    root_.write_atomically(place, referrer_text(self, document));
}

void referrer_store::remove(
    const std::string& repository, const digest& subject, const digest& referrer) const {
    root_.remove(referrer_path(repository, subject, referrer));
}

std::vector<digest> referrer_store::of(const std::string& repository, const digest& subject) const {
    std::vector<digest> found;
    for (const folder::entry& one : root_.list(referrers_path(repository, subject)))
        if (auto name = digest_of_name(one.name))
            found.push_back(std::move(*name));
    std::sort(found.begin(), found.end());
    return found;
}

referrer_store::page referrer_store::list(
    const std::string& repository,
    const digest& subject,
    std::string_view artifact_type,
    const std::string& after,
    const std::function<bool(const digest&)>& is_there) const {
    page found;
    std::size_t bytes = 0;
    std::string last;
    for (const digest& referrer : of(repository, subject)) {
        if (referrer.str() <= after || !is_there(referrer))
            continue;
        auto text = root_.read(referrer_path(repository, subject, referrer), text_bytes_max);
        if (!text || !is_of_type(*text, artifact_type))
            continue;
        const bool full = found.descriptors.size() >= limits::list_page_max
                          || bytes + text->size() > limits::manifest_bytes_max;
        if (full && !found.descriptors.empty()) {
            found.next = last;
            break;
        }
        bytes += text->size();
        last = referrer.str();
        found.descriptors.push_back(std::move(*text));
    }
    return found;
}

} // namespace tarpon::server
