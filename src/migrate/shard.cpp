// Which archive is in which shard. See shard.hpp.
#include "migrate/shard.hpp"

#include "model/hasher.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

namespace tarpon::migration {
namespace {

/// What an archive costs beside its blobs: requests, manifests. Keeps archives that have the same
/// blobs from ending up in one shard.
constexpr std::uint64_t archive_cost_bytes = 32 * 1024;
constexpr int moves_max = 200;

using blob_id = std::uint32_t;

/// The archives with numbers for blobs; a blob's number is its rank, the one whose sharing saves
/// most being 0. Blobs of one archive are sorted by it.
struct line_up {
    std::vector<std::vector<blob_id>> archives;
    std::vector<std::uint64_t> bytes;   ///< of each blob
    std::vector<std::uint32_t> holders; ///< how many archives have it
};

line_up rank_blobs(const std::vector<archive_load>& loads) {
    struct known {
        std::uint64_t bytes = 0;
        std::uint32_t holders = 0;
        std::size_t last_holder = std::numeric_limits<std::size_t>::max();
        blob_id rank = 0;
    };
    std::map<std::string_view, known> blobs;
    for (std::size_t i = 0; i < loads.size(); ++i)
        for (const auto& [digest, bytes] : loads[i].blobs) {
            known& blob = blobs[digest];
            blob.bytes = std::max(blob.bytes, bytes);
            blob.holders += blob.last_holder == i ? 0 : 1;
            blob.last_holder = i;
        }
    std::vector<known*> ranked;
    ranked.reserve(blobs.size());
    for (auto& [digest, blob] : blobs)
        ranked.push_back(&blob);
    const auto saved = [](const known* blob) {
        return static_cast<double>(blob->bytes) * (blob->holders - 1);
    };
    // Stable, over digests in their order: equal ones do not depend on who came first.
    std::stable_sort(ranked.begin(), ranked.end(), [&](const known* a, const known* b) {
        return saved(a) > saved(b);
    });
    line_up line;
    for (known* blob : ranked) {
        blob->rank = static_cast<blob_id>(line.bytes.size());
        line.bytes.push_back(blob->bytes);
        line.holders.push_back(blob->holders);
    }
    for (const archive_load& load : loads) {
        std::vector<blob_id> ids;
        for (const auto& [digest, bytes] : load.blobs)
            ids.push_back(blobs.at(digest).rank);
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        line.archives.push_back(std::move(ids));
    }
    return line;
}

/// Neighbours share most: by the ranks of shared blobs, then by name.
std::vector<std::size_t> order_of(const line_up& line, const std::vector<archive_load>& loads) {
    std::vector<std::vector<blob_id>> shared(line.archives.size());
    for (std::size_t i = 0; i < shared.size(); ++i)
        std::copy_if(
            line.archives[i].begin(), line.archives[i].end(), std::back_inserter(shared[i]),
            [&](blob_id id) { return line.holders[id] > 1; });
    std::vector<std::size_t> order(shared.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (shared[a].empty() != shared[b].empty())
            return shared[b].empty();
        if (shared[a] != shared[b])
            return shared[a] < shared[b];
        if (loads[a].name != loads[b].name)
            return loads[a].name < loads[b].name;
        return line.archives[a] < line.archives[b];
    });
    return order;
}

/// Bytes of shards while archives come and go: how often each shard needs each blob.
class shard_contents {
public:
    shard_contents(const line_up& line, int count)
        : line_(line)
        , needs_(static_cast<std::size_t>(count))
        , bytes_(static_cast<std::size_t>(count), 0) {}

    std::uint64_t bytes(int shard) const { return bytes_[static_cast<std::size_t>(shard)]; }
    void add(int shard, std::size_t archive) {
        bytes_[static_cast<std::size_t>(shard)] += cost_of_adding(shard, archive);
        for (const blob_id id : line_.archives[archive])
            ++needs_[static_cast<std::size_t>(shard)][id];
    }
    void remove(int shard, std::size_t archive) {
        bytes_[static_cast<std::size_t>(shard)] -= gain_of_removing(shard, archive);
        for (const blob_id id : line_.archives[archive])
            --needs_[static_cast<std::size_t>(shard)][id];
    }
    std::uint64_t cost_of_adding(int shard, std::size_t archive) const {
        return cost_of(shard, archive, 0);
    }
    std::uint64_t gain_of_removing(int shard, std::size_t archive) const {
        return cost_of(shard, archive, 1);
    }

private:
    /// Of the blobs that are needed there exactly `times`.
    std::uint64_t cost_of(int shard, std::size_t archive, std::uint32_t times) const {
        const auto& needs = needs_[static_cast<std::size_t>(shard)];
        std::uint64_t sum = archive_cost_bytes;
        for (const blob_id id : line_.archives[archive]) {
            const auto at = needs.find(id);
            if ((at == needs.end() ? 0 : at->second) == times)
                sum += line_.bytes[id];
        }
        return sum;
    }

    const line_up& line_;
    std::vector<std::map<blob_id, std::uint32_t>> needs_;
    std::vector<std::uint64_t> bytes_;
};

/// Cuts the line wherever the next archive would make a piece heavier than `most`.
class line_cutter {
public:
    line_cutter(const line_up& line, const std::vector<std::size_t>& order)
        : line_(line)
        , order_(order)
        , last_piece_(line.bytes.size()) {}

    /// The piece (from 0) of each archive; nullopt if there are more than `pieces_max`, or one
    /// archive is heavier than `most`.
    std::optional<std::vector<int>> cut(std::uint64_t most, int pieces_max) {
        std::fill(last_piece_.begin(), last_piece_.end(), -1);
        std::vector<int> pieces(order_.size());
        int piece = 0;
        std::uint64_t weight = 0;
        for (const std::size_t archive : order_) {
            std::uint64_t more = added(archive, piece);
            if (weight + more > most) {
                if (++piece == pieces_max)
                    return std::nullopt;
                weight = 0;
                more = added(archive, piece);
                if (more > most)
                    return std::nullopt;
            }
            weight += more;
            for (const blob_id id : line_.archives[archive])
                last_piece_[id] = piece;
            pieces[archive] = piece;
        }
        return pieces;
    }

private:
    std::uint64_t added(std::size_t archive, int piece) const {
        std::uint64_t sum = archive_cost_bytes;
        for (const blob_id id : line_.archives[archive])
            sum += last_piece_[id] == piece ? 0 : line_.bytes[id];
        return sum;
    }

    const line_up& line_;
    const std::vector<std::size_t>& order_;
    std::vector<int> last_piece_; ///< that needed each blob
};

std::vector<int> cut_evenly(const line_up& line, const std::vector<std::size_t>& order, int count) {
    line_cutter cutter(line, order);
    std::uint64_t enough = archive_cost_bytes * order.size();
    for (const std::uint64_t bytes : line.bytes)
        enough += bytes;
    std::vector<int> best(order.size(), 0);
    std::uint64_t too_little = 0;
    while (enough - too_little > 1) {
        const std::uint64_t middle = too_little + (enough - too_little) / 2;
        if (auto pieces = cutter.cut(middle, count)) {
            enough = middle;
            best = std::move(*pieces);
        } else {
            too_little = middle;
        }
    }
    return best;
}

/// The head of each archive's family: those who share anything, directly or through others.
std::vector<std::size_t> find_families(const line_up& line) {
    std::vector<std::size_t> parent(line.archives.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    const auto head_of = [&](std::size_t archive) {
        while (parent[archive] != archive)
            archive = parent[archive] = parent[parent[archive]];
        return archive;
    };
    const std::size_t nobody = parent.size();
    std::vector<std::size_t> holder(line.bytes.size(), nobody);
    for (std::size_t archive = 0; archive < parent.size(); ++archive)
        for (const blob_id id : line.archives[archive]) {
            if (holder[id] != nobody)
                parent[head_of(archive)] = head_of(holder[id]);
            holder[id] = archive;
        }
    for (std::size_t archive = 0; archive < parent.size(); ++archive)
        parent[archive] = head_of(archive);
    return parent;
}

/// Families as a whole, largest first, each into the shard that is lightest so far.
std::vector<int>
pack_families(const line_up& line, const std::vector<std::size_t>& order, int count) {
    const std::vector<std::size_t> head = find_families(line);
    struct family {
        std::size_t place = 0; ///< of its first archive in the line
        std::uint64_t bytes = 0;
        int shard = 0;
    };
    std::vector<family> families(head.size());
    std::vector<bool> counted(line.bytes.size(), false);
    for (std::size_t place = order.size(); place-- > 0;) {
        const std::size_t archive = order[place];
        family& own = families[head[archive]];
        own.place = place;
        own.bytes += archive_cost_bytes;
        for (const blob_id id : line.archives[archive])
            if (!counted[id]) {
                own.bytes += line.bytes[id];
                counted[id] = true;
            }
    }
    std::vector<family*> largest_first;
    for (family& one : families)
        if (one.bytes > 0)
            largest_first.push_back(&one);
    std::sort(largest_first.begin(), largest_first.end(), [](const family* a, const family* b) {
        return a->bytes != b->bytes ? a->bytes > b->bytes : a->place < b->place;
    });
    std::vector<std::uint64_t> shards(static_cast<std::size_t>(count), 0);
    for (family* one : largest_first) {
        const auto lightest = std::min_element(shards.begin(), shards.end());
        *lightest += one->bytes;
        one->shard = static_cast<int>(lightest - shards.begin());
    }
    std::vector<int> result(head.size());
    for (std::size_t archive = 0; archive < head.size(); ++archive)
        result[archive] = families[head[archive]].shard;
    return result;
}

/// The archive whose move from one shard to the other leaves the heavier of the two lightest, of
/// those that cost no bytes in sum; nullopt if none makes it lighter.
std::optional<std::size_t> best_move(
    const shard_contents& contents,
    const std::vector<std::size_t>& order,
    const std::vector<int>& shards,
    int from,
    int to) {
    std::optional<std::size_t> best;
    std::uint64_t lightest = contents.bytes(from);
    for (const std::size_t archive : order) {
        if (shards[archive] != from)
            continue;
        const std::uint64_t gain = contents.gain_of_removing(from, archive);
        const std::uint64_t cost = contents.cost_of_adding(to, archive);
        if (cost > gain)
            continue;
        const std::uint64_t heavier =
            std::max(contents.bytes(from) - gain, contents.bytes(to) + cost);
        if (heavier < lightest) {
            lightest = heavier;
            best = archive;
        }
    }
    return best;
}

/// Moves archives as long as that helps; the bytes of the heaviest shard in the end.
std::uint64_t even_out(
    const line_up& line,
    const std::vector<std::size_t>& order,
    int count,
    std::vector<int>& shards) {
    shard_contents contents(line, count);
    for (const std::size_t archive : order)
        contents.add(shards[archive], archive);
    for (int moves = 0;; ++moves) {
        int heaviest = 0, lightest = 0;
        for (int shard = 1; shard < count; ++shard) {
            if (contents.bytes(shard) > contents.bytes(heaviest))
                heaviest = shard;
            if (contents.bytes(shard) < contents.bytes(lightest))
                lightest = shard;
        }
        const auto archive = moves == moves_max
                                 ? std::nullopt
                                 : best_move(contents, order, shards, heaviest, lightest);
        if (!archive)
            return contents.bytes(heaviest);
        contents.remove(heaviest, *archive);
        contents.add(lightest, *archive);
        shards[*archive] = lightest;
    }
}

} // namespace

std::vector<int> assign_shards(const std::vector<archive_load>& archives, int count) {
    if (count <= 1 || archives.empty())
        return std::vector<int>(archives.size(), 0);
    const line_up line = rank_blobs(archives);
    const std::vector<std::size_t> order = order_of(line, archives);
    std::vector<int> whole = pack_families(line, order, count);
    std::vector<int> cut = cut_evenly(line, order, count);
    const std::uint64_t most_of_whole = even_out(line, order, count, whole);
    const std::uint64_t most_of_cut = even_out(line, order, count, cut);
    return most_of_whole <= most_of_cut ? whole : cut;
}

std::string fingerprint_of(const std::vector<archive_load>& archives, int count) {
    std::vector<std::string> texts;
    for (const archive_load& load : archives) {
        std::string text = concat(load.name.size(), ":", load.name);
        for (const auto& [digest, bytes] : load.blobs)
            text += concat(" ", digest.size(), ":", digest, "=", bytes);
        texts.push_back(digest_of(text).str());
    }
    std::sort(texts.begin(), texts.end());
    hasher all;
    all.update(concat("shards ", count));
    for (const std::string& text : texts)
        all.update(text);
    return std::string(all.finish().hex().substr(0, 16));
}

} // namespace tarpon::migration
