// See tree_check.hpp.
#include "engine/tree_check.hpp"

#include "model/text.hpp"
#include "registry/blob_upload.hpp"
#include "registry/manifest_api.hpp"

#include <boost/algorithm/string/join.hpp>

#include <set>

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

/// What neither archive nor registry has.
struct shortage {
    std::set<digest> manifests;     ///< to be dropped: absent, or lacking a blob
    std::vector<std::string> names; ///< the same for people
    std::optional<tree_blob> blob;  ///< the first blob that is nowhere
};

/// Whatever is asked for, of an archive without an end: the rest may have been cut off.
error cut_off(const std::string& missing) {
    return error(
        errc::archive_truncated,
        concat("the archive ended early, and ", missing, "; did the producer fail?"));
}

asio::awaitable<shortage>
find_shortage(run_context& run, const image_tree& tree, const repository& where) {
    shortage found;
    auto& session = run.registry(where);
    for (const absent_manifest& absent : tree.absent) {
        const auto there =
            co_await registry::head_manifest(session, where.path, absent.self.digest.str());
        if (there)
            continue;
        found.manifests.insert(absent.self.digest);
        found.names.push_back(describe_manifest(absent.self));
    }
    for (const tree_blob& blob : tree.blobs) {
        if (blob.in_archive() || found.manifests.contains(blob.owner))
            continue;
        const auto there = co_await registry::head_blob(session, where.path, blob.content.digest);
        if (there.present)
            continue;
        found.manifests.insert(blob.owner);
        found.names.push_back(concat(
            "the manifest ", blob.owner.brief(), " (its blob ", blob.content.digest.brief(), ")"));
        if (!found.blob)
            found.blob = blob;
    }
    co_return found;
}

} // namespace

asio::awaitable<image_tree> choose_tree(
    run_context& run,
    const archive::archive_contents& contents,
    const descriptor& root,
    const repository& where) {
    tree_choice choice;
    choice.platforms = run.options.platforms;
    auto selected = select_tree(contents, root, choice);
    if (!selected && contents.ended_early)
        throw cut_off(selected.error().message);
    image_tree tree = std::move(selected).value();
    const shortage lacking = co_await find_shortage(run, tree, where);
    if (lacking.manifests.empty())
        co_return tree;
    if (contents.ended_early)
        throw cut_off(concat(
            "neither it nor ", where.str(), " has ", boost::algorithm::join(lacking.names, ", ")));
    if (lacking.blob && tree.manifests.size() == 1)
        throw error(
            errc::archive_blob_missing, concat(
                                            "blob ", lacking.blob->content.digest.str(),
                                            " is neither in the archive nor in ", where.str()));
    if (run.options.if_platforms_missing == missing_platforms::error)
        throw error(
            errc::archive_platform_missing,
            concat(
                "the index names what is neither in the archive nor in ", where.str(), ": ",
                boost::algorithm::join(lacking.names, ", ")),
            {},
            "push the rest with --missing-platforms prune, or one platform with --platform "
            "OS/ARCH");
    run.warn(concat(
        "left out of the index, because it is not in the archive: ",
        boost::algorithm::join(lacking.names, ", ")));
    choice.drop = lacking.manifests;
    co_return select_tree(contents, root, choice).value();
}

} // namespace tarpon::engine
