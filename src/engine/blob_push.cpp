// See blob_push.hpp.
#include "engine/blob_push.hpp"

#include "engine/blob_body.hpp"
#include "engine/shared_blobs.hpp"
#include "model/text.hpp"
#include "registry/whole_post.hpp"

#include <algorithm>

namespace tarpon::engine {

namespace asio = boost::asio;
using registry::upload_outcome;

namespace {

blob_status status_of(upload_outcome outcome) {
    switch (outcome) {
    case upload_outcome::uploaded:
        return blob_status::uploaded;
    case upload_outcome::mounted:
        return blob_status::mounted;
    case upload_outcome::exists:
        break;
    }
    return blob_status::exists;
}

asio::awaitable<bool>
has_blob(run_context& run, const repository& where, const descriptor& content) {
    return registry::has_blob(run.registry(where), where.path, content);
}

struct likely_blob {
    pushed_earlier blob;
    bool ours = false; ///< we made it of the layer; else an image of the registry says so
};

/// What may be the layer, in the form the job wants: of images that a registry has, and of earlier
/// runs.
asio::awaitable<std::vector<likely_blob>> find_candidates(
    run_context& run,
    bool rereadable,
    repository target,
    const blob_job& job,
    const reusable_layers& reusable) {
    std::vector<likely_blob> all;
    for (pushed_earlier& one : reusable.find(job))
        all.push_back({std::move(one), false});
    push_memory* const memory = rereadable ? run.memory() : nullptr;
    if (!memory || !job.diff_id)
        co_return all;
    const auto content = co_await memory->find_layer(job, run.options);
    if (!content)
        co_return all;
    const auto elsewhere = co_await memory->place_of(target, content->digest);
    if (elsewhere)
        target.path = *elsewhere;
    pushed_earlier known{target, {*content, *job.diff_id}};
    all.push_back({std::move(known), true});
    co_return all;
}

class blob_pusher {
public:
    blob_pusher(
        run_context& run,
        blob_supply& from,
        const push_plan& plan,
        const blob_job& job,
        std::vector<std::size_t> targets,
        const reusable_layers& reusable)
        : run_(run)
        , from_(from)
        , plan_(plan)
        , job_(job)
        , targets_(std::move(targets))
        , reusable_(reusable)
        , busy_(run.board, job.label, from.bytes_to_read(job)) {}

    asio::awaitable<blob_outcome> go();

private:
    bool is_worth_asking() const;
    asio::awaitable<void> ask_all();
    asio::awaitable<void> prepare();
    asio::awaitable<void> ask(std::size_t repository);
    asio::awaitable<void> bring_to(std::size_t repository);
    asio::awaitable<bool> bring_in_one_request(std::size_t repository);
    void look_at_earlier();
    asio::awaitable<void> take_turn();
    void share();
    asio::awaitable<void> look_at_reusable();
    asio::awaitable<void> remember();
    push_memory* memory() const { return from_.rereadable() ? run_.memory() : nullptr; }
    asio::awaitable<bool> reuse(const likely_blob& likely);
    bool is_large() const { return job_.stored_bytes > limits::small_blob_bytes_max; }
    void reserve_place();
    asio::awaitable<std::optional<async::slots::lease>> take_place(bool may_be_mounted);
    bool is_present(std::size_t repository) const;
    void refused(std::size_t repository, const error& why);
    asio::awaitable<std::unique_ptr<registry::upload_body>> open_body();
    /// A repository of the same registry that has the blob.
    std::optional<std::string> mount_source(const repository& target) const;
    void tell(
        std::size_t repository,
        blob_status status,
        std::uint64_t bytes_sent,
        std::uint64_t bytes_not_read);

    run_context& run_;
    blob_supply& from_;
    const push_plan& plan_;
    const blob_job& job_;
    const std::vector<std::size_t> targets_;
    const reusable_layers& reusable_;
    activity busy_;
    blob_facts facts_;
    std::map<std::size_t, error> refused_;
    bool digest_known_ = false; ///< facts_.content is right
    bool made_here_ = false;    ///< its plain bytes were read, and their digest compared
    bool believed_ = false;     ///< an image of the registry says what it is, and nobody else
    std::optional<shared_blobs::turn> turn_;
    std::optional<upload_gate::reservation> reserved_;
    std::optional<std::string> prepared_; ///< the bytes to be sent
    std::optional<async::slots::lease> preparing_;
    std::vector<std::size_t> present_;
    std::optional<repository> elsewhere_; ///< pushed there while the archive was read
};

void blob_pusher::tell(
    std::size_t repository,
    blob_status status,
    std::uint64_t bytes_sent,
    std::uint64_t bytes_not_read) {
    blob_event event;
    event.digest = facts_.content.digest;
    event.diff_id = job_.diff_id.value_or(digest());
    event.size = facts_.content.size;
    event.status = status;
    event.bytes_sent = bytes_sent;
    event.repository = plan_.repositories[repository].str();
    run_.blob_done(event, bytes_not_read);
}

bool blob_pusher::is_present(std::size_t repository) const {
    return std::find(present_.begin(), present_.end(), repository) != present_.end();
}

/// Throws what concerns the blob itself.
void blob_pusher::refused(std::size_t repository, const error& why) {
    const error_class kind = class_of(why.code());
    const bool network = kind == error_class::network;
    if (!network && kind != error_class::registry && kind != error_class::auth
        && why.code() != errc::archive_blob_missing)
        throw why;
    // Where the network fails, it fails for every repository of that host.
    const std::string& host = plan_.repositories[repository].host;
    for (const std::size_t at : targets_)
        if (at == repository || (network && plan_.repositories[at].host == host && !is_present(at)))
            refused_.emplace(at, why);
}

asio::awaitable<void> blob_pusher::ask(std::size_t repository) {
    const descriptor wanted{{}, *job_.known, job_.stored_bytes};
    const bool there = co_await has_blob(run_, plan_.repositories[repository], wanted);
    if (there)
        present_.push_back(repository);
}

/// To send a small config is as quick as to ask for it.
bool blob_pusher::is_worth_asking() const {
    return !run_.sharing || !job_.bytes || job_.bytes->size() > limits::unasked_config_bytes_max;
}

/// A small layer is compressed before it is sent, so that it can go in one request. How much is in
/// one that is compressed already, nobody knows.
asio::awaitable<void> blob_pusher::prepare() {
    const bool worth_it = run_.sharing && job_.entry && job_.treatment.encode
                          && !job_.treatment.decode
                          && job_.stored_bytes <= limits::prepared_layer_bytes_max;
    if (!worth_it || digest_known_ || prepared_)
        co_return;
    auto lease = co_await run_.sharing->prepared_layers.acquire();
    preparing_.emplace(std::move(lease));
    const auto body = co_await open_body();
    std::string bytes;
    while (true) {
        const body_piece piece = co_await body->next();
        if (piece.empty())
            break;
        bytes.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
        if (bytes.size() > limits::prepared_bytes_max) {
            preparing_.reset();
            co_return;
        }
    }
    facts_.content = co_await body->finish();
    prepared_ = std::move(bytes);
    made_here_ = true;
    digest_known_ = true;
}

asio::awaitable<void> blob_pusher::ask_all() {
    busy_.state("checking");
    for (const std::size_t at : job_.repositories) {
        if (refused_.contains(at))
            continue;
        std::optional<error> failed;
        try {
            co_await ask(at);
        } catch (const error& e) {
            failed = e;
        }
        if (failed)
            refused(at, *failed);
    }
    if (present_.empty())
        co_return;
    facts_.content = {{}, *job_.known, job_.stored_bytes};
    digest_known_ = true;
    for (std::size_t i = 0; i < present_.size(); ++i)
        tell(present_[i], blob_status::exists, 0, i == 0 ? from_.bytes_to_read(job_) : 0);
}

/// What the single pass has pushed already counts as present where it is.
void blob_pusher::look_at_earlier() {
    const auto earlier = from_.find(job_);
    if (!earlier)
        return;
    facts_ = earlier->facts;
    digest_known_ = true;
    elsewhere_ = earlier->where;
    for (const std::size_t at : job_.repositories)
        if (plan_.repositories[at] == earlier->where)
            present_.push_back(at);
}

/// What another image calls this layer counts if it is there for every target: all of them must get
/// the same blob, and compressing it again for one might give another. A single target may mount
/// it.
asio::awaitable<bool> blob_pusher::reuse(const likely_blob& likely) {
    const pushed_earlier& candidate = likely.blob;
    std::vector<std::size_t> there;
    bool elsewhere = false;
    try {
        for (const std::size_t at : targets_) {
            const bool found =
                co_await has_blob(run_, plan_.repositories[at], candidate.facts.content);
            if (found)
                there.push_back(at);
        }
        if (there.empty() && targets_.size() == 1)
            elsewhere = co_await has_blob(run_, candidate.where, candidate.facts.content);
    } catch (const error&) {
        co_return false; // then the layer is pushed, and whatever is wrong shows again
    }
    if (there.size() != targets_.size() && !elsewhere)
        co_return false;
    facts_ = candidate.facts;
    digest_known_ = true;
    believed_ = !likely.ours;
    if (elsewhere)
        elsewhere_ = candidate.where;
    for (const std::size_t at : there) {
        present_.push_back(at);
        tell(at, blob_status::reused, 0, at == there.front() ? from_.bytes_to_read(job_) : 0);
    }
    co_return true;
}

asio::awaitable<void> blob_pusher::look_at_reusable() {
    const repository& first = plan_.repositories[targets_.front()];
    const auto candidates =
        co_await find_candidates(run_, from_.rereadable(), first, job_, reusable_);
    for (const likely_blob& likely : candidates) {
        const auto same_host = [&](std::size_t at) {
            return plan_.repositories[at].host == likely.blob.where.host;
        };
        // Of another host it can neither be there nor be mounted.
        if (!std::all_of(targets_.begin(), targets_.end(), same_host))
            continue;
        const bool found = co_await reuse(likely);
        if (found)
            co_return;
    }
}

asio::awaitable<std::unique_ptr<registry::upload_body>> blob_pusher::open_body() {
    if (!job_.has_content())
        throw error(
            errc::archive_blob_missing,
            concat("blob ", job_.known->str(), " is not in the archive"));
    busy_.state("sending");
    if (prepared_)
        co_return make_memory_body(*prepared_, facts_.content.digest, facts_);
    if (!job_.entry)
        co_return make_memory_body(*job_.bytes, *job_.known, facts_);
    blob_input input = co_await from_.open(job_);
    co_return make_entry_body(run_, std::move(input), job_, facts_, busy_);
}

std::optional<std::string> blob_pusher::mount_source(const repository& target) const {
    if (elsewhere_ && elsewhere_->host == target.host && elsewhere_->path != target.path)
        return elsewhere_->path;
    for (const std::size_t at : present_) {
        const repository& candidate = plan_.repositories[at];
        if (candidate.host == target.host && candidate.path != target.path)
            return candidate.path;
    }
    return std::nullopt;
}

/// Small, in memory, and nowhere to be mounted from.
asio::awaitable<bool> blob_pusher::bring_in_one_request(std::size_t repository) {
    const auto& where = plan_.repositories[repository];
    const std::string* const bytes = prepared_ ? &*prepared_ : job_.bytes ? &*job_.bytes : nullptr;
    const bool small = bytes && (prepared_ || !is_worth_asking());
    if (!run_.sharing || !small || mount_source(where))
        co_return false;
    const descriptor content{{}, prepared_ ? facts_.content.digest : *job_.known, bytes->size()};
    busy_.state("sending");
    std::string sent = *bytes;
    const bool stored =
        co_await registry::post_whole(run_.registry(where), where.path, content, std::move(sent));
    if (!stored)
        co_return false;
    facts_.content = content;
    digest_known_ = true;
    present_.push_back(repository);
    tell(repository, blob_status::uploaded, content.size, 0);
    co_return true;
}

asio::awaitable<void> blob_pusher::bring_to(std::size_t repository) {
    const auto& where = plan_.repositories[repository];
    std::uint64_t sent = 0;
    registry::blob_request request;
    request.repository = where.path;
    request.facts.probe = false;
    if (digest_known_) {
        request.facts.digest = facts_.content.digest;
        request.facts.size = facts_.content.size;
        request.facts.mount_from = mount_source(where);
    } else if (job_.is_promised()) {
        request.facts.digest = job_.known; // checked when the body has gone through
    }
    if (!job_.has_content() && !request.facts.mount_from)
        throw error(
            errc::archive_blob_missing, concat(
                                            "blob ", job_.known ? job_.known->str() : job_.label,
                                            " is neither in the archive nor in ", where.str()));
    request.repeatable = true;
    request.label = job_.diff_id ? concat("layer ", job_.label) : job_.label;
    std::unique_ptr<registry::upload_record> record;
    if (memory())
        record = memory()->record(job_, run_.options, where);
    request.record = record.get();
    if (memory() && request.facts.digest && !request.facts.mount_from)
        request.facts.mount_from = co_await memory()->place_of(where, *request.facts.digest);
    if (job_.has_content() && (!job_.entry || job_.treatment.as_is()))
        request.size = job_.stored_bytes;
    if (prepared_)
        request.size = prepared_->size();
    request.whole_if_possible = run_.sharing && (prepared_ || !is_worth_asking());
    request.on_sent = [&sent](std::size_t bytes) {
        sent += bytes;
    };
    const bool mounts = request.facts.mount_from.has_value();
    request.open_body = [this, &where, mounts] {
        if (mounts && run_.sharing) // it was refused
            run_.sharing->hosts_without_mounts.insert(where.host);
        return open_body();
    };
    const bool may_be_mounted =
        mounts && (!run_.sharing || !run_.sharing->hosts_without_mounts.contains(where.host));
    const auto place = co_await take_place(may_be_mounted);
    const auto done = co_await registry::put_blob(run_.registry(where), std::move(request));
    // It may be there because a try that failed later had got it through.
    const bool read_here = !digest_known_ && facts_.content.digest == done.content.digest;
    if (done.outcome == upload_outcome::uploaded || read_here)
        made_here_ = true;
    else if (!digest_known_) // named by what it is stored as
        facts_.content = {{}, done.content.digest, job_.stored_bytes};
    digest_known_ = true;
    present_.push_back(repository);
    const bool spared = turn_ && turn_->is_there() && present_.size() == 1
                        && done.outcome != upload_outcome::uploaded;
    tell(repository, status_of(done.outcome), sent, spared ? from_.bytes_to_read(job_) : 0);
}

/// Another archive of this run may have got it into the registry, or be at it.
asio::awaitable<void> blob_pusher::take_turn() {
    std::string host = plan_.repositories[targets_.front()].host;
    const bool one_host = std::all_of(targets_.begin(), targets_.end(), [&](std::size_t at) {
        return plan_.repositories[at].host == host;
    });
    if (!run_.sharing || digest_known_ || job_.identity.empty() || !one_host)
        co_return;
    std::vector<std::string> paths;
    for (const std::size_t at : targets_)
        paths.push_back(plan_.repositories[at].path);
    auto turn =
        co_await run_.sharing->blobs->take(std::move(host), job_.identity, std::move(paths));
    turn_.emplace(std::move(turn));
    // Under one digest there is one size; whose archive says otherwise finds out by itself.
    const bool fits =
        turn_->is_there()
        && (!job_.treatment.as_is() || turn_->facts().content.size == job_.stored_bytes);
    if (!fits)
        co_return;
    facts_ = turn_->facts();
    digest_known_ = true;
    elsewhere_ = plan_.repositories[targets_.front()];
    elsewhere_->path = turn_->repository();
    std::uint64_t not_read = from_.bytes_to_read(job_);
    for (const std::size_t at : targets_)
        if (turn_->is_in(plan_.repositories[at].path)) {
            present_.push_back(at);
            tell(at, blob_status::exists, 0, std::exchange(not_read, 0));
        }
}

/// What was read here and checked, or is named by its digest, is the same for other archives.
void blob_pusher::share() {
    const bool sure = job_.known ? *job_.known == facts_.content.digest : made_here_ || !believed_;
    if (!turn_ || !digest_known_ || !sure)
        return;
    for (const std::size_t at : present_)
        turn_->done(facts_, plan_.repositories[at].path);
}

/// The blobs of a plan begin with the largest. It keeps its place while the registry is asked for
/// it: else a smaller one whose answer came first would go before it.
void blob_pusher::reserve_place() {
    if (is_large() && !digest_known_ && !run_.sharing)
        reserved_.emplace(run_.large_uploads);
}

/// A large blob that is to be sent leaves places to the small ones of other archives, and time to
/// those that are larger.
asio::awaitable<std::optional<async::slots::lease>> blob_pusher::take_place(bool may_be_mounted) {
    std::optional<async::slots::lease> place(
        reserved_ && !may_be_mounted ? reserved_->take() : std::nullopt);
    reserved_.reset();
    if (place || may_be_mounted || !is_large())
        co_return place;
    auto turn = run_.sharing ? run_.sharing->large_uploads.acquire()
                             : run_.large_uploads.acquire(job_.stored_bytes);
    auto lease = co_await std::move(turn);
    place.emplace(std::move(lease));
    co_return place;
}

asio::awaitable<blob_outcome> blob_pusher::go() {
    look_at_earlier();
    co_await take_turn();
    reserve_place();
    if (job_.known && !digest_known_ && is_worth_asking())
        co_await ask_all();
    if (!digest_known_)
        co_await look_at_reusable();
    for (const std::size_t at : targets_) {
        if (is_present(at) || refused_.contains(at))
            continue;
        std::optional<error> failed;
        try {
            co_await prepare();
            const bool done = co_await bring_in_one_request(at);
            if (!done)
                co_await bring_to(at);
        } catch (const error& e) {
            failed = e;
        }
        if (failed)
            refused(at, *failed);
    }
    reserved_.reset();
    share();
    co_await remember();
    co_return blob_outcome{facts_, refused_};
}

asio::awaitable<void> blob_pusher::remember() {
    if (!memory() || present_.empty() || (turn_ && turn_->is_there()))
        co_return;
    std::vector<repository> places;
    for (const std::size_t at : present_)
        places.push_back(plan_.repositories[at]);
    co_await memory()->remember(places, facts_.content);
    // What another image says of a layer is believed for this push and its tag only.
    if (made_here_)
        co_await memory()->remember_layer(job_, run_.options, facts_.content);
}

} // namespace

asio::awaitable<blob_outcome> push_blob(
    run_context& run,
    blob_supply& from,
    const push_plan& plan,
    const blob_job& job,
    std::vector<std::size_t> targets,
    const reusable_layers& reusable) {
    blob_pusher pusher(run, from, plan, job, std::move(targets), reusable);
    co_return co_await pusher.go();
}

asio::awaitable<bool> blob_is_there(
    run_context& run,
    const repository& where,
    const blob_job& job,
    const reusable_layers& reusable) {
    std::vector<descriptor> candidates;
    if (job.known)
        candidates.push_back({{}, *job.known, job.stored_bytes});
    const auto earlier = co_await find_candidates(run, true, where, job, reusable);
    for (const likely_blob& one : earlier)
        candidates.push_back(one.blob.facts.content);
    for (const descriptor& content : candidates) {
        const bool there = co_await has_blob(run, where, content);
        if (there)
            co_return true;
    }
    co_return false;
}

} // namespace tarpon::engine
