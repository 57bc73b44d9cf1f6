// See plan_execution.hpp.
#include "engine/plan_execution.hpp"

#include "async/for_each.hpp"
#include "engine/blob_push.hpp"
#include "engine/image_publish.hpp"
#include "engine/layer_reuse.hpp"
#include "engine/push_plan.hpp"
#include "engine/shared_blobs.hpp"
#include "engine/tree_check.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <set>

namespace tarpon::engine {

namespace asio = boost::asio;
using archive::archive_contents;

namespace {

class plan_execution {
public:
    plan_execution(
        run_context& run,
        const std::string& name,
        const archive_contents& contents,
        blob_supply& supply,
        target_list targets)
        : run_(run)
        , name_(name)
        , contents_(contents)
        , supply_(supply)
        , targets_(std::move(targets)) {}

    asio::awaitable<void> go();

private:
    struct image_state {
        std::size_t blobs_left = 0;
        bool failed = false;
        bool unchanged = false;
    };

    asio::awaitable<void> make_plan();
    asio::awaitable<void> add_target(plan_builder& builder, const image_target& target);
    asio::awaitable<void> add_tree(plan_builder& builder, const image_target& target);
    asio::awaitable<void> look_at(std::size_t image);
    asio::awaitable<void> work(std::size_t item);
    asio::awaitable<void> push_one_blob(std::size_t blob);
    asio::awaitable<void> publish(std::size_t image);
    asio::awaitable<void> tell_plan(std::size_t image);
    bool is_planned(std::size_t image, std::size_t blob) const;
    void start_counting();
    void blob_failed(std::size_t blob, const error& what);
    void image_failed(std::size_t image, error what);
    bool wants_blobs(std::size_t image) const;
    std::vector<std::size_t> targets_of(std::size_t blob) const;
    void fail_target(const image_target& target, error what);

    run_context& run_;
    const std::string& name_;
    const archive_contents& contents_;
    blob_supply& supply_;
    const target_list targets_;
    push_plan plan_;
    std::vector<image_state> states_;
    reusable_layers reusable_;
    std::vector<blob_facts> facts_;
    std::vector<std::vector<std::size_t>> waiting_; // for each blob: images that wait for it
};

std::string
cannot_push(const std::string& archive, const std::string& image, const std::string& where) {
    return concat(
        "cannot push ", shown_name(archive),
        image.empty()                 ? ""
        : image.starts_with("image ") ? " ("
                                      : " (image ",
        image, image.empty() ? "" : ")", where.empty() ? "" : " to ", where);
}

void plan_execution::fail_target(const image_target& target, error what) {
    const std::string label = contents_.images[target.image].label(target.image);
    what.in(cannot_push(name_, label, target.where.host));
    run_.failed(std::move(what), target.str(), name_);
}

void plan_execution::image_failed(std::size_t image, error what) {
    if (std::exchange(states_[image].failed, true))
        return;
    const image_job& job = plan_.images[image];
    what.in(cannot_push(
        name_, contents_.images[job.image].label(job.image),
        plan_.repositories[job.repository].host));
    run_.failed(std::move(what), job.label, name_);
}

asio::awaitable<void> plan_execution::add_tree(plan_builder& builder, const image_target& target) {
    const archive::archive_image& image = contents_.images[target.image];
    image_tree tree = co_await choose_tree(run_, contents_, *image.root, target.where);
    std::vector<image_tree> referrers;
    for (const descriptor& referrer : image.referrers)
        referrers.push_back(select_tree(contents_, referrer, {}).value());
    builder.add_verbatim(target, std::move(tree), std::move(referrers));
}

void check_platform(const archive::layered_image& image, const std::vector<std::string>& wanted) {
    for (const std::string& platform : wanted)
        if (platform_matches(platform, image.platform))
            return;
    if (!wanted.empty())
        throw error(
            errc::archive_platform_missing,
            concat(
                "it is for ", image.platform.str(), ", and --platform asks for ", wanted.front()));
}

asio::awaitable<void>
plan_execution::add_target(plan_builder& builder, const image_target& target) {
    const archive::archive_image& image = contents_.images[target.image];
    if (image.trouble)
        throw error(*image.trouble);
    if (push_verbatim(image, run_.options)) {
        co_await add_tree(builder, target);
        co_return;
    }
    check_platform(*image.layered, run_.options.platforms);
    builder.add_built(target, *image.layered).value();
}

asio::awaitable<void> plan_execution::make_plan() {
    for (const unplaced_image& image : targets_.unplaced) {
        error what(image.why);
        if (what.code() == errc::archive_unnamed)
            what.with_hint(
                !image.hint.empty()
                    ? image.hint
                    : concat(
                        "tarpon push ", foreign_text(name_), " --to HOST/NAME:TAG",
                        contents_.images.size() > 1 ? concat(" --image @", image.image + 1) : ""));
        run_.failed(
            std::move(what.in(concat("cannot push ", shown_name(name_)))), image.reference, name_);
    }
    std::set<repository> opened;
    plan_builder builder(contents_, run_.options);
    for (const image_target& target : targets_.targets) {
        // Before anything else: is there a registry, and does it let us in?
        if (opened.insert(target.where).second)
            co_await run_.registry(target.where).open();
        std::optional<error> failed;
        try {
            co_await add_target(builder, target);
        } catch (const error& e) {
            failed = e;
        }
        if (failed)
            fail_target(target, *failed);
    }
    plan_ = builder.finish();
    plan_.archive = name_;
}

void plan_execution::start_counting() {
    states_.resize(plan_.images.size());
    facts_.resize(plan_.blobs.size());
    waiting_.resize(plan_.blobs.size());
    for (std::size_t image = 0; image < plan_.images.size(); ++image) {
        std::set<std::size_t> blobs;
        for (const auto& blob : plan_.images[image].blobs)
            if (blob)
                blobs.insert(*blob);
        states_[image].blobs_left = blobs.size();
        for (const std::size_t blob : blobs)
            waiting_[blob].push_back(image);
    }
    if (run_.counted_ahead)
        return;
    for (const blob_job& blob : plan_.blobs)
        run_.totals.bytes_total += supply_.bytes_to_read(blob);
    run_.totals.total_known = run_.totals.archives_total == 1;
}

bool plan_execution::wants_blobs(std::size_t image) const {
    return !states_[image].failed && !states_[image].unchanged;
}

/// The repositories of the images that still want this blob.
std::vector<std::size_t> plan_execution::targets_of(std::size_t blob) const {
    std::set<std::size_t> wanted;
    for (const std::size_t image : waiting_[blob])
        if (wants_blobs(image))
            wanted.insert(plan_.images[image].repository);
    return {wanted.begin(), wanted.end()};
}

asio::awaitable<void> plan_execution::look_at(std::size_t image) {
    std::optional<error> failed;
    try {
        image_job& job = plan_.images[image];
        image_there there = co_await look_at_image(run_, plan_, job);
        job.first_tag_is_free = there.nothing;
        if (there.unchanged) {
            states_[image].unchanged = true;
            if (!run_.options.dry_run)
                co_await publish_tags(run_, plan_, job, std::move(*there.unchanged));
        } else if (there.other) {
            co_await learn_image(
                run_, plan_.repositories[job.repository], std::move(*there.other), reusable_);
        }
    } catch (const error& e) {
        failed = e;
    }
    if (failed)
        image_failed(image, *failed);
}

void plan_execution::blob_failed(std::size_t blob, const error& what) {
    for (const std::size_t image : waiting_[blob])
        image_failed(image, what);
}

asio::awaitable<void> plan_execution::push_one_blob(std::size_t blob) {
    std::optional<error> failed;
    blob_outcome outcome;
    std::vector<std::size_t> targets = targets_of(blob);
    try {
        outcome = co_await push_blob(
            run_, supply_, plan_, plan_.blobs[blob], std::move(targets), reusable_);
    } catch (const error& e) {
        failed = e;
    }
    if (failed) {
        blob_failed(blob, *failed);
        co_return;
    }
    facts_[blob] = std::move(outcome.facts);
    for (const std::size_t image : waiting_[blob]) {
        const auto refused = outcome.refused.find(plan_.images[image].repository);
        if (refused != outcome.refused.end() && wants_blobs(image))
            image_failed(image, refused->second);
        if (--states_[image].blobs_left == 0)
            co_await publish(image);
    }
}

asio::awaitable<void> plan_execution::publish(std::size_t image) {
    if (!wants_blobs(image))
        co_return;
    std::optional<error> failed;
    try {
        supply_.check_unchanged();
        co_await publish_image(run_, plan_, plan_.images[image], facts_);
    } catch (const error& e) {
        failed = e;
    }
    if (failed)
        image_failed(image, *failed);
}

/// Items of work: first the images that wait for nothing, then the blobs, largest first.
asio::awaitable<void> plan_execution::work(std::size_t item) {
    if (item < plan_.images.size()) {
        if (states_[item].blobs_left == 0)
            co_await publish(item);
        co_return;
    }
    const std::size_t blob = item - plan_.images.size();
    if (!targets_of(blob).empty()) {
        co_await push_one_blob(blob);
        co_return;
    }
    const bool is_there =
        std::any_of(waiting_[blob].begin(), waiting_[blob].end(), [this](std::size_t image) {
            return states_[image].unchanged;
        });
    if (!is_there)
        co_return; // its images failed: it is neither pushed nor in the registry
    const std::uint64_t bytes = supply_.bytes_to_read(plan_.blobs[blob]);
    run_.totals.bytes_skipped += bytes;
    run_.totals.bytes_done += bytes;
}

/// Another image of the run gets it there.
bool plan_execution::is_planned(std::size_t image, std::size_t blob) const {
    const std::string& identity = plan_.blobs[blob].identity;
    return run_.sharing && !identity.empty()
           && !run_.sharing->blobs->is_new(
               plan_.repositories[plan_.images[image].repository].host, identity);
}

asio::awaitable<void> plan_execution::tell_plan(std::size_t image) {
    const image_job& job = plan_.images[image];
    plan_event event;
    std::set<std::size_t> blobs;
    for (const auto& blob : job.blobs)
        if (blob)
            blobs.insert(*blob);
    event.blobs = blobs.size();
    std::optional<error> failed;
    try {
        for (const std::size_t blob : blobs) {
            if (states_[image].unchanged)
                break;
            if (is_planned(image, blob))
                continue;
            const bool there = co_await blob_is_there(
                run_, plan_.repositories[job.repository], plan_.blobs[blob], reusable_);
            if (there)
                continue;
            ++event.blobs_to_send;
            event.bytes_to_read += plan_.blobs[blob].stored_bytes;
        }
    } catch (const error& e) {
        failed = e;
    }
    if (failed) {
        image_failed(image, *failed);
        co_return;
    }
    for (const std::string& tag : job.tags) {
        event.reference = concat(plan_.repositories[job.repository].str(), ":", tag);
        run_.observer.on_plan(event);
        if (!run_.sharing)
            continue;
        // Where images are added up, what the first reference needs is there for the next.
        event.blobs_to_send = 0;
        event.bytes_to_read = 0;
    }
    if (job.tags.empty()) {
        event.reference = job.label;
        run_.observer.on_plan(event);
    }
}

asio::awaitable<void> plan_execution::go() {
    for (const std::string& warning : contents_.warnings)
        run_.warn(concat(shown_name(name_), ": ", warning));
    co_await make_plan();
    start_counting();
    const auto jobs = static_cast<std::size_t>(run_.jobs());
    auto look = [this](std::size_t image) {
        return look_at(image);
    };
    co_await async::for_each_index(plan_.images.size(), jobs, look);
    co_await learn_references(run_, reusable_);
    if (run_.options.dry_run) {
        auto tell = [this](std::size_t image) {
            return tell_plan(image);
        };
        co_await async::for_each_index(plan_.images.size(), jobs, tell);
        co_return;
    }
    auto do_item = [this](std::size_t item) {
        return work(item);
    };
    co_await async::for_each_index(plan_.images.size() + plan_.blobs.size(), jobs, do_item);
}

} // namespace

asio::awaitable<void> execute_plan(
    run_context& run,
    const std::string& name,
    const archive_contents& contents,
    blob_supply& supply,
    target_list targets) {
    plan_execution one(run, name, contents, supply, std::move(targets));
    co_await one.go();
}

} // namespace tarpon::engine
