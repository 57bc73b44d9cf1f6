// tarpon inspect: the contents of an archive as text or JSON.
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "engine/event_json.hpp"
#include "model/text.hpp"

#include <tarpon/inspect.hpp>

#include <cstdio>

namespace tarpon::cli {
namespace {

void print(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
}

void print_image(const inspected_image& image, const std::string& indent) {
    if (!image.digest.empty())
        print(concat(
            indent, "digest    ", image.digest.str(),
            image.present ? "" : "  (not in the archive)"));
    if (!image.media_type.empty())
        print(concat(indent, "type      ", image.media_type));
    if (!image.platform.empty())
        print(concat(indent, "platform  ", image.platform));
    if (!image.config.empty())
        print(concat(indent, "image ID  ", image.config.str()));
    for (const inspected_layer& layer : image.layers) {
        const auto& known = layer.diff_id.empty() ? layer.content.digest : layer.diff_id;
        print(concat(
            indent, "layer     ", known.str(), "  ", layer.encoding, "  ",
            human_bytes(layer.size)));
    }
    for (const inspected_image& platform : image.platforms) {
        print(concat(indent, "- ", platform.platform.empty() ? "manifest" : platform.platform));
        print_image(platform, indent + "    ");
    }
    for (const digest& referrer : image.referrers)
        print(concat(indent, "referrer  ", referrer.str()));
    if (!image.trouble.empty())
        print(concat(indent, "TROUBLE   ", image.trouble));
}

void print_text(const inspection& found) {
    print(concat(
        found.archive == "-" ? "standard input" : found.archive, ": ", found.dialect, ", ",
        counted(found.images.size(), "image"),
        found.size == 0 ? "" : concat(", ", human_bytes(found.size)),
        found.compression == "none" ? "" : concat(" (", found.compression, ")")));
    for (std::size_t i = 0; i < found.images.size(); ++i) {
        std::string names;
        for (const std::string& name : found.images[i].names)
            names += concat(names.empty() ? "" : ", ", foreign_text(name));
        print(concat("@", i + 1, " ", names.empty() ? "(no name)" : names));
        print_image(found.images[i], "    ");
    }
}

} // namespace

int run(const inspect_command& command) {
    console out(command.output);
    try {
        const inspection found = inspect(command.archive);
        for (const std::string& warning : found.warnings)
            out.warning(concat(command.archive, ": ", warning));
        if (command.output.json)
            print(engine::to_json(found));
        else
            print_text(found);
        return 0;
    } catch (const error& e) {
        out.report(e);
        return exit_code_of(class_of(e.code()));
    }
}

} // namespace tarpon::cli
