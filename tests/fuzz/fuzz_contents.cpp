// A whole archive from memory: entries, index.json and manifest.json, down to images. What the
// images refer to is in the archive, and has the digests they say.
#include "archive/contents.hpp"
#include "archive/docker_image.hpp"
#include "archive/tar_reader.hpp"
#include "fuzz.hpp"
#include "model/hasher.hpp"
#include "tar_mutator.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <set>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using archive::entry_id;
using archive::tar_entry;
using archive::tar_reader;

class memory_metadata final : public archive::metadata_source {
public:
    explicit memory_metadata(std::string_view tar)
        : tar_(tar) {}

    result<std::string> read(const tar_entry& entry, std::uint64_t bytes_max) override {
        if (entry.size > bytes_max)
            return failure{errc::archive_limit, "too large"};
        return std::string(body(entry));
    }
    result<archive::encoding> sniff(const tar_entry& entry) override {
        return archive::sniff_encoding(as_bytes(body(entry).substr(0, archive::sniff_bytes)));
    }
    result<bool> same_content(const tar_entry& left, const tar_entry& right) override {
        return body(left) == body(right);
    }

private:
    std::string_view body(const tar_entry& entry) const {
        check(
            entry.offset <= tar_.size() && entry.size <= tar_.size() - entry.offset,
            "only bodies that are there are read");
        check(entry.kind == archive::entry_kind::file, "only regular entries are read");
        return tar_.substr(
            static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
    }

    std::string_view tar_;
};

/// As archive_file does it; false when the archive is refused.
bool read_entries(std::string_view tar, archive::entry_table& entries, bool& ended_early) {
    tar_reader reader;
    while (true) {
        const auto at =
            static_cast<std::size_t>(std::min<std::uint64_t>(tar.size(), reader.offset()));
        const std::string_view left = tar.substr(at);
        ended_early = left.size() < reader.wanted();
        if (ended_early)
            return reader.finish(left.size()).has_value();
        auto event = reader.consume(as_bytes(left.substr(0, reader.wanted())));
        if (!event)
            return false;
        if (std::holds_alternative<tar_reader::end>(*event))
            return true;
        if (auto* entry = std::get_if<tar_entry>(&*event)) {
            if (entry->offset + entry->size > tar.size())
                return false;
            entries.add(std::move(*entry));
        }
    }
}

void check_layers(const archive::archive_contents& contents, const archive::layered_image& image) {
    check(digest_of(image.config) == image.config_digest, "the config has its digest");
    for (const archive::layer_content& layer : image.layers) {
        check(!layer.diff_id.empty(), "a layer has a diff_id");
        check(layer.entry || layer.described, "a layer is here or described");
        if (layer.entry)
            check(
                static_cast<std::size_t>(*layer.entry) < contents.entries.size()
                    && contents.entries.at(*layer.entry).kind == archive::entry_kind::file,
                "a layer is an entry of the archive");
    }
}

void check_image(const archive::archive_contents& contents, const archive::archive_image& image) {
    for (const reference& name : image.names) {
        check(
            name.path.empty() ? is_tag(name.tag) : is_repository_path(name.path),
            "a name is a reference or a bare tag");
        check(is_free_of_controls(name.str()), "and can be shown");
    }
    (void)image.label(0);
    if (image.trouble)
        return;
    check(image.root || image.layered, "an image without trouble can be pushed");
    if (image.layered)
        check_layers(contents, *image.layered);
    if (image.root)
        check(contents.find_manifest(image.root->digest) != nullptr, "its manifest was read");
    for (const descriptor& referrer : image.referrers)
        check(contents.find_manifest(referrer.digest) != nullptr, "its referrers were read");
}

} // namespace

extern "C" std::size_t
LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed) {
    return mutate_tar(data, size, size_max, seed, true);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto tar = as_text(data, size);
    archive::entry_table entries;
    bool ended_early = false;
    if (!read_entries(tar, entries, ended_early))
        return 0;
    memory_metadata source(tar);
    const auto contents = archive::read_contents(std::move(entries), source, ended_early);
    if (!contents)
        return 0;
    check(!contents->images.empty(), "there is an image");
    check(contents->manifests.size() <= limits::manifest_nodes_max, "manifests are bounded");
    for (const auto& [name, node] : contents->manifests) {
        check(digest_of(node.bytes, name.algo()) == name, "a manifest has its digest");
        check(node.self.digest == name && node.self.size == node.bytes.size(), "and its size");
    }
    for (const archive::archive_image& image : contents->images)
        check_image(*contents, image);
    return 0;
}
