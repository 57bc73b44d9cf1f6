// Listens to the run: turns its events into the report and the journal, and passes them on.
#pragma once

#include "engine/run_context.hpp"
#include "migrate/journal_writer.hpp"
#include "migrate/sample_series.hpp"

#include <tarpon/migrate.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::migration {

/// An archive that is being pushed.
struct active_archive {
    std::string key;                               ///< of the archive in the journal
    std::string settings;                          ///< of its images
    std::map<std::string, std::string> identities; ///< by reference
    tarpon::digest content;                        ///< SHA-256 of the file; empty: nobody asked
    bool failed = false;
    bool reached = false; ///< the registry took an image of it, or had something against it
    /// What kept it from the registry, where that may keep every archive from it.
    std::optional<error_class> unreachable = {};
};

class watch final : public progress_observer {
public:
    explicit watch(migrate_observer& told)
        : told_(told) {}

    /// Before the run's first event; it must outlive them.
    void attach(engine::run_context& run) { run_ = &run; }
    /// Before the first archive.
    void write_to(journal_writer& writer) { writer_ = &writer; }
    /// Called after each failure.
    std::function<void()> on_trouble;

    /// Archives under way, by the name that events have.
    std::map<std::string, active_archive> active;

    void skipped(const std::string& archive, const journal_image& image, const digest& content);
    void plan_known(const migrate_plan& plan);
    const std::vector<migrated_image>& images() const noexcept { return report_.images; }
    /// Of images that --plan asked about.
    std::uint64_t planned_bytes() const noexcept { return planned_bytes_; }
    migrate_report take_report(push_report pushed);

    void on_blob(const blob_event& event) override { told_.on_blob(event); }
    void on_image(const image_event& event) override;
    void on_plan(const plan_event& event) override;
    void on_failure(const failure_event& event) override;
    void on_retry(const retry_event& event) override { told_.on_retry(event); }
    void on_progress(const progress_snapshot& now) override;
    void on_log(log_level level, const std::string& message) override {
        told_.on_log(level, message);
    }

private:
    void tell(migrated_image image);
    active_archive* find(const std::string& archive);
    migrate_sample sample() const;

    migrate_observer& told_;
    engine::run_context* run_ = nullptr;
    journal_writer* writer_ = nullptr;
    migrate_report report_;
    sample_series samples_;
    std::uint64_t planned_bytes_ = 0;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

} // namespace tarpon::migration
