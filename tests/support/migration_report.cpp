// See migration_report.hpp.
#include "support/migration_report.hpp"

#include "model/hasher.hpp"
#include "model/text.hpp"

namespace tarpon::test {

migrate_report make_report(int images) {
    using outcome = migrated_image::outcome;
    migrate_report report;
    report.destination = "harbor.example/mirror";
    report.shard = {2, 4};
    report.started = "2026-11-26T14:00:00Z";
    report.plan = {1'310,          2'024,          300,       9'000,
                   67'000'000'000, 41'000'000'000, 1'000'000, 66'000'000'000};
    for (int i = 0; i < images; ++i) {
        migrated_image image;
        image.archive = concat("images/team-", i % 7, "/service-", i, ".tar");
        image.reference =
            concat("harbor.example/mirror/team-", i % 7, "/service-", i, ":1.", i % 13);
        image.result = i % 10 == 9   ? outcome::failed
                       : i % 10 == 4 ? outcome::unchanged
                       : i % 10 == 5 ? outcome::skipped
                                     : outcome::pushed;
        if (image.result == outcome::failed) {
            image.error = concat(
                "cannot push ", image.archive, ": a layer is cut short\n",
                "the archive ends at byte ", i * 1000, " of ", i * 2000);
            if (i % 20 == 19)
                image.reference.clear();
            ++report.summary.failed;
        } else {
            image.digest = digest_of(image.reference);
            image.archive_digest = digest_of(image.archive);
            ++report.summary.images;
        }
        report.images.push_back(image);
        const auto n = static_cast<std::uint64_t>(i);
        report.samples.push_back(
            {static_cast<double>(i), n * 34'000'000 + (n * n * 977) % 60'000'000, n});
    }
    report.summary.blobs_uploaded = 812;
    report.summary.blobs_skipped = 4'401;
    report.summary.bytes_read = 61'000'000'000;
    report.summary.bytes_sent = report.samples.empty() ? 0 : report.samples.back().bytes_sent;
    report.summary.requests = 15'022;
    report.summary.connections = 6;
    report.summary.seconds = images;
    report.summary.peak_memory_bytes = 71'000'000;
    return report;
}

} // namespace tarpon::test
