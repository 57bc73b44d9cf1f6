// Which archive writes which reference. Two that would write one: where it is the same image, the
// later one waits for the earlier; where it is not, nobody can say which is meant, and neither
// goes. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

namespace tarpon::migration {

class reference_claims {
public:
    enum class answer {
        first, ///< nobody else writes it so far
        again, ///< another archive writes the same
        contested,
    };

    /// `identity` empty: not known; never the same as another.
    answer claim(const std::string& reference, std::size_t archive, const std::string& identity) {
        const auto [at, fresh] = claims_.try_emplace(reference, holder{archive, identity, {}});
        holder& held = at->second;
        if (fresh)
            return answer::first;
        if (held.archive == archive)
            return held.rival ? answer::contested : answer::first;
        if (!held.rival && !identity.empty() && held.identity == identity)
            return answer::again;
        if (!held.rival)
            held.rival = archive;
        return answer::contested;
    }

    /// Who claimed it first.
    std::optional<std::size_t> holder_of(const std::string& reference) const {
        const auto at = claims_.find(reference);
        return at == claims_.end() ? std::nullopt : std::optional(at->second.archive);
    }

    /// An archive that wants the reference for another image than `identity`.
    std::optional<std::size_t>
    rival_of(const std::string& reference, std::size_t archive, const std::string& identity) const {
        const auto at = claims_.find(reference);
        if (at == claims_.end() || !at->second.rival)
            return std::nullopt;
        const holder& held = at->second;
        const bool with_holder =
            held.archive == archive || (!identity.empty() && held.identity == identity);
        return with_holder ? *held.rival : held.archive;
    }

private:
    struct holder {
        std::size_t archive;
        std::string identity;
        std::optional<std::size_t> rival;
    };
    std::unordered_map<std::string, holder> claims_;
};

} // namespace tarpon::migration
