// See blob_push.hpp.
#include "engine/blob_push.hpp"

#include "model/text.hpp"

#include <algorithm>

namespace tarpon::engine {

namespace asio = boost::asio;
using registry::upload_outcome;

namespace {

blob_status status_of(upload_outcome outcome) {
    switch (outcome) {
    case upload_outcome::uploaded: return blob_status::uploaded;
    case upload_outcome::mounted: return blob_status::mounted;
    case upload_outcome::exists: break;
    }
    return blob_status::exists;
}

class blob_pusher {
public:
    blob_pusher(run_context& run, const open_archive& from, const push_plan& plan, const blob_job& job)
        : run_(run), from_(from), plan_(plan), job_(job), busy_(run.board, job.label, job.bytes_to_read()) {}

    asio::awaitable<blob_facts> go();

private:
    asio::awaitable<void> ask_all();
    asio::awaitable<void> bring_to(std::size_t repository);
    /// A repository of the same registry that has the blob.
    std::optional<std::string> mount_source(const repository& target) const;
    void tell(std::size_t repository, blob_status status, std::uint64_t bytes_sent, std::uint64_t bytes_not_read);

    run_context& run_;
    const open_archive& from_;
    const push_plan& plan_;
    const blob_job& job_;
    activity busy_;
    blob_facts facts_;
    bool digest_known_ = false; ///< facts_.content is right
    std::vector<std::size_t> present_;
};

void blob_pusher::tell(
    std::size_t repository, blob_status status, std::uint64_t bytes_sent, std::uint64_t bytes_not_read) {
    blob_event event;
    event.digest = facts_.content.digest;
    event.diff_id = job_.diff_id.value_or(digest());
    event.size = facts_.content.size;
    event.status = status;
    event.bytes_sent = bytes_sent;
    event.repository = plan_.repositories[repository].str();
    run_.blob_done(event, bytes_not_read);
}

asio::awaitable<void> blob_pusher::ask_all() {
    busy_.state("checking");
    for (const std::size_t at : job_.repositories) {
        const repository& where = plan_.repositories[at];
        const auto found = co_await registry::head_blob(run_.registry(where), where.path, *job_.known);
        // Another size under this digest: the registry's copy is broken, or the name was no digest.
        const bool same_size = !found.size || *found.size == job_.stored_bytes;
        if (found.present && same_size)
            present_.push_back(at);
    }
    if (present_.empty())
        co_return;
    facts_.content = {{}, *job_.known, job_.stored_bytes};
    digest_known_ = true;
    for (std::size_t i = 0; i < present_.size(); ++i)
        tell(present_[i], blob_status::exists, 0, i == 0 ? job_.bytes_to_read() : 0);
}

std::optional<std::string> blob_pusher::mount_source(const repository& target) const {
    for (const std::size_t at : present_) {
        const repository& candidate = plan_.repositories[at];
        if (candidate.host == target.host && candidate.path != target.path)
            return candidate.path;
    }
    return std::nullopt;
}

asio::awaitable<void> blob_pusher::bring_to(std::size_t repository) {
    const auto& where = plan_.repositories[repository];
    std::uint64_t sent = 0;
    registry::blob_request request;
    request.repository = where.path;
    request.facts.probe = false;
    if (digest_known_) {
        request.facts.digest = facts_.content.digest;
        request.facts.mount_from = mount_source(where);
    }
    if (!job_.has_content() && !request.facts.mount_from)
        throw error(
            errc::archive_blob_missing,
            concat("blob ", job_.known ? job_.known->str() : job_.label, " is neither in the archive nor in ", where.str()));
    auto open_body = [this] {
        if (!job_.has_content())
            throw error(errc::archive_blob_missing, concat("blob ", job_.known->str(), " is not in the archive"));
        busy_.state("sending");
        return open_blob_body(run_, from_.file, from_.contents, job_, facts_, busy_);
    };
    request.open_body = open_body;
    request.on_sent = [&sent](std::size_t bytes) { sent += bytes; };
    const auto done = co_await registry::put_blob(run_.registry(where), std::move(request));
    digest_known_ = true;
    present_.push_back(repository);
    tell(repository, status_of(done.outcome), sent, 0);
}

asio::awaitable<blob_facts> blob_pusher::go() {
    if (job_.known)
        co_await ask_all();
    const std::vector<std::size_t> there = present_;
    for (const std::size_t at : job_.repositories)
        if (std::find(there.begin(), there.end(), at) == there.end())
            co_await bring_to(at);
    co_return facts_;
}

} // namespace

asio::awaitable<blob_facts>
push_blob(run_context& run, const open_archive& from, const push_plan& plan, const blob_job& job) {
    blob_pusher pusher(run, from, plan, job);
    co_return co_await pusher.go();
}

asio::awaitable<bool> blob_is_there(run_context& run, const repository& where, const blob_job& job) {
    if (!job.known)
        co_return false;
    const auto found = co_await registry::head_blob(run.registry(where), where.path, *job.known);
    co_return found.present && (!found.size || *found.size == job.stored_bytes);
}

} // namespace tarpon::engine
