// See image_publish.hpp.
#include "engine/image_publish.hpp"

#include "model/media_type.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"
#include "registry/manifest_api.hpp"
#include "registry/referrers.hpp"

#include <algorithm>

namespace tarpon::engine {

namespace asio = boost::asio;
using registry::built_manifest;

namespace {

registry::registry_session&
session_of(run_context& run, const push_plan& plan, const image_job& job) {
    return run.registry(plan.repositories[job.repository]);
}

/// Could the layers that are there be ours, as the options want them? A layer in another form
/// than was asked for does not count.
bool layers_fit(const archive::manifest_document& found, const image_job& job) {
    const auto& layers = job.built->layers;
    if (found.layers.size() != layers.size())
        return false;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (!layers[i].entry)
            continue;
        const std::string& type = found.layers[i].media_type;
        const auto form = job.layer_treatments[i].form;
        if (type != registry::layer_media_type(form, manifest_format::oci)
            && type != registry::layer_media_type(form, manifest_format::docker))
            return false;
        if (job.layer_treatments[i].as_is() && layers[i].stored == archive::encoding::tar
            && found.layers[i].digest != layers[i].diff_id)
            return false;
    }
    return true;
}

bool format_fits(std::string_view media_type, manifest_format wanted) {
    switch (wanted) {
    case manifest_format::oci:
        return media_type == media_type::oci_manifest;
    case manifest_format::docker:
        return media_type == media_type::docker_manifest;
    case manifest_format::automatic:
        break;
    }
    return media_type::is_manifest(media_type);
}

/// A manifest under its digest or a tag, and in the list of its subject where the registry does not
/// keep that itself.
asio::awaitable<void> put_and_list(
    registry::registry_session& session,
    std::string path,
    std::string name,
    descriptor self,
    std::string bytes) {
    std::string sent = bytes;
    const auto receipt =
        co_await registry::put_manifest(session, path, std::move(name), self, std::move(sent));
    if (!receipt.lists_subject)
        co_await registry::list_referrer(session, path, std::move(self), std::move(bytes));
}

/// The same for a manifest that was there before: the push that put it may have ended between the
/// two.
asio::awaitable<void>
list_again(registry::registry_session& session, std::string path, const built_manifest& manifest) {
    const auto subject = registry::subject_of(manifest.self, manifest.bytes);
    if (!subject)
        co_return;
    const bool kept = co_await registry::has_referrers_api(session, path, subject->digest);
    if (kept)
        co_return;
    std::string bytes = manifest.bytes;
    co_await registry::list_referrer(session, path, manifest.self, std::move(bytes));
}

asio::awaitable<void> put_tree(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    const image_tree& tree,
    bool with_root) {
    const std::string& path = plan.repositories[job.repository].path;
    for (const tree_manifest& manifest : tree.manifests) {
        if (!with_root && &manifest == &tree.root())
            continue;
        std::string bytes = manifest.bytes;
        co_await put_and_list(
            session_of(run, plan, job), path, manifest.self.digest.str(), manifest.self,
            std::move(bytes));
    }
}

/// Builds the manifest of a job whose blobs are all known.
built_manifest
build(const image_job& job, const std::vector<blob_facts>& facts, manifest_format format) {
    const bool docker = format == manifest_format::docker;
    const auto& image = *job.built;
    descriptor config{
        std::string(docker ? media_type::docker_config : media_type::oci_config),
        image.config_digest, image.config.size()};
    std::vector<descriptor> layers;
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
        const auto blob = job.blobs[i + 1];
        if (!blob) {
            layers.push_back(*image.layers[i].described); // foreign: as its owner describes it
            continue;
        }
        descriptor layer = facts[*blob].content;
        layer.media_type = registry::layer_media_type(job.layer_treatments[i].form, format);
        layers.push_back(std::move(layer));
    }
    return registry::build_manifest(format, config, layers);
}

bool can_be_docker(const image_job& job) {
    for (const layer_treatment& treatment : job.layer_treatments)
        if (treatment.form == registry::layer_form::zstd)
            return false;
    return true;
}

std::string reference_of(const push_plan& plan, const image_job& job, const std::string& tag) {
    const repository& where = plan.repositories[job.repository];
    return tag.empty() ? where.str() : concat(where.str(), ":", tag);
}

/// Puts a manifest under a name that has another one, or none that the registry would show. False
/// if it turns out to have this one. Throws `error`.
asio::awaitable<bool> put_new_name(
    registry::registry_session& session,
    std::string path,
    std::string name,
    const built_manifest& manifest) {
    std::optional<error> fixed;
    try {
        std::string bytes = manifest.bytes;
        co_await put_and_list(session, path, name, manifest.self, std::move(bytes));
    } catch (const registry::tag_is_immutable& e) {
        fixed = e;
    }
    if (!fixed)
        co_return true;
    // Some answer a HEAD with 403 or 405, but show the manifest.
    const auto there = co_await registry::get_manifest(session, path, name);
    if (there && there->digest == manifest.self.digest)
        co_return false;
    throw error(
        fixed->code(),
        concat(session.host(), " does not let the tag ", path, ":", name, " be changed"),
        there ? concat(fixed->cause(), "; it is ", there->digest.str()) : fixed->cause(),
        concat("push under another tag: --to ", session.host(), "/", path, ":OTHER"))
        .with_status(fixed->http_status());
}

/// Archives are pushed in the order they were given, so a tag that two of them have is the later
/// one's. Whoever did not mean that should hear of it.
void tell_of_replaced(run_context& run, const image_event& now) {
    // An archive's own images share no name (targets.hpp).
    if (run.totals.archives_done == 0)
        return;
    const auto& done = run.report.images;
    const auto before = std::find_if(done.rbegin(), done.rend(), [&](const image_event& one) {
        return one.reference == now.reference;
    });
    if (before == done.rend() || before->archive == now.archive || before->digest == now.digest)
        return;
    run.warn(concat(
        now.reference, " is now the image of ", shown_name(now.archive), ", no longer that of ",
        shown_name(before->archive), " (", before->digest.str(),
        "): both archives have that name"));
}

/// One name of a manifest. Nothing is sent when the name has it already: registries with immutable
/// tags refuse even an equal manifest.
asio::awaitable<void> put_name(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    const built_manifest& manifest,
    std::string tag) {
    auto& session = session_of(run, plan, job);
    const std::string& path = plan.repositories[job.repository].path;
    const std::string name = tag.empty() ? manifest.self.digest.str() : tag;
    bool unchanged = false;
    // Where many images go, that one is asked for once.
    const bool free =
        run.sharing && job.first_tag_is_free && !tag.empty() && tag == job.tags.front();
    if (!free) {
        const auto there = co_await registry::head_manifest(session, path, name);
        unchanged = there && there->digest == manifest.self.digest;
    }
    if (!unchanged) {
        const bool put = co_await put_new_name(session, path, name, manifest);
        unchanged = !put;
    } else {
        co_await list_again(session, path, manifest);
    }
    image_event done{
        reference_of(plan, job, tag), manifest.self.digest, manifest.self.media_type,
        unchanged ? image_status::unchanged : image_status::pushed, plan.archive};
    // Where many images go, that was looked for before anything was pushed.
    if (!unchanged && !tag.empty() && !run.sharing)
        tell_of_replaced(run, done);
    run.image_done(std::move(done));
}

/// A built image's first name, in the format asked for, or in Docker's when OCI is refused.
asio::awaitable<built_manifest> put_built(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    const std::vector<blob_facts>& facts,
    std::string tag) {
    const bool docker = run.options.format == manifest_format::docker;
    built_manifest manifest =
        build(job, facts, docker ? manifest_format::docker : manifest_format::oci);
    std::optional<error> refused;
    try {
        co_await put_name(run, plan, job, manifest, tag);
    } catch (const error& e) {
        const bool retry = e.code() == errc::registry_manifest_rejected
                           && run.options.format == manifest_format::automatic
                           && can_be_docker(job);
        if (!retry)
            throw;
        refused = e;
    }
    if (refused) {
        run.warn(concat(
            job.label, ": the registry refuses OCI manifests (", refused->cause(),
            "); using Docker schema 2"));
        manifest = build(job, facts, manifest_format::docker);
        co_await put_name(run, plan, job, manifest, tag);
    }
    co_return manifest;
}

} // namespace

asio::awaitable<image_there>
look_at_image(run_context& run, const push_plan& plan, const image_job& job) {
    auto& session = session_of(run, plan, job);
    const std::string& path = plan.repositories[job.repository].path;
    if (job.tree) {
        const tree_manifest& root = job.tree->root();
        const auto there = co_await registry::head_manifest(
            session, path, job.tags.empty() ? root.self.digest.str() : job.tags.front());
        image_there found;
        found.nothing = !there;
        if (there && there->digest == root.self.digest && job.referrers.empty())
            found.unchanged = built_manifest{root.self, root.bytes};
        co_return found;
    }
    image_there found;
    if (job.tags.empty())
        co_return found;
    auto there = co_await registry::get_manifest(session, path, job.tags.front());
    found.nothing = !there;
    if (!there)
        co_return found;
    const auto document = archive::parse_manifest(there->bytes, there->media_type);
    if (!document || document->is_index)
        co_return found;
    const bool same = format_fits(there->media_type, run.options.format)
                      && document->config.digest == job.built->config_digest
                      && layers_fit(*document, job);
    if (same) {
        descriptor self{there->media_type, there->digest, there->bytes.size()};
        found.unchanged = built_manifest{std::move(self), std::move(there->bytes)};
    } else {
        found.other = *document;
    }
    co_return found;
}

asio::awaitable<void> publish_tags(
    run_context& run, const push_plan& plan, const image_job& job, built_manifest manifest) {
    if (job.tags.empty())
        co_await put_name(run, plan, job, manifest, std::string());
    for (const std::string& tag : job.tags)
        co_await put_name(run, plan, job, manifest, tag);
}

asio::awaitable<void> publish_image(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    const std::vector<blob_facts>& facts) {
    if (job.built) {
        const std::string first = job.tags.empty() ? std::string() : job.tags.front();
        const built_manifest manifest = co_await put_built(run, plan, job, facts, first);
        for (std::size_t i = 1; i < job.tags.size(); ++i)
            co_await put_name(run, plan, job, manifest, job.tags[i]);
        co_return;
    }
    // With referrers the root goes up by digest first, so that its tag comes after them.
    co_await put_tree(run, plan, job, *job.tree, !job.referrers.empty());
    for (const image_tree& referrer : job.referrers)
        co_await put_tree(run, plan, job, referrer, true);
    const tree_manifest& root = job.tree->root();
    built_manifest named{root.self, root.bytes};
    co_await publish_tags(run, plan, job, std::move(named));
}

} // namespace tarpon::engine
