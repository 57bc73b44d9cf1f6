// What of a repository nobody needs: the decision of a collection. Pure.
//
// Kept are manifests with a tag, what they are made of, what refers to them (subject), and so on
// from there. Kept as well, unless asked otherwise, are manifests that were pushed without a tag or
// lost theirs to another image: somebody may pull them by digest. Not kept are released ones: their
// last tag was deleted, or what they were part of or referred to was. Whatever was touched lately
// is kept, since a push may be about to name it.
#pragma once

#include <tarpon/digest.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace tarpon::server {

using touch_time = std::chrono::system_clock::time_point;

struct manifest_facts {
    digest self;
    std::vector<digest> parts; ///< blobs and manifests it is made of
    std::optional<digest> subject = std::nullopt;
    bool tagged = false;
    bool released = false;
    touch_time touched = {};
};

struct link_facts {
    digest blob;
    touch_time touched = {};
};

/// All of one repository; a manifest is among the links too.
struct repository_picture {
    std::vector<manifest_facts> manifests;
    std::vector<link_facts> links;
};

struct garbage_rules {
    touch_time young_after; ///< what was touched later stays
    bool untagged = false;  ///< every manifest without a tag counts as released
};

struct repository_garbage {
    /// Those that others are made of or refer to come after those others.
    std::vector<digest> manifests;
    /// Named by no manifest, those of `manifests` included: what only they name is found once they
    /// are gone.
    std::vector<digest> links;
    /// Of what stayed only because it is young: the earliest time.
    std::optional<touch_time> oldest_young;
};

/// Linear in manifests and parts, whatever they form.
repository_garbage find_garbage(const repository_picture& picture, const garbage_rules& rules);

} // namespace tarpon::server
