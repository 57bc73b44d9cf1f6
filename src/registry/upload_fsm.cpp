// See upload_fsm.hpp. Sections are those of the distribution-spec, "Pushing blobs".
#include "registry/upload_fsm.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::registry {

upload_fsm::upload_fsm(facts known)
    : digest_(std::move(known.digest))
    , mount_from_(std::move(known.mount_from))
    , shape_(known.shape)
    , step_(upload_step::open) {
    if (known.probe && digest_)
        step_ = upload_step::probe;
    else
        after_probe();
}

void upload_fsm::after_probe() {
    step_ = mount_from_ && digest_ ? upload_step::mount : upload_step::open;
}

bool upload_fsm::resume(std::string_view location, const transport::url& asked) {
    if (!take_location(location, asked))
        return false;
    shape_ = upload_shape::chunked;
    begin_sending();
    return true;
}

void upload_fsm::on_answer(const upload_answer& answer, const transport::url& asked) {
    const bool with_body = step_ == upload_step::send || step_ == upload_step::send_chunk
                           || step_ == upload_step::put_whole;
    if (with_body && keeps_method(answer.status))
        return on_redirect(answer, asked);
    switch (step_) {
    case upload_step::probe:
        return on_probe(answer.status);
    case upload_step::mount:
        return on_mount(answer, asked);
    case upload_step::open:
        return on_open(answer, asked);
    case upload_step::send:
    case upload_step::send_chunk:
        return on_send(answer, asked);
    case upload_step::put_whole:
    case upload_step::commit:
        return on_commit(answer);
    case upload_step::finished:
    case upload_step::failed:
        return;
    }
}

// 404 is the ordinary "no"; proxies that forbid HEAD say 403 or 405, which tells nothing.
void upload_fsm::on_probe(int status) {
    if (status == 200)
        return finish(upload_outcome::exists);
    if (status >= 500 || status == 429)
        return fail();
    after_probe();
}

// 202 opens a session instead, which is used; any refusal means an ordinary upload.
void upload_fsm::on_mount(const upload_answer& answer, const transport::url& asked) {
    if (answer.status == 201)
        return finish(upload_outcome::mounted);
    if (answer.status == 202 && take_location(answer.location, asked))
        return begin_sending();
    broken_.clear();
    step_ = upload_step::open;
}

void upload_fsm::on_open(const upload_answer& answer, const transport::url& asked) {
    if (answer.status != 202)
        return fail();
    if (!take_location(answer.location, asked))
        return fail(broken_);
    begin_sending();
}

void upload_fsm::begin_sending() {
    switch (shape_) {
    case upload_shape::streamed:
        step_ = upload_step::send;
        return;
    case upload_shape::monolithic:
        step_ = upload_step::put_whole;
        return;
    case upload_shape::chunked:
        step_ = upload_step::send_chunk;
        return;
    }
}

void upload_fsm::on_send(const upload_answer& answer, const transport::url& asked) {
    if (answer.status != 202 && answer.status != 201 && answer.status != 204
        && answer.status != 200)
        return fail();
    // The newest Location counts; without one the old stays, and a redirect was for one request.
    if (redirected_from_ && answer.location.empty())
        session_ = redirected_from_;
    redirected_from_.reset();
    redirects_ = 0;
    if (!answer.location.empty() && !take_location(answer.location, asked))
        return fail(broken_);
    if (step_ == upload_step::send)
        step_ = upload_step::commit;
}

void upload_fsm::chunks_done() {
    step_ = upload_step::commit;
}

void upload_fsm::found_committed() {
    finish(upload_outcome::uploaded);
}

void upload_fsm::on_commit(const upload_answer& answer) {
    if (answer.status != 201 && answer.status != 200 && answer.status != 202
        && answer.status != 204)
        return fail();
    if (!answer.content_digest.empty() && answer.content_digest != digest_->str())
        return fail(concat("it stored the blob as ", foreign_text(answer.content_digest, 80)));
    finish(upload_outcome::uploaded);
}

void upload_fsm::on_redirect(const upload_answer& answer, const transport::url& asked) {
    if (++redirects_ > limits::redirects_max)
        return fail(concat("it redirected more than ", limits::redirects_max, " times"));
    if (!redirected_from_)
        redirected_from_ = session_;
    if (!take_location(answer.location, asked))
        fail(broken_);
}

bool upload_fsm::take_location(std::string_view location, const transport::url& asked) {
    auto next = session_at(location, asked);
    if (!next) {
        broken_ = next.error().message;
        return false;
    }
    session_ = std::move(*next);
    return true;
}

result<transport::url> session_at(std::string_view location, const transport::url& asked) {
    auto next = transport::resolve_location(asked, location);
    if (next && asked.at.tls && !next->at.tls)
        return failure{errc::registry_protocol, "a Location leads from https to http"};
    if (next && transport::leads_inside(asked.at, next->at))
        return failure{
            errc::registry_protocol,
            concat("a Location leads to the internal address ", next->at.str())};
    return next;
}

void upload_fsm::finish(upload_outcome outcome) {
    outcome_ = outcome;
    step_ = upload_step::finished;
}

void upload_fsm::fail(std::string broken) {
    broken_ = std::move(broken);
    step_ = upload_step::failed;
}

} // namespace tarpon::registry
