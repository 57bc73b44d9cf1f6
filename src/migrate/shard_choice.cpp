// Which shard this process is. See shard.hpp.
#include "migrate/shard.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <limits>

namespace tarpon::migration {
namespace {

std::optional<std::uint64_t> number_of(const environment_lookup& environment, const char* name) {
    const auto text = environment(name);
    if (!text || text->empty())
        return std::nullopt;
    const auto number = parse_decimal(*text);
    if (!number || *number > std::numeric_limits<std::uint32_t>::max())
        throw error(errc::usage, concat(name, "=", foreign_text(*text), " is not a number"));
    return number;
}

shard checked(std::uint64_t index, std::uint64_t count, const std::string& from) {
    if (count < 1 || count > static_cast<std::uint64_t>(limits::migrate_shards_max))
        throw error(
            errc::usage, concat(
                             from, ": there can be 1 to ", limits::migrate_shards_max,
                             " shards (migrate_shards_max)"));
    if (index < 1 || index > count)
        throw error(errc::usage, concat(from, ": that is none of ", counted(count, "shard")));
    return {static_cast<int>(index), static_cast<int>(count)};
}

std::optional<shard> shard_of_slurm(const environment_lookup& environment) {
    const auto id = number_of(environment, "SLURM_ARRAY_TASK_ID");
    const auto count = number_of(environment, "SLURM_ARRAY_TASK_COUNT");
    if (!id || !count)
        return std::nullopt;
    const std::uint64_t first = number_of(environment, "SLURM_ARRAY_TASK_MIN").value_or(0);
    const std::uint64_t step = number_of(environment, "SLURM_ARRAY_TASK_STEP").value_or(1);
    const std::string from =
        concat("SLURM_ARRAY_TASK_ID=", *id, ", SLURM_ARRAY_TASK_COUNT=", *count);
    const auto last = number_of(environment, "SLURM_ARRAY_TASK_MAX");
    if (step == 0 || *id < first || (*id - first) % step != 0
        || (last && (*last < first || (*last - first) / step + 1 != *count)))
        throw error(errc::usage, concat(from, ": the array has gaps"))
            .with_hint(
                "sbatch --array=0-" + std::to_string(std::max<std::uint64_t>(*count, 1) - 1)
                + ", or --shard I/N");
    return checked((*id - first) / step + 1, *count, from);
}

} // namespace

result<shard> parse_shard(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto index = parse_decimal(text.substr(0, slash));
    const auto count = slash == text.npos ? std::nullopt : parse_decimal(text.substr(slash + 1));
    if (!index || !count || *index < 1 || *index > *count
        || *count > static_cast<std::uint64_t>(limits::migrate_shards_max))
        return failure{
            errc::usage, concat(
                             "\"", foreign_text(text, 64),
                             "\" is not I/N with 1 <= I <= N <= ", limits::migrate_shards_max)};
    return shard{static_cast<int>(*index), static_cast<int>(*count)};
}

std::optional<shard> shard_from_environment(const environment_lookup& environment) {
    const auto count = number_of(environment, "TARPON_SHARDS");
    if (!count)
        return shard_of_slurm(environment);
    const auto index = number_of(environment, "JOB_COMPLETION_INDEX");
    if (!index)
        throw error(errc::usage, "TARPON_SHARDS is set, and JOB_COMPLETION_INDEX is not")
            .with_hint("completionMode: Indexed, or --shard I/N");
    return checked(
        *index + 1, *count, concat("JOB_COMPLETION_INDEX=", *index, ", TARPON_SHARDS=", *count));
}

} // namespace tarpon::migration
