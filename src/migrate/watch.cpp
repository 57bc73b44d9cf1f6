// See watch.hpp.
#include "migrate/watch.hpp"

#include "model/text.hpp"

namespace tarpon::migration {

namespace {

/// May what kept this archive from the registry keep every other one too?
bool may_meet_all(const error& what) {
    return class_of(what.code()) == error_class::network || what.code() == errc::registry_failed
           || what.code() == errc::registry_unauthorized || what.http_status() == 429;
}

std::string in_words(const error& what) {
    std::string text = what.one_line();
    if (!what.hint().empty())
        text += concat(" (", what.hint(), ")");
    return text;
}

} // namespace

active_archive* watch::find(const std::string& archive) {
    const auto at = active.find(archive);
    return at == active.end() ? nullptr : &at->second;
}

migrate_sample watch::sample() const {
    migrate_sample now;
    now.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    now.bytes_sent = run_->http.counters().body_bytes_sent;
    now.images_done = run_->totals.images_done;
    return now;
}

void watch::tell(migrated_image image) {
    told_.on_migrated(image);
    report_.images.push_back(std::move(image));
}

void watch::on_image(const image_event& event) {
    ++run_->totals.images_done;
    told_.on_image(event);
    migrated_image done;
    done.archive = event.archive;
    done.reference = event.reference;
    done.digest = event.digest;
    done.result = event.status == image_status::pushed ? migrated_image::outcome::pushed
                                                       : migrated_image::outcome::unchanged;
    if (active_archive* const from = find(event.archive)) {
        done.archive_digest = from->content;
        from->reached = true;
        const auto identity = from->identities.find(event.reference);
        journal_image image{
            event.reference, from->key,
            identity == from->identities.end() ? std::string() : identity->second, from->settings,
            event.digest};
        writer_->add(image_is_done{std::move(image)});
    }
    tell(std::move(done));
}

void watch::on_plan(const plan_event& event) {
    ++run_->totals.images_done;
    planned_bytes_ += event.bytes_to_read;
    told_.on_plan(event);
    migrated_image planned;
    for (const auto& [name, one] : active)
        if (one.identities.contains(event.reference))
            planned.archive = name;
    planned.reference = event.reference;
    planned.result = migrated_image::outcome::planned;
    tell(std::move(planned));
}

void watch::on_failure(const failure_event& event) {
    told_.on_failure(event);
    if (event.what.code() == errc::cancelled) {
        report_.interrupted = true;
        return;
    }
    active_archive* const from = find(event.archive);
    migrated_image failed;
    failed.archive = event.archive;
    failed.reference = event.reference;
    failed.error = in_words(event.what);
    if (from) {
        from->failed = true;
        const error_class kind = class_of(event.what.code());
        if (may_meet_all(event.what))
            from->unreachable = kind;
        else if (kind == error_class::registry || kind == error_class::auth)
            from->reached = true;
        failed.archive_digest = from->content;
        writer_->add(image_failed{event.reference, from->key, failed.error});
    }
    tell(std::move(failed));
    if (on_trouble)
        on_trouble();
}

void watch::on_progress(const progress_snapshot& now) {
    samples_.add(sample());
    told_.on_progress(now);
}

void watch::skipped(const std::string& archive, const journal_image& image, const digest& content) {
    migrated_image skipped;
    skipped.archive = archive;
    skipped.reference = image.reference;
    skipped.digest = image.digest;
    skipped.result = migrated_image::outcome::skipped;
    skipped.archive_digest = content;
    tell(std::move(skipped));
}

void watch::plan_known(const migrate_plan& plan) {
    report_.plan = plan;
    told_.on_migrate_plan(plan);
}

migrate_report watch::take_report(push_report pushed) {
    report_.samples = samples_.finish(sample());
    report_.summary = pushed.summary;
    bool first = true;
    for (const failure_event& failure : pushed.failures) {
        const error_class kind = class_of(failure.what.code());
        if (kind == error_class::interrupted)
            continue;
        if (std::exchange(first, false))
            report_.first_failure = kind;
        // Neither an archive's nor an image's: what it was to write down may be lost.
        report_.broke = report_.broke
                        || (failure.archive.empty() && failure.reference.empty()
                            && kind == error_class::internal);
    }
    return std::move(report_);
}

} // namespace tarpon::migration
