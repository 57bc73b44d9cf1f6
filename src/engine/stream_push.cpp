// See stream_push.hpp.
#include "engine/stream_push.hpp"

#include "archive/decoding_source.hpp"
#include "archive/docker_image.hpp"
#include "archive/outer_source.hpp"
#include "archive/tar_stream.hpp"
#include "async/task_group.hpp"
#include "engine/blob_body.hpp"
#include "engine/idle_growth.hpp"
#include "engine/plan_execution.hpp"
#include "engine/stream_contents.hpp"
#include "model/text.hpp"
#include "registry/blob_upload.hpp"

#include <boost/asio/this_coro.hpp>

namespace tarpon::engine {

namespace asio = boost::asio;
using archive::encoding;
using archive::tar_entry;
using archive::tar_stream;

namespace {

/// The digest that a name promises for the bytes of its entry: only blobs/<algorithm>/<hex> does.
std::optional<digest> promised_digest(std::string_view name) {
    if (!name.starts_with("blobs/"))
        return std::nullopt;
    std::string text(name.substr(6));
    std::replace(text.begin(), text.end(), '/', ':');
    const auto parsed = digest::parse(text);
    return parsed ? std::optional(*parsed) : std::nullopt;
}

/// Names that often hold the digest: enough to ask the registry, not to believe.
std::optional<digest> suggested_digest(std::string_view name) {
    const std::string_view hex = archive::hex_in_name(name);
    if (hex.empty())
        return std::nullopt;
    return digest::parse(concat("sha256:", hex)).value();
}

/// How an entry is pushed that nobody has referred to yet.
layer_treatment treat_passing(std::string_view name, encoding stored, const push_options& options) {
    const bool odd = stored == encoding::xz || stored == encoding::bzip2;
    const bool maybe_layer = stored == encoding::tar || stored == encoding::gzip
                             || stored == encoding::zstd || (odd && !promised_digest(name));
    return maybe_layer ? treat_layer(stored, options.layers, options.format).value()
                       : layer_treatment{};
}

/// A candidate on its way: the stream is fed by the reader and sent by an uploader.
struct candidate {
    candidate(run_context& run, byte_source& body, std::string label, std::uint64_t size)
        : name(label)
        , busy(run.board, std::move(label), size)
        , counted(body, run, busy) {}

    std::string name; ///< of the entry, shortened, for people
    activity busy;
    counted_source counted;
    std::unique_ptr<byte_source> decoded;
    std::optional<pipeline::layer_stream> stream;
    std::optional<digest> promised; ///< of the stored bytes, by the entry's name
    passed_entry* entry = nullptr;
    std::uint64_t sent = 0;
};

/// The upload body over a candidate's stream.
class candidate_body final : public registry::upload_body {
public:
    explicit candidate_body(candidate& one)
        : one_(one) {}
    asio::awaitable<body_piece> next() override { return one_.stream->next(); }
    std::optional<std::uint64_t> length() const override { return one_.stream->length(); }
    asio::awaitable<descriptor> finish() override;

private:
    candidate& one_;
};

/// Records what went through; throws errc::digest_mismatch when the entry's name promised something
/// else.
void take_facts(candidate& one, const pipeline::layer_facts& found) {
    passed_entry& entry = *one.entry;
    entry.facts.content = {{}, found.digest, found.bytes};
    if (!entry.treatment.as_is() || entry.stored == encoding::tar)
        entry.facts.diff_id = found.diff_id;
    if (!entry.treatment.decode)
        entry.stored_digest = entry.treatment.as_is() ? found.digest : found.diff_id;
    if (one.promised && !entry.stored_digest.empty() && entry.stored_digest != *one.promised)
        throw error(
            errc::digest_mismatch,
            concat(
                "blob ", one.promised->brief(),
                " of the archive has other content than its name says"),
            concat("expected ", one.promised->str(), ", found ", entry.stored_digest.str()));
}

asio::awaitable<descriptor> candidate_body::finish() {
    const pipeline::layer_facts found = co_await one_.stream->finish();
    take_facts(one_, found);
    co_return one_.entry->facts.content;
}

class stream_push {
public:
    stream_push(run_context& run, std::string name, byte_source& from, const archive_place& place)
        : run_(run)
        , name_(std::move(name))
        , tar_(from)
        , place_(place)
        , staging_(staging_repository(place.where).value())
        , layers_ahead_(
              run.executor, enough_for_the_processors(), run.jobs(), [this](int) { keep_memory(); })
        , tasks_(run.executor)
        , changed_(run.executor) {}

    /// A wrong name or password must show before megabytes were read: opens an upload, drops it.
    asio::awaitable<void> probe();
    asio::awaitable<void> go();

private:
    asio::awaitable<void> read_all();
    asio::awaitable<void> read_entries();
    asio::awaitable<void> take_entry(const tar_entry& entry);
    asio::awaitable<void> push_candidate(const tar_entry& entry, passed_entry& passed);
    asio::awaitable<void> feed(std::shared_ptr<candidate> one);
    asio::awaitable<void> upload(std::shared_ptr<candidate> one);
    asio::awaitable<void> read_past(std::shared_ptr<candidate> one, digest known);
    std::shared_ptr<candidate> make_candidate(const tar_entry& entry, passed_entry& passed);
    asio::awaitable<bool> exists(const tar_entry& entry, const digest& content);
    void tell(const candidate& one, blob_status status);
    void read_no_further(std::size_t block_room);
    void keep_memory();

    run_context& run_;
    std::string name_;
    tar_stream tar_;
    const archive_place& place_;
    repository staging_;
    archive::entry_table entries_;
    stream_contents passed_;
    idle_growth layers_ahead_;
    async::task_group tasks_;
    async::condition changed_;
    std::size_t uploads_running_ = 0;
    std::size_t largest_block_ = 0;
};

asio::awaitable<void> stream_push::probe() {
    auto& session = run_.registry(staging_);
    co_await session.open();
    co_await registry::probe_upload(session, staging_.path);
}

bool is_legacy_json(std::string_view name) {
    return name.ends_with("/VERSION") || name.ends_with("/json");
}

asio::awaitable<bool> stream_push::exists(const tar_entry& entry, const digest& content) {
    descriptor wanted{{}, content, entry.size};
    co_return co_await registry::has_blob(
        run_.registry(staging_), staging_.path, std::move(wanted));
}

void stream_push::tell(const candidate& one, blob_status status) {
    blob_event event;
    event.digest = one.entry->facts.content.digest;
    event.diff_id = one.entry->facts.diff_id;
    event.size = one.entry->facts.content.size;
    event.status = status;
    event.bytes_sent = one.sent;
    event.repository = staging_.str();
    run_.blob_done(event, 0);
}

asio::awaitable<std::unique_ptr<registry::upload_body>>
open_candidate(std::shared_ptr<candidate> one) {
    co_return std::make_unique<candidate_body>(*one);
}

/// The uploader of one candidate. What is wrong with the archive is remembered with the entry,
/// which may turn out not to matter; what is wrong with the registry ends the push.
asio::awaitable<void> stream_push::upload(std::shared_ptr<candidate> one) {
    registry::blob_request request;
    request.repository = staging_.path;
    request.facts.probe = false;
    request.open_body = [one] {
        return open_candidate(one);
    };
    request.on_sent = [one](std::size_t bytes) {
        one->sent += bytes;
    };
    one->busy.state("sending");
    try {
        (void)co_await registry::put_blob(run_.registry(staging_), std::move(request));
        one->entry->pushed = true;
        tell(*one, blob_status::uploaded);
    } catch (error& e) {
        if (class_of(e.code()) == error_class::network && e.hint().empty())
            e.with_hint("--spool DIR keeps a copy, so that a pipe's layer can be sent again");
        if (class_of(e.code()) != error_class::archive)
            throw;
        if (!one->entry->failed)
            one->entry->failed = e;
    }
    one->stream->abandon();
    --uploads_running_;
    changed_.notify_all();
}

/// The registry has it: read, hash, send nothing.
asio::awaitable<void> stream_push::read_past(std::shared_ptr<candidate> one, digest known) {
    one->busy.state("exists");
    while (true) {
        const body_piece piece = co_await one->stream->next(); // and let go before the next one
        if (piece.empty())
            break;
    }
    const pipeline::layer_facts found = co_await one->stream->finish();
    try {
        take_facts(*one, found);
    } catch (const error& e) {
        one->entry->failed = e;
    }
    one->entry->pushed = !one->entry->failed && found.digest == known;
    if (one->entry->pushed)
        tell(*one, blob_status::exists);
}

/// Than the layers of a file are read ahead, all that go side by side together: more is of no use
/// to the uploads.
void stream_push::read_no_further(std::size_t block_room) {
    largest_block_ = std::max(largest_block_, block_room);
    keep_memory();
}

/// Where bodies go in chunks, one has to fit in beside what was read: it is asked for later.
void stream_push::keep_memory() {
    if (largest_block_ == 0)
        return;
    const std::uint64_t like_a_file =
        static_cast<std::uint64_t>(layers_ahead_.now()) * run_.workshop().window * largest_block_;
    run_.buffers.keep_to(
        std::min(like_a_file, run_.buffers.bytes_max() - chunk_bytes_allowed(run_.options)));
}

std::shared_ptr<candidate>
stream_push::make_candidate(const tar_entry& entry, passed_entry& passed) {
    passed.treatment = treat_passing(entry.name, passed.stored, run_.options);
    auto one = std::make_shared<candidate>(run_, tar_, foreign_text(entry.name, 80), entry.size);
    one->entry = &passed;
    one->promised = promised_digest(entry.name);
    byte_source* body = &one->counted;
    if (passed.treatment.decode) {
        one->decoded =
            std::make_unique<archive::decoding_source>(one->counted, passed.stored, run_.workers);
        body = one->decoded.get();
    }
    const bool as_is = passed.treatment.as_is();
    const auto algo = as_is && one->promised ? one->promised->algo() : digest::algorithm::sha256;
    const auto length = as_is ? std::optional(entry.size) : std::nullopt;
    auto codec = codec_for(passed.treatment, run_.options);
    read_no_further(pipeline::block_room(*codec));
    one->stream.emplace(run_.workshop(), *body, std::move(codec), length, algo);
    return one;
}

asio::awaitable<void> stream_push::push_candidate(const tar_entry& entry, passed_entry& passed) {
    auto one = make_candidate(entry, passed);
    std::optional<digest> known;
    if (passed.treatment.as_is())
        known = one->promised ? one->promised : suggested_digest(entry.name);
    bool there = false;
    if (known) {
        one->busy.state("checking");
        there = co_await exists(entry, *known);
    }
    if (there) {
        co_await read_past(one, *known);
        co_return;
    }
    while (uploads_running_ >= static_cast<std::size_t>(run_.jobs()))
        co_await changed_.wait();
    ++uploads_running_;
    tasks_.spawn(upload(one));
    co_await feed(one);
}

/// A layer whose own compression is damaged may turn out not to matter, or to be one image's only:
/// the rest of the entry is read past. What fails below it ends the push.
asio::awaitable<void> stream_push::feed(std::shared_ptr<candidate> one) {
    try {
        co_await one->stream->feed();
    } catch (const error& e) {
        const bool own = one->decoded && !one->counted.failed();
        if (!own || class_of(e.code()) != error_class::archive)
            throw;
        one->entry->failed = error(e).in(concat("entry \"", one->name, "\""));
    }
}

asio::awaitable<void> stream_push::take_entry(const tar_entry& stored) {
    const auto id = entries_.add(stored);
    if (!id || stored.kind != archive::entry_kind::file)
        co_return;
    const tar_entry entry = entries_.at(*id);
    passed_entry& passed = passed_.at(entry);
    const auto start = co_await tar_.peek(archive::sniff_bytes);
    passed.stored = archive::sniff_encoding(start);
    if (is_legacy_json(entry.name))
        co_return;
    const bool kept = co_await passed_.keep_if_small(tar_, entry);
    if (!kept)
        co_await push_candidate(entry, passed);
}

asio::awaitable<void> stream_push::read_entries() {
    while (true) {
        const auto entry = co_await tar_.next();
        if (!entry)
            break;
        co_await take_entry(*entry);
    }
    co_await tar_.drain();
}

/// Only while the pipe is read is there less memory: copies between repositories are pulled, as a
/// file's layers are.
asio::awaitable<void> stream_push::read_all() {
    struct reading {
        stream_push& one;
        ~reading() {
            one.layers_ahead_.end();
            one.run_.buffers.keep_to(one.run_.buffers.bytes_max());
        }
    };
    const reading now{*this};
    layers_ahead_.begin();
    // Reader and uploaders are siblings: whoever fails first stops the others.
    tasks_.spawn(read_entries());
    co_await tasks_.join();
}

asio::awaitable<void> stream_push::go() {
    co_await read_all();
    auto contents =
        archive::read_contents(std::move(entries_), passed_, tar_.ended_early()).value();
    stream_supply supply(run_, contents, passed_, staging_);
    target_list targets = place_.find_targets(contents);
    co_await execute_plan(run_, name_, contents, supply, std::move(targets));
}

} // namespace

asio::awaitable<void>
push_stream(run_context& run, std::string name, byte_source& from, const archive_place& place) {
    archive::outer_source plain(from, run.workers);
    stream_push one(run, std::move(name), plain, place);
    co_await one.probe();
    co_await plain.open();
    co_await one.go();
}

} // namespace tarpon::engine
