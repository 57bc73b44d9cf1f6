// tarpon inspect: the contents of an archive as text or JSON.
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "engine/event_json.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <tarpon/inspect.hpp>

namespace tarpon::cli {
namespace {

/// The lines about one archive.
class description {
public:
    explicit description(const inspection& found);

    const std::string& text() const noexcept { return text_; }

private:
    void add(const std::string& line) { text_ += line + "\n"; }
    void add_image(const inspected_image& image, const std::string& indent);

    std::string text_;
};

void description::add_image(const inspected_image& image, const std::string& indent) {
    if (!image.digest.empty())
        add(concat(
            indent, "digest    ", image.digest.str(),
            image.present ? "" : "  (not in the archive)"));
    if (!image.media_type.empty())
        add(concat(indent, "type      ", image.media_type));
    if (!image.platform.empty())
        add(concat(indent, "platform  ", image.platform));
    if (!image.config.empty())
        add(concat(indent, "image ID  ", image.config.str()));
    for (const inspected_layer& layer : image.layers) {
        const auto& known = layer.diff_id.empty() ? layer.content.digest : layer.diff_id;
        add(concat(
            indent, "layer     ", known.str(), "  ", layer.encoding, "  ",
            human_bytes(layer.size)));
    }
    for (const inspected_image& platform : image.platforms) {
        add(concat(indent, "- ", platform.platform.empty() ? "manifest" : platform.platform));
        add_image(platform, indent + "    ");
    }
    for (const digest& referrer : image.referrers)
        add(concat(indent, "referrer  ", referrer.str()));
    if (!image.trouble.empty())
        add(concat(indent, "TROUBLE   ", image.trouble));
}

description::description(const inspection& found) {
    add(concat(
        shown_name(found.archive), ": ", found.dialect, ", ", counted(found.images.size(), "image"),
        found.size == 0 ? "" : concat(", ", human_bytes(found.size)),
        found.compression == "none" ? "" : concat(" (", found.compression, ")")));
    for (std::size_t i = 0; i < found.images.size(); ++i) {
        std::string names;
        for (const std::string& name : found.images[i].names)
            names += concat(names.empty() ? "" : ", ", foreign_text(name));
        add(concat("@", i + 1, " ", names.empty() ? "(no name)" : names));
        add_image(found.images[i], "    ");
    }
}

} // namespace

int run(const inspect_command& command) {
    console out(command.output);
    try {
        const inspection found = inspect(command.archive);
        for (const std::string& warning : found.warnings)
            out.warning(concat(shown_name(command.archive), ": ", warning));
        out.print(command.output.json ? engine::to_json(found) + "\n" : description(found).text());
        return out.exit_code(0);
    } catch (const error& e) {
        out.report(e);
        return exit_code_of(class_of(e.code()));
    }
}

} // namespace tarpon::cli
