#include "migrate/report.hpp"

#include "migrate/report_plot.hpp"
#include "model/base64.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"
#include "support/migration_report.hpp"
#include "support/temp_dir.hpp"

#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <map>

BOOST_AUTO_TEST_SUITE(test_report)

using namespace tarpon;
using namespace tarpon::migration;
using test::hostile_name;
using test::make_report;
namespace fs = std::filesystem;

namespace {

using format = void (*)(const migrate_report&, const text_sink&);

std::string text_of(format write, const migrate_report& report) {
    std::string text;
    write(report, [&](std::string_view piece) { text += piece; });
    return text;
}

migrate_report hostile_report() {
    migrate_report report = make_report(2);
    report.destination = hostile_name;
    report.images[0].archive = hostile_name;
    report.images[0].reference = hostile_name;
    report.images[1].result = migrated_image::outcome::failed;
    report.images[1].error = hostile_name;
    return report;
}

/// RFC 4180, strictly.
std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
    std::vector<std::vector<std::string>> rows{{""}};
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted && c == '"' && text.substr(at + 1).starts_with('"'))
            rows.back().back().push_back(text[++at]);
        else if (c == '"')
            quoted = !quoted;
        else if (quoted || (c != ',' && c != '\r' && c != '\n'))
            rows.back().back().push_back(c);
        else if (c == ',')
            rows.back().emplace_back();
        else if (c == '\n')
            rows.push_back({""});
    }
    BOOST_TEST(!quoted);
    BOOST_TEST((rows.back() == std::vector<std::string>{""}));
    rows.pop_back();
    return rows;
}

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

} // namespace

BOOST_AUTO_TEST_CASE(csv_has_one_line_an_image) {
    const migrate_report report = make_report(30);
    const std::string text = text_of(write_csv_report, report);
    const auto rows = parse_csv(text);
    BOOST_TEST(count_of(text, "\r\n") == 31u);
    BOOST_TEST(rows.size() == 31u);
    BOOST_TEST(
        (rows[0]
         == std::vector<std::string>{
             "reference", "digest", "archive", "archive_sha256", "status", "error"}));
    for (std::size_t i = 0; i < 30; ++i) {
        const migrated_image& image = report.images[i];
        BOOST_REQUIRE(rows[i + 1].size() == 6u);
        BOOST_TEST(rows[i + 1][0] == image.reference);
        BOOST_TEST(rows[i + 1][1] == image.digest.str());
        BOOST_TEST(rows[i + 1][2] == image.archive);
        BOOST_TEST(
            rows[i + 1][3] == (image.archive_digest.empty() ? "" : image.archive_digest.hex()));
        BOOST_TEST(rows[i + 1][4] == to_string(image.result));
        BOOST_TEST(rows[i + 1][5] == image.error);
    }
}

// Nothing that a spreadsheet would run, and no field that leaves its place.
BOOST_AUTO_TEST_CASE(csv_of_hostile_names_is_text) {
    const auto rows = parse_csv(text_of(write_csv_report, hostile_report()));
    BOOST_REQUIRE(rows.size() == 3u);
    for (const auto& row : rows) {
        BOOST_TEST(row.size() == 6u);
        for (const std::string& field : row)
            BOOST_TEST(
                std::string_view("=+-@\t\r").find(field.empty() ? 'x' : field[0])
                == std::string_view::npos);
    }
    BOOST_TEST(rows[1][0] == "'" + valid_utf8(hostile_name));
    for (const char* start : {"+1", "-1", "@x", "\tx", "\rx"}) {
        migrate_report report = make_report(1);
        report.images[0].archive = start;
        BOOST_TEST(parse_csv(text_of(write_csv_report, report))[1][2] == concat("'", start));
    }
}

BOOST_AUTO_TEST_CASE(json_has_everything) {
    const migrate_report report = make_report(30);
    const auto parsed = boost::json::parse(text_of(write_json_report, report));
    const auto& object = parsed.as_object();
    BOOST_TEST(object.at("schema").as_int64() == 1);
    BOOST_TEST(object.at("exit_code").as_int64() == 7);
    BOOST_TEST(object.at("destination").as_string() == "harbor.example/mirror");
    BOOST_TEST(object.at("shard").at("index").as_int64() == 2);
    BOOST_TEST(object.at("plan").at("shared_bytes").as_int64() == 41'000'000'000);
    BOOST_TEST(object.at("summary").at("requests").as_int64() == 15'022);
    BOOST_TEST(object.at("images").as_array().size() == 30u);
    BOOST_TEST(object.at("samples").as_array().size() == 30u);
    const auto& failed = object.at("images").as_array().at(19).as_object();
    BOOST_TEST(failed.at("reference").is_null());
    BOOST_TEST(failed.at("digest").is_null());
    BOOST_TEST(failed.at("status").as_string() == "failed");
    BOOST_TEST(std::string_view(failed.at("error").as_string()).starts_with("cannot push "));
    const auto& pushed = object.at("images").as_array().at(0).as_object();
    BOOST_TEST(std::string_view(pushed.at("digest").as_string()) == report.images[0].digest.str());
    BOOST_TEST(
        std::string_view(pushed.at("archive_digest").as_string())
        == report.images[0].archive_digest.str());
}

BOOST_AUTO_TEST_CASE(json_of_hostile_names_is_json) {
    const auto parsed = boost::json::parse(text_of(write_json_report, hostile_report()));
    BOOST_TEST(
        std::string_view(parsed.at("images").at(0).at("archive").as_string())
        == valid_utf8(hostile_name));
}

BOOST_AUTO_TEST_CASE(html_has_failures_first) {
    const std::string page = text_of(write_html_report, make_report(30));
    BOOST_TEST(count_of(page, "<tr class=\"is-") == 30u);
    BOOST_TEST(page.rfind("<tr class=\"is-failed") < page.find("<tr class=\"is-pushed"));
    BOOST_TEST(page.find("3 failed</span></header>") != page.npos);
    BOOST_TEST(page.find("shard 2 of 4") != page.npos);
    BOOST_TEST(count_of(page, "<svg ") == 3u);
}

// Foreign text is text: no element, no attribute, no control character comes from it.
BOOST_AUTO_TEST_CASE(html_of_hostile_names_is_harmless) {
    const std::string page = text_of(write_html_report, hostile_report());
    BOOST_TEST(count_of(page, "<script") == 0u);
    BOOST_TEST(count_of(page, "</table>") == 1u);
    BOOST_TEST(count_of(page, "\x1b") == 0u);
    BOOST_TEST(count_of(page, "\xff") == 0u);
    BOOST_TEST(page.find("&lt;script&gt;alert(1)&lt;/script&gt;&amp;") != page.npos);
    BOOST_TEST(page.find("&#39;/c calc&#39;!A1,&quot;") != page.npos);
}

// The policy names the style that is there, and nothing else may load or run.
BOOST_AUTO_TEST_CASE(html_policy_fits_its_style) {
    const std::string page = text_of(write_html_report, make_report(1));
    const std::size_t begin = page.find("<style>") + 7;
    const digest hash = digest_of(page.substr(begin, page.find("</style>") - begin));
    const std::size_t given = page.find("'sha256-") + 8;
    const auto bytes = base64_decode(page.substr(given, page.find('\'', given) - given));
    BOOST_REQUIRE(bytes.has_value());
    const auto* data = reinterpret_cast<const unsigned char*>(bytes->data());
    BOOST_TEST(to_hex({data, bytes->size()}) == hash.hex());
    BOOST_TEST(page.find("default-src 'none'") != page.npos);
    BOOST_TEST(count_of(page, " style=") == 0u);
    BOOST_TEST(count_of(page, "http:") + count_of(page, "https:") == 0u);
}

BOOST_AUTO_TEST_CASE(html_of_nothing_is_a_page) {
    migrate_report report;
    const std::string page = text_of(write_html_report, report);
    BOOST_TEST(page.find("There was nothing to do.") != page.npos);
    BOOST_TEST(page.ends_with("</html>\n"));
    report.interrupted = true;
    BOOST_TEST(text_of(write_html_report, report).find(">interrupted<") != page.npos);
}

BOOST_AUTO_TEST_CASE(throughput_is_what_was_sent_over_time) {
    std::vector<migrate_sample> samples;
    for (int i = 0; i <= 1000; ++i)
        samples.push_back(
            {i * 0.5, static_cast<std::uint64_t>(i) * 500, static_cast<std::uint64_t>(i / 10)});
    const curve rate = throughput_of(samples, 50);
    BOOST_TEST(rate.points.size() == 50u);
    BOOST_TEST(rate.seconds == 500.0);
    for (const auto& [time, value] : rate.points)
        BOOST_TEST(std::abs(value - 1000) < 0.001);
    BOOST_TEST(images_of(samples, 50).highest == 100.0);
}

// Samples from a clock that stands still, or too few of them, make no plot and no NaN.
BOOST_AUTO_TEST_CASE(odd_samples_are_left_out) {
    BOOST_TEST(throughput_of({}).points.empty());
    BOOST_TEST(throughput_of({{0, 5, 0}}).points.empty());
    BOOST_TEST(throughput_of({{0, 5, 0}, {0, 9, 0}, {-1, 9, 0}}).points.empty());
    // A run begins with nothing, whenever the first sample was taken.
    BOOST_TEST(throughput_of({{2, 10, 0}}).points.size() == 1u);
    BOOST_TEST(throughput_of({{2, 10, 0}}).highest == 5.0);
    const curve falling = throughput_of({{0, 100, 0}, {1, 50, 0}});
    BOOST_TEST(falling.highest == 0.0);
    BOOST_TEST(plot_figure(falling, "t", "n", "B/s").find("nan") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(axes_end_at_round_numbers) {
    BOOST_TEST(round_top(0, true) == 1.0);
    BOOST_TEST(round_top(3, false) == 5.0);
    BOOST_TEST(round_top(501, false) == 1000.0);
    BOOST_TEST(round_top(501, true) == 1024.0);
    BOOST_TEST(round_top(34e6, true) == 50.0 * 1024 * 1024);
}

BOOST_AUTO_TEST_CASE(the_name_decides_the_format) {
    const test::temp_dir dir;
    const auto in = [&](std::string_view name) {
        return (dir.path() / name).string();
    };
    const std::map<std::string, std::string> starts{
        {"r.html", "<!DOCTYPE html>"}, {"r.JSON", "{\"schema\":1,"}, {"r.csv", "reference,"}};
    for (const auto& [name, start] : starts) {
        check_report_path(in(name));
        write_report(make_report(3), in(name));
        BOOST_TEST(test::read_file(in(name)).starts_with(start));
    }
    write_report(make_report(4), in("r.csv"));
    BOOST_TEST(count_of(test::read_file(in("r.csv")), "\r\n") == 5u);
    const auto left = std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator());
    BOOST_TEST(left == 3);
    for (const char* bad : {"r.txt", "r", "html", "r.html.gz", "none/r.html", ""})
        BOOST_CHECK_EXCEPTION(check_report_path(in(bad)), error, [](const error& why) {
            return why.code() == errc::usage;
        });
    fs::create_directory(in("folder.csv"));
    BOOST_CHECK_THROW(check_report_path(in("folder.csv")), error);
    BOOST_CHECK_THROW(write_report(make_report(1), in("none/r.csv")), error);
}

// A report on a link goes to what the link names.
BOOST_AUTO_TEST_CASE(links_stay_links) {
    const test::temp_dir dir;
    dir.write("real.csv", "old");
    fs::create_symlink("real.csv", dir.path() / "link.csv");
    write_report(make_report(1), (dir.path() / "link.csv").string());
    BOOST_TEST(fs::is_symlink(dir.path() / "link.csv"));
    BOOST_TEST(test::read_file(dir.path() / "real.csv").starts_with("reference,"));
}

BOOST_AUTO_TEST_SUITE_END()
