// What a caller may choose. Aggregates, to be filled with designated initialisers.
#pragma once

#include <tarpon/limits.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tarpon {

/// `automatic`: plain layers of docker archives become gzip; layers of pure OCI archives, and
/// layers that are compressed already, stay byte for byte.
enum class compression { automatic, gzip, zstd, none };

/// Which types a manifest has when one must be built. `automatic`: OCI.
enum class manifest_format { automatic, oci, docker };

/// What to do when an index names platforms that are neither in the archive nor in the registry.
enum class missing_platforms { error, prune };

/// How the bytes of a blob go out. `automatic`: in one request, and in chunks once the registry or
/// a proxy before it turns out to want them. `never`: only in one request. `always`: in chunks.
enum class chunking { automatic, never, always };

/// How to reach registries. Secrets stay in here: they never reach a log, an event or an error.
struct connection_options {
    std::string username;
    std::string password;
    std::string registry_token; ///< sent as bearer token as it is; wins over everything else
    /// In docker's or podman's format, instead of the usual places; empty: REGISTRY_AUTH_FILE,
    /// DOCKER_AUTH_CONFIG, podman's auth.json, docker's config.json, ~/.dockercfg.
    std::string auth_file;
    std::string ca_file;   ///< PEM, besides the system's authorities; empty: none
    std::string cert_file; ///< PEM, our certificate for servers that ask for one
    std::string key_file;  ///< PEM, its private key
    /// Folder with HOST[:PORT]/*.crt, *.cert, *.key, instead of docker's and podman's.
    std::string certs_dir;
    bool insecure = false;   ///< do not verify certificates
    bool plain_http = false; ///< plain http also to hosts that are not loopback
    /// How long a connection may go without a byte that moves, before it counts as broken.
    std::chrono::milliseconds idle_time = limits::idle_time_max;
    /// The same while a registry commits a blob or a manifest: some hash all of it first.
    std::chrono::milliseconds commit_time = limits::commit_time_max;
};

/// One image of an archive under another name than the archive gives it.
struct placement {
    std::string image; ///< NAME[:TAG] or @INDEX (from 1)
    std::string name;  ///< REPOSITORY[:TAG] below destination::registry; without a tag: latest
};

/// Where images go. Either `registry`, or one or more of `to`.
struct destination {
    /// HOST[:PORT][/PREFIX], with http:// or https:// in front to fix the scheme. Names and tags
    /// come from the archive.
    std::string registry;
    /// Full references under which exactly one image goes.
    std::vector<std::string> to;
    /// Which image of an archive with several: NAME[:TAG] or @INDEX (from 1).
    std::string image;
    /// Pairs of ECMAScript regex and replacement for repository names; the first match wins.
    std::vector<std::pair<std::string, std::string>> map;
    /// With `registry`: exactly these images, under exactly these names.
    std::vector<placement> placements;
    /// Repository of the registry into which a pipe's blobs go until its images' names are known;
    /// empty: PREFIX/tarpon-staging. Not used with `to`.
    std::string staging;
};

struct push_options {
    destination where;
    connection_options connection;

    compression layers = compression::automatic;
    /// 1 fastest … 9 smallest (zstd: 19); 0: the engine's fastest useful level.
    int compression_level = 0;
    manifest_format format = manifest_format::automatic;
    /// OS/ARCH[/VARIANT] to be pushed of an index; empty: all.
    std::vector<std::string> platforms;
    missing_platforms if_platforms_missing = missing_platforms::error;

    /// References of images, in the registries that are pushed to, whose layers are taken instead
    /// of compressing the same ones again. The image that a tag names before the push always
    /// counts.
    std::vector<std::string> reuse_from;

    /// Most uploads, and connections to one registry, at a time.
    int jobs = limits::jobs_default;
    /// Tries after the first, for each request and for each blob.
    int retries = limits::retries_default;
    /// Before the first repetition; doubles with each further one.
    std::chrono::milliseconds retry_delay = limits::retry_delay_first;
    chunking chunks = chunking::automatic;
    /// Bytes of a chunk; fewer where the registry takes no more. 0: as many as all jobs may hold,
    /// at most limits::chunk_bytes_default. See chunk_bytes_allowed.
    std::uint64_t chunk_bytes = 0;
    /// Most bytes of bodies that all connections together send in a second; 0: no bound.
    std::uint64_t rate_bytes_per_second = 0;
    /// Folder in which digests of layers, places of blobs and unfinished uploads are remembered for
    /// the next run; made where it is absent. A cache: whatever is wrong with it costs time only.
    /// Standard input, and what can be read only once, leave it alone. Empty: nothing is
    /// remembered.
    std::string state;
    /// Nobody asked for that folder in particular: trouble with it is worth a note, no warning.
    bool state_is_default = false;
    /// CPU workers for hashing and compression; 0: as many as there are processors.
    int threads = 0;
    /// Hard cap on buffers in bytes. Costs throughput below about 2 MiB for each job.
    std::uint64_t memory_bytes = limits::buffer_memory_bytes_default;
    /// Folder for a temporary copy of what comes from a pipe; empty: nothing is written to disk.
    std::string spool;
    /// Ask the registry, send nothing.
    bool dry_run = false;
};

/// The largest chunk that `memory_bytes` has room for when every job holds one.
std::uint64_t chunk_bytes_allowed(const push_options& options) noexcept;

} // namespace tarpon
