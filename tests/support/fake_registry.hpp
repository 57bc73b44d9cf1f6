// A registry in memory for tests: the push protocol done properly, and every way it is done
// otherwise as a switch.
//
// A new quirk is a member of registry_options, or, for one test only, a function in `intercept`
// (asked when a request's head is there; its answer goes out after the body, or after as much of it
// as it says) or `adjust` (sees the answer before it is sent).
#pragma once

#include "support/scripted_server.hpp"

#include <tarpon/digest.hpp>

#include <boost/asio/io_context.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tarpon::test {

/// What a request asks for.
enum class step {
    ping,
    head_blob,
    get_blob,
    open_upload,
    mount,
    whole_post, ///< POST ?digest= with the blob as body
    patch,
    put,
    upload_status,
    drop_upload,
    head_manifest,
    get_manifest,
    put_manifest,
    get_referrers,
    other,
};
const char* to_string(step value);

struct registry_request {
    step what = step::other;
    std::string repository;
    std::string reference; ///< digest, tag, or id of an upload
    const seen_request& http;
};

struct registry_options {
    // --- Location
    enum class location { relative, absolute, http_scheme, other_host };
    location locations = location::relative;
    bool query_in_location = false; ///< a session is unknown without its _state
    bool moving_location = false;   ///< each PATCH moves the session; the old place is gone
    bool location_after_patch = true;
    std::optional<std::string> location_literal; ///< of the answer to POST

    // --- statuses of success
    int ping_status = 200;
    int open_status = 202;
    int patch_status = 202;
    int put_status = 201;
    int manifest_status = 201;
    /// 201 mounts where the blob is in `from`; 202 opens a session; all else refuses.
    int mount_status = 201;
    bool whole_post = false; ///< else 202, and the body is ignored

    // --- headers
    bool range_header = true;
    bool digest_header = true;
    std::optional<std::string> stated_blob_digest; ///< a lie after PUT
    std::optional<std::string> stated_manifest_digest;

    // --- looking
    int head_blob_status = 0; ///< whatever is there; 0: the truth
    int head_manifest_status = 0;
    std::string blobs_elsewhere; ///< an origin: GET and HEAD of blobs are redirected to it

    // --- who may
    std::string username; ///< Basic, where not empty
    std::string password;
    bool open_ping = false; ///< /v2/ answers 200 to everybody
    std::vector<std::string> challenges{R"(Basic realm="test")"};
    std::set<std::string> denied_repositories; ///< 403 for everything that changes them

    // --- what may
    int oci_manifest_status = 0; ///< refuses OCI manifests
    std::string oci_manifest_code = "MANIFEST_INVALID";
    bool checks_references = true; ///< MANIFEST_BLOB_UNKNOWN for what is not there
    bool immutable_tags = false;
    bool keeps_referrers = true;       ///< OCI-Subject after PUT, and an answer at referrers/
    std::uint64_t blob_bytes_max = 0;  ///< 413 as soon as a body has more, said or seen
    int chunked_framing_status = 0;    ///< refuses bodies of unknown length, as old proxies do
    int whole_patch_status = 0;        ///< refuses a PATCH without Content-Range
    int content_range_status = 0;      ///< refuses a PATCH with it
    int put_body_status = 0;           ///< refuses a PUT with a body
    bool keeps_broken_uploads = false; ///< what came of a PATCH that broke off counts
    std::string chunk_min, chunk_max;  ///< OCI-Chunk-Min-Length, OCI-Chunk-Max-Length
    bool html_errors = false;
};

/// nullopt: go on.
using interceptor = std::function<std::optional<answer>(const registry_request&)>;
using adjuster = std::function<void(const registry_request&, answer&)>;

class fake_registry {
public:
    explicit fake_registry(
        boost::asio::io_context& io,
        registry_options with = {},
        std::optional<tls_identity> tls = std::nullopt);
    fake_registry(const fake_registry&) = delete;
    fake_registry& operator=(const fake_registry&) = delete;

    registry_options options;
    interceptor intercept;
    adjuster adjust;

    scripted_server& server() noexcept { return *front_; }
    /// "127.0.0.1:40123", as in references.
    std::string host() const { return front_->host(); }
    /// The same registry at another origin; made at the first call.
    scripted_server& other_server();

    // What is there.
    bool has_blob(const std::string& repository, const digest& content) const;
    const std::string* blob(const std::string& repository, const digest& content) const;
    std::optional<digest> tag(const std::string& repository, const std::string& name) const;
    struct stored_manifest {
        std::string media_type;
        std::string bytes;
    };
    const stored_manifest* manifest(const std::string& repository, const digest& content) const;
    const stored_manifest* tagged(const std::string& repository, const std::string& name) const;
    /// Number of tags, of all repositories.
    std::size_t tags() const;
    std::size_t blobs() const;
    std::size_t uploads_open() const noexcept { return uploads_.size(); }
    digest add_blob(const std::string& repository, const std::string& bytes);
    digest add_manifest(
        const std::string& repository,
        const std::string& tag,
        const std::string& media_type,
        const std::string& bytes);
    /// Tags that name what is not all there, in words; the invariant of every push is that there
    /// are none.
    std::vector<std::string> broken_tags() const;

    // What was asked.
    std::size_t count(step what) const;
    /// "ping head_blob open_upload patch put", in the order the heads came.
    std::string steps() const;
    /// The same as a list, with what it was about: "put_manifest team/app:1.0".
    std::vector<std::string> history() const;
    /// What comes next is counted anew.
    void forget_history() { asked_.clear(); }

private:
    struct repository_state {
        std::set<digest> blobs;
        std::map<digest, stored_manifest> manifests;
        std::map<std::string, digest> tags;
    };
    struct upload {
        std::string repository;
        std::string bytes;
        int moves = 0;
    };
    struct asked_step {
        step what;
        std::string about;
    };

    scripted_server::script script();
    registry_request parse(const seen_request& http) const;
    std::optional<answer> on_head(const seen_request& http);
    answer on_request(const seen_request& http);
    answer handle(const registry_request& request);
    answer give_blob(const registry_request& request);
    answer open_upload(const registry_request& request);
    answer mount(const registry_request& request);
    answer whole_post(const registry_request& request);
    void on_broken(const seen_request& http);
    answer with_upload(const registry_request& request);
    answer patch(const registry_request& request, upload& session);
    answer put(const registry_request& request, upload& session);
    answer give_manifest(const registry_request& request);
    answer put_manifest(const registry_request& request);
    answer give_referrers(const registry_request& request) const;
    std::optional<answer> refuse_manifest(const registry_request& request) const;
    answer session_answer(int status, const std::string& id);
    answer stored(int status, const registry_request& request, const digest& content);
    answer refusal(int status, const std::string& code) const;
    std::optional<answer> unauthorized(const registry_request& request) const;
    /// The status that refuses a body sent in this way; 0: none.
    int refused_shape(const registry_request& request, bool has_body, bool chunked) const;
    std::string location_of(const std::string& id);
    bool is_complete(const repository_state& in, const digest& content) const;

    boost::asio::io_context& io_;
    std::map<digest, std::string> blobs_;
    std::map<std::string, repository_state> repositories_;
    std::map<std::string, upload> uploads_;
    std::size_t next_upload_ = 0;
    std::vector<asked_step> asked_;
    std::unique_ptr<scripted_server> front_;
    std::unique_ptr<scripted_server> other_;
};

} // namespace tarpon::test
