// How a registry, or a proxy in front of it, wants the bytes of a blob: learned from refusals and
// remembered for the run, one for each host. Pure.
#pragma once

#include <tarpon/options.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tarpon::registry {

enum class upload_shape {
    streamed,   ///< POST, one PATCH, PUT: what every registry knows
    monolithic, ///< POST, PUT with the whole body: needs digest and length ahead
    chunked,    ///< POST, PATCHes with Content-Range, PUT: under limits on a request's size
};

class upload_habits {
public:
    /// `chunk_bytes_max`: there is memory for no more.
    upload_habits(chunking allowed, std::uint64_t chunk_bytes, std::uint64_t chunk_bytes_max);

    upload_shape shape() const noexcept { return shape_; }
    std::uint64_t chunk_bytes() const noexcept { return chunk_bytes_; }

    /// What a registry says about chunks when it opens an upload (OCI-Chunk-Min-Length,
    /// OCI-Chunk-Max-Length). True: it wants chunks.
    bool learn_bounds(std::optional<std::uint64_t> min, std::optional<std::uint64_t> max);
    /// A whole body was refused with `status` in shape `tried.back()`: which one next? nullopt:
    /// none that was not tried already, or the status has nothing to do with the shape.
    std::optional<upload_shape> after_refusal(
        int status, const std::vector<upload_shape>& tried, bool monolithic_possible) const;
    /// Blobs to come begin with the shape that worked.
    void worked(upload_shape shape) noexcept { shape_ = shape; }
    /// Was a PUT with the whole body never refused?
    bool takes_whole_bodies() const noexcept { return takes_whole_bodies_; }
    void whole_bodies_are_refused() noexcept { takes_whole_bodies_ = false; }
    /// Was a POST with digest and bytes never refused?
    bool takes_whole_posts() const noexcept {
        return takes_whole_posts_ && allowed_ != chunking::always;
    }
    void whole_posts_are_refused() noexcept { takes_whole_posts_ = false; }
    /// Is it worth a request to ask for what a broken upload has? Not where only whole bodies are
    /// allowed, nor after a registry turned out to keep nothing.
    bool may_resume() const noexcept { return allowed_ != chunking::never && !loses_sessions_; }
    void sessions_are_lost() noexcept { loses_sessions_ = true; }
    /// A chunk of `refused` bytes was too large. Several uploads may find that out at a time: only
    /// who was refused the size in force halves it. False: it cannot be smaller.
    bool shrink_chunks(std::uint64_t refused) noexcept;

private:
    chunking allowed_;
    upload_shape shape_ = upload_shape::streamed;
    std::uint64_t chunk_bytes_;
    std::uint64_t chunk_bytes_min_;
    std::uint64_t chunk_bytes_max_;
    bool loses_sessions_ = false;
    bool takes_whole_bodies_ = true;
    bool takes_whole_posts_ = true;
};

/// "0-N", "bytes=0-N" or "bytes 0-N": the number of bytes a session has. A hint: registries write
/// "0-0" for none and for one.
std::optional<std::uint64_t> parse_range_end(std::string_view text);
/// The same in the answer to a GET of a session. Quay, the only one to say "bytes=" there, says how
/// many there are, not which is the last.
std::optional<std::uint64_t> parse_status_range(std::string_view text);

} // namespace tarpon::registry
