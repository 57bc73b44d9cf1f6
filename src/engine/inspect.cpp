// The public verb: contents of an archive, put into words.
#include "archive/archive_file.hpp"
#include "archive/contents.hpp"
#include "archive/file_range_source.hpp"
#include "archive/pipe_source.hpp"
#include "engine/image_tree.hpp"
#include "engine/read_once.hpp"
#include "model/media_type.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <tarpon/inspect.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace tarpon {
namespace {

namespace asio = boost::asio;
using archive::archive_contents;
using archive::archive_image;
using archive::manifest_node;

/// Encodings of stored layers, asked from the file.
using sniffer = std::function<std::string(archive::entry_id)>;

class describer {
public:
    describer(const archive_contents& contents, const sniffer& sniff)
        : contents_(contents)
        , sniff_(sniff) {}

    inspected_image describe(const archive_image& image) const {
        inspected_image out;
        if (image.root)
            out = describe_manifest(*image.root, {});
        if (image.layered)
            describe_layers(*image.layered, out);
        for (const reference& name : image.names)
            out.names.push_back(name.path.empty() ? concat(":", name.tag) : name.str());
        for (const descriptor& referrer : image.referrers)
            out.referrers.push_back(referrer.digest);
        if (image.trouble)
            out.trouble = image.trouble->message;
        return out;
    }

private:
    inspected_image describe_manifest(const descriptor& self, const std::string& platform) const {
        inspected_image out;
        out.platform = platform;
        out.media_type = self.media_type;
        out.digest = self.digest;
        const manifest_node* node = contents_.find_manifest(self.digest);
        out.present = node != nullptr;
        if (!node)
            return out;
        for (const archive::oci_descriptor& child : node->document.manifests)
            out.platforms.push_back(
                describe_manifest(child, child.platform ? child.platform->str() : ""));
        if (node->document.is_index)
            return out;
        out.config = node->document.config.digest;
        for (const archive::oci_descriptor& layer : node->document.layers)
            out.layers.push_back(describe_blob(layer));
        return out;
    }

    inspected_layer describe_blob(const descriptor& blob) const {
        inspected_layer layer;
        layer.content = blob;
        const auto entry = contents_.find_blob(blob.digest);
        layer.encoding = entry ? sniff_(*entry) : "absent";
        layer.size = entry ? contents_.entries.at(*entry).size : 0;
        if (media_type::is_plain_layer(blob.media_type))
            layer.diff_id = blob.digest;
        return layer;
    }

    void describe_layers(const archive::layered_image& image, inspected_image& out) const {
        out.platform = image.platform.str();
        out.config = image.config_digest;
        std::vector<inspected_layer> layers;
        for (std::size_t i = 0; i < image.layers.size(); ++i) {
            const archive::layer_content& from = image.layers[i];
            inspected_layer layer;
            if (i < out.layers.size() && out.layers.size() == image.layers.size())
                layer.content = out.layers[i].content;
            else if (from.described)
                layer.content = *from.described;
            layer.diff_id = from.diff_id;
            layer.encoding = from.entry ? archive::to_string(from.stored) : "absent";
            layer.size = from.entry ? contents_.entries.at(*from.entry).size : 0;
            layers.push_back(std::move(layer));
        }
        out.layers = std::move(layers);
    }

    const archive_contents& contents_;
    const sniffer& sniff_;
};

std::string dialect_of(const archive_contents& contents) {
    const bool oci = contents.entries.contains("index.json");
    return oci && contents.has_docker_manifest ? "docker+oci" : oci ? "oci" : "docker";
}

inspection describe_all(const archive_contents& contents, const sniffer& sniff) {
    inspection out;
    out.dialect = dialect_of(contents);
    out.compression = "none";
    out.entries = contents.entries.size();
    out.warnings = contents.warnings;
    const describer describe(contents, sniff);
    for (const archive_image& image : contents.images)
        out.images.push_back(describe.describe(image));
    return out;
}

inspection inspect_file(const archive::archive_file& file) {
    const archive_contents contents = file.index().value();
    const sniffer sniff = [&](archive::entry_id id) {
        const archive::tar_entry& entry = contents.entries.at(id);
        std::array<std::byte, archive::sniff_bytes> start{};
        const auto part = std::span(start).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(start.size(), entry.size)));
        file.read_at(entry.offset, part).value();
        return std::string(archive::to_string(archive::sniff_encoding(part)));
    };
    return describe_all(contents, sniff);
}

asio::awaitable<void> describe_once(byte_source& from, async::cpu_pool& workers, inspection& out) {
    engine::passed_archive passed = co_await engine::read_once(from, workers);
    const archive_contents& contents = passed.contents;
    const sniffer sniff = [&](archive::entry_id id) {
        return std::string(archive::to_string(passed.seen.sniff(contents.entries.at(id)).value()));
    };
    out = describe_all(contents, sniff);
    if (passed.outermost != archive::encoding::tar)
        out.compression = archive::to_string(passed.outermost);
}

inspection inspect_stream(const archive::archive_file& file) {
    asio::io_context io{1};
    async::cpu_pool workers(1);
    std::unique_ptr<byte_source> from;
    if (file.whole())
        from = std::make_unique<archive::file_range_source>(file, 0, file.size(), workers);
    else
        from = std::make_unique<archive::pipe_source>(io.get_executor(), file.fd());
    inspection out;
    std::exception_ptr failed;
    auto on_end = [&failed](std::exception_ptr e) {
        failed = e;
    };
    asio::co_spawn(io, describe_once(*from, workers, out), on_end);
    io.run();
    if (failed)
        std::rethrow_exception(failed);
    return out;
}

} // namespace

inspection inspect(const std::string& name) {
    try {
        const auto file = archive::archive_file::open_input(name, "tarpon inspect -");
        const bool indexed = file.whole() && file.sniff().value() == archive::encoding::tar;
        inspection found = indexed ? inspect_file(file) : inspect_stream(file);
        found.archive = name;
        found.size = file.whole() ? file.size() : 0;
        return found;
    } catch (error& e) {
        throw e.in(concat("cannot read ", shown_name(name)));
    }
}

} // namespace tarpon
