// Which manifests of a repository have a given one as their subject. Blocking, thread-safe.
//
// One small file for each of them holds the descriptor as the referrers API answers it, so that an
// answer needs neither the manifests nor anything in memory. Derived, written before the manifest
// becomes visible and removed after it is gone: what names no manifest is passed over.
#pragma once

#include "archive/oci_document.hpp"
#include "server/files.hpp"

#include <tarpon/descriptor.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tarpon::server {

/// The descriptor of a manifest in an answer, as JSON. `artifactType` is the manifest's own, or the
/// media type of an image's config; annotations are the manifest's.
/// Source: distribution-spec v1.1 "Listing Referrers".
std::string referrer_text(const descriptor& self, const archive::manifest_document& document);

class referrer_store {
public:
    explicit referrer_store(const folder& root)
        : root_(root) {}

    /// Nothing to do for a manifest without a subject.
    void
    add(const std::string& repository,
        const descriptor& self,
        const archive::manifest_document& document) const;
    void remove(const std::string& repository, const digest& subject, const digest& referrer) const;

    /// The digests that are written down for a subject, sorted.
    std::vector<digest> of(const std::string& repository, const digest& subject) const;

    struct page {
        std::vector<std::string> descriptors; ///< each a JSON object
        std::string next;                     ///< `after` of the next page; empty: none
    };
    /// What comes after the digest `after`, as much as fits an answer, of one type if that is not
    /// empty. `is_there` says which manifests the repository has.
    page list(
        const std::string& repository,
        const digest& subject,
        std::string_view artifact_type,
        const std::string& after,
        const std::function<bool(const digest&)>& is_there) const;

private:
    const folder& root_;
};

} // namespace tarpon::server
