#include "cli/progress_text.hpp"

#include "model/text.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_progress_text)

using namespace tarpon;
using namespace tarpon::cli;
using std::chrono::seconds;

constexpr std::uint64_t MiB = 1024 * 1024;
const rate_meter::time_point start{};

/// A meter that saw `bytes_a_second` for so long.
rate_meter steady(std::uint64_t bytes_a_second, int for_seconds) {
    rate_meter rate;
    for (int i = 0; i <= for_seconds; ++i)
        rate.sample(start + seconds(i), bytes_a_second * static_cast<std::uint64_t>(i));
    return rate;
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

BOOST_AUTO_TEST_CASE(durations_have_two_units_at_most) {
    BOOST_TEST(human_duration(seconds(0)) == "0s");
    BOOST_TEST(human_duration(seconds(-5)) == "0s");
    BOOST_TEST(human_duration(seconds(59)) == "59s");
    BOOST_TEST(human_duration(seconds(60)) == "1m0s");
    BOOST_TEST(human_duration(seconds(665)) == "11m5s");
    BOOST_TEST(human_duration(seconds(4320)) == "1h12m");
    BOOST_TEST(human_duration(seconds(360000)) == "100h0m");
}

BOOST_AUTO_TEST_CASE(speed_is_of_the_last_seconds) {
    rate_meter rate;
    BOOST_TEST(rate.speed(start) == 0.0);
    rate = steady(MiB, 60);
    BOOST_TEST(rate.speed(start + seconds(60)) == static_cast<double>(MiB));
    BOOST_TEST(rate.long_speed(start + seconds(60)) == static_cast<double>(MiB));
    for (int i = 61; i <= 80; ++i)
        rate.sample(start + seconds(i), 60 * MiB + static_cast<std::uint64_t>(i - 60) * 3 * MiB);
    BOOST_TEST(rate.speed(start + seconds(80)) == static_cast<double>(3 * MiB));
    BOOST_TEST(rate.long_speed(start + seconds(80)) == 1.5 * static_cast<double>(MiB));
    BOOST_TEST(rate.speed(start + seconds(200)) == 0.0);
}

// A retry takes back what it had counted: that is no speed, and no astronomical one.
BOOST_AUTO_TEST_CASE(bytes_that_go_back_are_no_speed) {
    rate_meter rate = steady(MiB, 5);
    for (int i = 6; i < 9; ++i)
        rate.sample(start + seconds(i), 0);
    BOOST_TEST(rate.speed(start + seconds(8)) == 0.0);
    BOOST_TEST(rate.long_speed(start + seconds(8)) == 0.0);
}

BOOST_AUTO_TEST_CASE(stall_is_counted_from_the_last_byte) {
    rate_meter rate;
    BOOST_TEST(rate.stalled(start + seconds(5)).count() == 0);
    rate = steady(MiB, 5);
    rate.sample(start + seconds(9), 5 * MiB);
    BOOST_TEST(rate.stalled(start + seconds(9)).count() == 4);
    rate.sample(start + seconds(10), 6 * MiB);
    BOOST_TEST(rate.stalled(start + seconds(10)).count() == 0);
}

progress_snapshot half_way() {
    progress_snapshot now;
    now.archives_total = 1;
    now.bytes_done = 60 * MiB;
    now.bytes_total = 120 * MiB;
    now.total_known = true;
    now.bytes_sent = 30 * MiB;
    return now;
}

BOOST_AUTO_TEST_CASE(total_line_says_what_the_bytes_are) {
    const rate_meter rate = steady(MiB, 60);
    const auto at = start + seconds(60);
    progress_snapshot now = half_way();
    BOOST_TEST(
        total_line(now, rate, at)
        == "pushed 0/1 archive  60.0 MiB of 120.0 MiB  50%  1.0 MiB/s  ETA 1m0s  sent 30.0 MiB");
    now.archives_total = 40;
    now.archives_done = 3;
    now.bytes_skipped = 5 * MiB;
    now.errors = 2;
    BOOST_TEST(
        total_line(now, rate, at)
        == "pushed 3/40 archives  60.0 MiB of 120.0 MiB  50%  1.0 MiB/s  ETA 1m0s  sent 30.0 MiB"
           "  skipped 5.0 MiB  errors 2");
}

BOOST_AUTO_TEST_CASE(a_migration_counts_images) {
    progress_snapshot now = half_way();
    now.archives_total = 40;
    now.images_done = 7;
    now.images_total = 90;
    BOOST_TEST(has(total_line(now, rate_meter(), start), "pushed 7/90 images  60.0 MiB"));
}

BOOST_AUTO_TEST_CASE(a_plan_in_a_line_and_in_a_table) {
    migrate_plan plan;
    plan.archives = 2;
    plan.images = 3;
    plan.blobs = 5;
    plan.blob_bytes = 10 * MiB;
    BOOST_TEST(plan_line(plan) == "3 images of 2 archives: 10.0 MiB in 5 blobs");
    plan.images_done = 1;
    plan.shared_bytes = MiB;
    plan.bytes_present = 4 * MiB;
    plan.bytes_to_send = 6 * MiB;
    BOOST_TEST(
        plan_line(plan)
        == "3 images of 2 archives: 10.0 MiB in 5 blobs, 1.0 MiB more are shared; 1 image done by "
           "an earlier run");
    BOOST_TEST(
        plan_table(plan)
        == "archives                    2\n"
           "images                      3\n"
           "done by an earlier run      1\n"
           "different blobs             5\n"
           "unique bytes                10.0 MiB\n"
           "shared between archives     1.0 MiB\n"
           "the registry has            4.0 MiB\n"
           "to send, before compression 6.0 MiB");
}

// While the total still grows there is no percent and no time left; a pipe has no total at all.
BOOST_AUTO_TEST_CASE(total_that_is_not_known_gives_no_percent_and_no_eta) {
    const rate_meter rate = steady(MiB, 60);
    progress_snapshot now = half_way();
    now.total_known = false;
    BOOST_TEST(
        total_line(now, rate, start + seconds(60))
        == "pushed 0/1 archive  60.0 MiB of 120.0 MiB+  1.0 MiB/s  sent 30.0 MiB");
    now.bytes_total = 0;
    BOOST_TEST(
        total_line(now, rate, start + seconds(60))
        == "pushed 0/1 archive  60.0 MiB  1.0 MiB/s  sent 30.0 MiB");
}

BOOST_AUTO_TEST_CASE(eta_only_where_it_means_something) {
    const auto at = start + seconds(60);
    progress_snapshot now = half_way();
    BOOST_TEST(!has(total_line(now, rate_meter(), start), "ETA"));
    BOOST_TEST(!has(total_line(now, steady(1000, 60), at), "ETA")); // below 1 KiB/s
    BOOST_TEST(has(total_line(now, steady(1024, 60), at), "ETA 17h4m"));
    now.bytes_done = now.bytes_total;
    BOOST_TEST(!has(total_line(now, steady(MiB, 60), at), "ETA"));
    now.bytes_done = now.bytes_total + 5; // never negative
    BOOST_TEST(!has(total_line(now, steady(MiB, 60), at), "ETA"));
}

BOOST_AUTO_TEST_CASE(stall_is_shown_instead_of_speed_and_eta) {
    const rate_meter rate = steady(MiB, 60);
    const std::string line = total_line(half_way(), rate, start + seconds(83));
    BOOST_TEST(has(line, "stalled 23s"), line);
    BOOST_TEST(!has(line, "/s  "), line);
    BOOST_TEST(!has(line, "ETA"), line);
    BOOST_TEST(!has(total_line(half_way(), rate, start + seconds(70)), "stalled"));
}

// What is read still has to be committed and tagged.
BOOST_AUTO_TEST_CASE(hundred_percent_means_finished) {
    progress_snapshot now = half_way();
    now.bytes_done = now.bytes_total;
    BOOST_TEST(has(total_line(now, rate_meter(), start), "  99%"));
    now.archives_done = 1;
    BOOST_TEST(has(total_line(now, rate_meter(), start), "  100%"));
    now.archives_done = 0;
    now.bytes_done = now.bytes_total + 1;
    BOOST_TEST(has(total_line(now, rate_meter(), start), "  99%"));
    now.bytes_total = std::uint64_t{1} << 63;
    now.bytes_done = std::uint64_t{1} << 62;
    BOOST_TEST(has(total_line(now, rate_meter(), start), "  50%"));
}

progress_snapshot with_active(std::size_t count) {
    progress_snapshot now = half_way();
    for (std::size_t i = 0; i < count; ++i)
        now.active.push_back({"sending", "app:1 " + std::to_string(i), 23 * MiB, 100 * MiB});
    return now;
}

std::vector<std::string>
rows_of(const progress_snapshot& now, std::size_t columns, std::size_t rows) {
    return live_rows(now, rate_meter(), start, columns, rows);
}

BOOST_AUTO_TEST_CASE(rows_never_exceed_their_number) {
    for (std::size_t active = 0; active < 15; ++active)
        for (std::size_t rows = 0; rows < 12; ++rows) {
            const auto lines = rows_of(with_active(active), 100, rows);
            BOOST_TEST(lines.size() <= std::max<std::size_t>(rows, 1));
            if (rows >= 2 && active > rows - 1)
                BOOST_TEST(lines.back() == concat("  … and ", active - (rows - 2), " more"));
        }
    const auto lines = rows_of(with_active(2), 100, 10);
    BOOST_REQUIRE(lines.size() == 3u);
    BOOST_TEST(lines[1] == "  sending     app:1 0         23.0 MiB of 100.0 MiB  23%");
}

// Cells, not bytes and not characters: Chinese takes two.
std::size_t cells(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if ((byte & 0xc0) != 0x80)
            count += byte >= 0xe3 ? 2 : 1; // enough for the letters of this test
    }
    return count;
}

BOOST_AUTO_TEST_CASE(rows_fit_the_width) {
    progress_snapshot now = with_active(3);
    now.active[1].label = "图像图像图像图像图像图像图像图像";
    now.active[2].label = std::string(200, 'x');
    for (std::size_t columns = 1; columns < 120; ++columns)
        for (const std::string& row : rows_of(now, columns, 10)) {
            BOOST_TEST(cells(row) <= columns, row);
            BOOST_TEST(!has(foreign_text(row), "?"), row); // no character is cut in two
        }
}

BOOST_AUTO_TEST_CASE(narrow_terminals_get_the_total_only) {
    BOOST_TEST(rows_of(with_active(5), 59, 10).size() == 1u);
    BOOST_TEST(rows_of(with_active(5), 60, 10).size() == 6u);
    BOOST_TEST(rows_of(with_active(5), 100, 1).size() == 1u);
}

// Names come from archives, and archives from anywhere.
BOOST_AUTO_TEST_CASE(control_bytes_never_reach_the_terminal) {
    progress_snapshot now = half_way();
    now.active.push_back({"sending", "a\x1b[2Jb\r\nc\x07\xc2\x9b", 1, 2});
    for (const std::string& row : rows_of(now, 100, 10))
        for (const char c : row)
            BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    BOOST_TEST(has(rows_of(now, 100, 10)[1], "a [2Jb c ?"));
}

BOOST_AUTO_TEST_SUITE_END()
