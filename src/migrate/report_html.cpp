// The report for people: one page that needs nothing else, neither scripts nor other hosts.
// Failures come first; what is foreign goes through escaped().
#include "migrate/report.hpp"
#include "migrate/report_plot.hpp"
#include "migrate/report_style.hpp"
#include "model/base64.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <iterator>

namespace tarpon::migration {
namespace {

using outcome = migrated_image::outcome;

struct kind {
    outcome result;
    std::string_view words;
};

/// Failures first; also the order of the table.
constexpr kind kinds[] = {
    {outcome::failed, "failed"},       {outcome::pushed, "pushed"},
    {outcome::unchanged, "was there"}, {outcome::skipped, "done before"},
    {outcome::planned, "planned"},
};

/// Safe in HTML, also inside quoted attributes. Controls, which HTML forbids, become U+FFFD.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : valid_utf8(text)) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
                out += "\xef\xbf\xbd";
            else
                out.push_back(c);
        }
    }
    return out;
}

struct tally {
    std::array<std::uint64_t, std::size(kinds)> of{};
    std::uint64_t total = 0;

    explicit tally(const migrate_report& report) {
        for (const migrated_image& image : report.images)
            ++of[static_cast<std::size_t>(place_of(image.result))];
        total = report.images.size();
    }
    static std::ptrdiff_t place_of(outcome result) {
        std::ptrdiff_t at = 0;
        while (kinds[at].result != result)
            ++at;
        return at;
    }
    std::uint64_t count(outcome result) const {
        return of[static_cast<std::size_t>(place_of(result))];
    }
};

/// The policy names the style by its hash, so that nothing else can ever run or load.
std::string policy(const std::string& style) {
    const digest hash = digest_of(style);
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hash.hex().size(); i += 2)
        bytes.push_back(
            static_cast<char>(std::stoi(std::string(hash.hex().substr(i, 2)), nullptr, 16)));
    return concat(
        "default-src 'none'; style-src 'sha256-", base64_encode(bytes),
        "'; base-uri 'none'; form-action 'none'");
}

/// What is checked among the filters decides which rows are there.
std::string style_with_filters() {
    std::string style(report_style);
    const auto mark = [&](std::string_view name) {
        style += concat(
            "#only-", name, ":checked ~ .filters label[for=only-", name,
            "] { background: var(--accent); border-color: var(--accent); color: var(--card); }\n"
            "#only-",
            name, ":focus-visible ~ .filters label[for=only-", name,
            "] { outline: 3px solid var(--accent); outline-offset: 2px; }\n");
    };
    mark("all");
    for (const kind& one : kinds) {
        const std::string_view name = to_string(one.result);
        mark(name);
        style += concat(
            "#only-", name, ":checked ~ .table tbody tr:not(.is-", name, ") { display: none; }\n");
    }
    return style;
}

std::string span_of(std::string_view text) {
    return concat("<span>", text, "</span>");
}

std::string duration(double seconds) {
    if (seconds >= 10)
        return human_duration(std::chrono::seconds(std::llround(seconds)));
    const auto tenths = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0) * 10));
    return concat(tenths / 10, ".", tenths % 10, "s");
}

/// "2026-11-26T14:00:00Z" as "2026-11-26 14:00:00 UTC".
std::string readable_time(std::string time) {
    if (time.size() == 20 && time[10] == 'T' && time.back() == 'Z') {
        time[10] = ' ';
        time.replace(19, 1, " UTC");
    }
    return time;
}

bool is_plan(const tally& counts) {
    return counts.count(outcome::planned) > 0
           && counts.count(outcome::pushed) + counts.count(outcome::unchanged) == 0;
}

std::string verdict(const migrate_report& report, const tally& counts) {
    const std::uint64_t failed = counts.count(outcome::failed);
    if (report.interrupted)
        return "<span class=\"verdict bad\">interrupted</span>";
    if (failed > 0)
        return concat("<span class=\"verdict bad\">", thousands(failed), " failed</span>");
    return is_plan(counts) ? "<span class=\"verdict\">nothing sent yet</span>"
                           : "<span class=\"verdict good\">complete</span>";
}

void write_head(const migrate_report& report, const tally& counts, const text_sink& out) {
    const std::string what = is_plan(counts) ? "Plan of a migration to " : "Migration to ";
    const std::string title = what + escaped(report.destination);
    const std::string style = style_with_filters();
    out(concat(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"",
        policy(style),
        "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
        title, "</title>\n<style>", style, "</style>\n</head>\n<body>\n<header><h1>", title,
        "</h1>", verdict(report, counts), "</header>\n<p class=\"meta\">",
        span_of("started " + escaped(readable_time(report.started))),
        span_of("took " + duration(report.summary.seconds))));
    if (report.shard.count > 1)
        out(span_of(concat(
            "shard ", report.shard.index, " of ", report.shard.count,
            report.fingerprint.empty() ? "" : ", all archives: ", report.fingerprint)));
    out("</p>\n");
}

void write_results(const tally& counts, const text_sink& out) {
    std::string bar, legend;
    std::uint64_t before = 0;
    const auto place = [&](std::uint64_t value) {
        return counts.total == 0 ? 0 : value * 10'000 / counts.total;
    };
    // The good ones from the left, failures at the right end.
    for (std::size_t i = 1; i <= std::size(kinds); ++i) {
        const kind& one = kinds[i % std::size(kinds)];
        const std::uint64_t count = counts.count(one.result);
        if (count == 0)
            continue;
        bar += concat(
            "<rect class=\"", to_string(one.result), "\" x=\"", place(before),
            "\" y=\"-5\" width=\"", place(before + count) - place(before), "\" height=\"30\"/>");
        legend += concat(
            "<li class=\"", to_string(one.result), "\"><b>", thousands(count), "</b> ",
            span_of(one.words), "</li>");
        before += count;
    }
    out(concat(
        "<section class=\"panel\" aria-label=\"Images\"><svg class=\"bar\" viewBox=\"0 0 10000 "
        "20\" "
        "preserveAspectRatio=\"none\" aria-hidden=\"true\">",
        bar, "</svg><ul class=\"legend\">",
        legend.empty() ? std::string("<li class=\"skipped\"><span>no images</span></li>") : legend,
        "</ul></section>\n"));
}

std::string card(std::string_view name, const std::string& value, const std::string& note) {
    return concat("<div><dt>", name, "</dt><dd>", value, "<small>", note, "</small></dd></div>\n");
}

void write_numbers(const migrate_report& report, const tally& counts, const text_sink& out) {
    const migrate_plan& plan = report.plan;
    const push_summary& summary = report.summary;
    const std::uint64_t done = counts.count(outcome::pushed) + counts.count(outcome::unchanged)
                               + counts.count(outcome::skipped);
    const double seconds = std::max(summary.seconds, 0.001);
    out("<dl class=\"numbers\">\n");
    out(card(
        "Images", thousands(done), concat("of ", thousands(counts.total), " in the registry")));
    out(card(
        "Archives", thousands(plan.archives),
        concat(thousands(plan.blobs), " different blobs, ", human_bytes(plan.blob_bytes))));
    out(card(
        "Saved by sharing", human_bytes(plan.shared_bytes),
        "blobs of several archives, sent once"));
    if (is_plan(counts)) {
        out(card("To be sent", human_bytes(plan.bytes_to_send), "as it is in the archives"));
        out(card("In the registry", human_bytes(plan.bytes_present), "of these blobs"));
    } else {
        out(card(
            "Sent", human_bytes(summary.bytes_sent),
            concat(
                thousands(summary.blobs_uploaded), " blobs; ", thousands(summary.blobs_skipped),
                " were there")));
        out(card(
            "Mean rate",
            human_bytes(
                static_cast<std::uint64_t>(static_cast<double>(summary.bytes_sent) / seconds))
                + "/s",
            concat(human_bytes(summary.bytes_read), " read")));
    }
    out(card(
        "Requests", thousands(summary.requests),
        concat(
            "over ", counted(summary.connections, "connection"), "; ",
            human_bytes(summary.peak_memory_bytes), " of memory")));
    out("</dl>\n");
}

void write_plots(const migrate_report& report, const text_sink& out) {
    const curve rate = throughput_of(report.samples);
    const curve images = images_of(report.samples);
    if (rate.points.empty())
        return;
    const std::string highest = human_bytes(static_cast<std::uint64_t>(rate.highest));
    out("<h2>Over time</h2>\n<div class=\"plots\">\n");
    out(plot_figure(rate, "Throughput", concat("at most ", highest, "/s"), "B/s"));
    out(plot_figure(
        images, "Images done",
        thousands(static_cast<std::uint64_t>(images.highest)) + " in the end", ""));
    out("</div>\n");
}

void write_row(const migrated_image& image, const text_sink& out) {
    const std::string_view name = to_string(image.result);
    // Without a digest there is more room for why.
    const bool wide = image.digest.empty();
    std::string row = concat(
        "<tr class=\"is-", name, "\"><td><span class=\"state ", name, "\">",
        kinds[tally::place_of(image.result)].words, "</span></td><td",
        wide ? " colspan=\"2\">" : ">",
        image.reference.empty() ? std::string("<span class=\"whole\">the whole archive</span>")
                                : escaped(image.reference));
    if (!image.error.empty())
        row += concat("<p class=\"why\">", escaped(image.error), "</p>");
    row += "</td>";
    if (!wide)
        row += concat("<td data-label=\"Digest\"><code>", image.digest.str(), "</code></td>");
    row += concat("<td data-label=\"Archive\">", escaped(image.archive));
    if (!image.archive_digest.empty())
        row += concat("<br><code>", image.archive_digest.str(), "</code>");
    out(row + "</td></tr>\n");
}

void write_filters(const tally& counts, const text_sink& out) {
    std::string inputs =
        "<input class=\"filter\" type=\"radio\" name=\"only\" id=\"only-all\" checked>";
    std::string labels =
        concat("<label for=\"only-all\">All ", thousands(counts.total), "</label>");
    for (const kind& one : kinds) {
        const std::uint64_t count = counts.count(one.result);
        if (count == 0 || count == counts.total)
            continue;
        const std::string_view name = to_string(one.result);
        inputs +=
            concat("<input class=\"filter\" type=\"radio\" name=\"only\" id=\"only-", name, "\">");
        labels +=
            concat("<label for=\"only-", name, "\">", one.words, " ", thousands(count), "</label>");
    }
    out(concat(inputs, "\n<div class=\"filters\">", labels, "</div>\n"));
}

void write_images(const migrate_report& report, const tally& counts, const text_sink& out) {
    out("<h2 id=\"images\">Images</h2>\n<section>\n");
    if (counts.total > 1)
        write_filters(counts, out);
    out("<div class=\"table\">");
    if (report.images.empty())
        out("<p class=\"none\">There was nothing to do.</p>");
    else
        out("<table><thead><tr><th scope=\"col\">Status</th><th scope=\"col\">Image</th>"
            "<th scope=\"col\">Digest</th><th scope=\"col\">Archive</th></tr></thead>\n<tbody>\n");
    for (const kind& one : kinds)
        for (const migrated_image& image : report.images)
            if (image.result == one.result)
                write_row(image, out);
    out(report.images.empty() ? "" : "</tbody></table>");
    out("</div>\n</section>\n");
}

} // namespace

void write_html_report(const migrate_report& report, const text_sink& out) {
    const tally counts(report);
    write_head(report, counts, out);
    write_results(counts, out);
    write_numbers(report, counts, out);
    write_plots(report, out);
    write_images(report, counts, out);
    out(concat(
        "<footer>Made by tarpon ", TARPON_VERSION,
        ". Digests are those of the manifests in the registry.</footer>\n</body>\n</html>\n"));
}

} // namespace tarpon::migration
