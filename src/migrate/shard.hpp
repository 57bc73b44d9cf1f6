// A migration on several machines: which archives are one machine's part, and which part that is.
//
// Nobody coordinates: every machine indexes all archives, and comes to the same parts by itself.
#pragma once

#include "model/environment.hpp"

#include <tarpon/error.hpp>
#include <tarpon/migrate.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::migration {

struct archive_load {
    std::string name; ///< the same on every machine
    /// Digest (whatever tells blobs apart) and bytes.
    std::vector<std::pair<std::string, std::uint64_t>> blobs;
};

/// Which shard (0-based) each archive belongs to: shared blobs stay together as far as they can,
/// shards are even in bytes, a blob counting once in each shard that needs it.
///
/// How: archives that share anything are a family; families are packed whole, the largest first,
/// each into the lightest shard. Where that is not the most even way (one base is under
/// everything), archives are lined up so that those which share most stand side by side, and the
/// line is cut into `count` pieces whose heaviest is as light as can be. Then archives that can
/// move from the heaviest shard to the lightest without more bytes in sum do so. So a shared blob
/// is in more than one shard only where a cut goes through those who share it: at most count - 1
/// cuts. Deterministic: names, digests and sizes decide, not the order of `archives` or the
/// machine.
std::vector<int> assign_shards(const std::vector<archive_load>& archives, int count);

/// The same text for the same archives, blobs and number of shards, in whatever order: machines
/// that come to different ones come to different parts.
std::string fingerprint_of(const std::vector<archive_load>& archives, int count);

/// "I/N" with 1 <= I <= N <= limits::migrate_shards_max. Errors: errc::usage.
result<shard> parse_shard(std::string_view text);

/// The shard that the engine which started us has in mind; nullopt where there is none.
///   TARPON_SHARDS (N) with JOB_COMPLETION_INDEX (from 0): an Indexed Job of Kubernetes;
///   SLURM_ARRAY_TASK_ID with SLURM_ARRAY_TASK_COUNT: a job array of Slurm, which may begin at
///   any number and go in steps (SLURM_ARRAY_TASK_MIN, _MAX, _STEP), but may have no gaps.
/// Errors: throws `error` of errc::usage when what it finds makes no sense.
std::optional<shard> shard_from_environment(const environment_lookup& environment);

} // namespace tarpon::migration
