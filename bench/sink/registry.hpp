// The push side of the OCI distribution protocol over nothing: digests, manifests and small blobs
// (configs) are remembered, layers are not. All of it under one lock, held for a look-up at most.
#pragma once

#include "model/hasher.hpp"
#include "sink/http.hpp"
#include "sink/options.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace tarpon::sink {

/// What the clients cost, as JSON at GET /_sink/counters; POST /_sink/reset sets all to zero and
/// forgets everything that was pushed.
struct counters {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
    std::uint64_t blob_bytes = 0; ///< of bodies that carried blobs
    std::uint64_t blobs = 0;      ///< committed
    std::uint64_t manifests = 0;
    std::uint64_t refusals = 0; ///< answers of 4xx, but 404 to a question
    std::map<std::string, std::uint64_t> methods;
};

class sink_registry {
public:
    explicit sink_registry(const sink_options& options)
        : hash_(options.hash) {}

    void connected();
    /// Reads the body of `head` from `stream`; the answer is for the caller to write.
    response handle(const request& head, http_stream& stream);

private:
    struct session {
        std::uint64_t bytes = 0;
        std::unique_ptr<hasher> hashed; ///< with `hash`
        std::string content;            ///< while it is small
    };
    struct stored_manifest {
        std::string media_type;
        std::string bytes;
    };
    struct place {
        std::string_view repository;
        std::string_view kind; ///< blobs, uploads, manifests
        std::string_view rest;
    };

    response answer_to(const request& head, http_stream& stream);
    response private_path(const request& head) const;
    response blob(const request& head, const place& at);
    response open(const request& head, const place& at, http_stream& stream);
    response patch(const request& head, const place& at, http_stream& stream);
    response commit(const request& head, const place& at, http_stream& stream);
    response manifest(const request& head, const place& at, http_stream& stream);
    response put_manifest(const request& head, const place& at, http_stream& stream);
    response finish(const place& at, session done, std::string_view digest);
    void receive(const request& head, http_stream& stream, session& into);
    response refused(int status, std::string_view code);
    static place place_of(std::string_view path);

    const bool hash_;
    mutable std::mutex lock_;
    counters counted_;
    std::map<std::string, session> sessions_;
    std::uint64_t next_session_ = 1;
    struct stored_blob {
        std::uint64_t bytes = 0;
        std::string content; ///< of small ones
    };
    // "repository@digest" or "repository@tag": what one repository has, others have to be given.
    std::map<std::string, stored_blob> blobs_;
    std::map<std::string, stored_manifest> manifests_;
};

} // namespace tarpon::sink
