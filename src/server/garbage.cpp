// See garbage.hpp. Manifests are the nodes of a graph; its edges lead to parts and to referrers.
#include "server/garbage.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>

namespace tarpon::server {
namespace {

class manifest_graph {
public:
    explicit manifest_graph(const std::vector<manifest_facts>& manifests)
        : manifests_(manifests)
        , edges_(manifests.size()) {
        for (std::size_t i = 0; i < manifests.size(); ++i)
            places_.emplace(manifests[i].self, i);
        for (std::size_t i = 0; i < manifests.size(); ++i) {
            for (const digest& part : manifests[i].parts)
                connect(i, part, false);
            if (manifests[i].subject)
                connect(i, *manifests[i].subject, true);
        }
    }

    std::size_t size() const noexcept { return manifests_.size(); }
    const manifest_facts& at(std::size_t i) const { return manifests_[i]; }

    /// Adds to `reached` what can be reached from what is in it; `may` says where to go.
    template <class Condition>
    void follow(std::vector<bool>& reached, Condition may) const {
        std::vector<std::size_t> open;
        for (std::size_t i = 0; i < size(); ++i)
            if (reached[i])
                open.push_back(i);
        while (!open.empty()) {
            const std::size_t from = open.back();
            open.pop_back();
            for (const std::size_t to : edges_[from])
                if (!reached[to] && may(to)) {
                    reached[to] = true;
                    open.push_back(to);
                }
        }
    }

    /// `chosen` in an order in which every edge leads forward; what is in a circle, and behind one,
    /// comes last.
    std::vector<std::size_t> sorted(const std::vector<bool>& chosen) const {
        std::vector<std::size_t> incoming(size(), 0), order;
        for (std::size_t i = 0; i < size(); ++i)
            for (const std::size_t to : edges_[i])
                incoming[to] += chosen[i] ? 1 : 0;
        for (std::size_t i = 0; i < size(); ++i)
            if (chosen[i] && incoming[i] == 0)
                order.push_back(i);
        for (std::size_t next = 0; next < order.size(); ++next)
            for (const std::size_t to : edges_[order[next]])
                if (--incoming[to] == 0 && chosen[to])
                    order.push_back(to);
        std::vector<bool> placed(size(), false);
        for (const std::size_t i : order)
            placed[i] = true;
        for (std::size_t i = 0; i < size(); ++i)
            if (chosen[i] && !placed[i])
                order.push_back(i);
        return order;
    }

private:
    void connect(std::size_t i, const digest& other, bool backward) {
        const auto found = places_.find(other);
        if (found != places_.end() && found->second != i)
            edges_[backward ? found->second : i].push_back(backward ? i : found->second);
    }

    const std::vector<manifest_facts>& manifests_;
    std::unordered_map<digest, std::size_t> places_;
    std::vector<std::vector<std::size_t>> edges_;
};

/// Of what would go, were it older.
void note_young(repository_garbage& garbage, touch_time touched) {
    garbage.oldest_young = std::min(garbage.oldest_young.value_or(touched), touched);
}

void choose_manifests(
    const manifest_graph& graph, const garbage_rules& rules, repository_garbage& garbage) {
    const auto is_young = [&](std::size_t i) {
        return graph.at(i).touched > rules.young_after;
    };
    // Released, and what only came with that: no reason to stay by themselves.
    std::vector<bool> released(graph.size());
    for (std::size_t i = 0; i < graph.size(); ++i)
        released[i] = !graph.at(i).tagged && (graph.at(i).released || rules.untagged);
    graph.follow(released, [&](std::size_t i) { return !graph.at(i).tagged; });
    std::vector<bool> alive(graph.size());
    for (std::size_t i = 0; i < graph.size(); ++i)
        alive[i] = !released[i];
    const auto anywhere = [](std::size_t) {
        return true;
    };
    graph.follow(alive, anywhere);
    for (std::size_t i = 0; i < graph.size(); ++i)
        if (!alive[i] && is_young(i))
            note_young(garbage, graph.at(i).touched);
    for (std::size_t i = 0; i < graph.size(); ++i)
        alive[i] = alive[i] || is_young(i);
    graph.follow(alive, anywhere);
    alive.flip();
    for (const std::size_t i : graph.sorted(alive))
        garbage.manifests.push_back(graph.at(i).self);
}

} // namespace

repository_garbage find_garbage(const repository_picture& picture, const garbage_rules& rules) {
    repository_garbage garbage;
    choose_manifests(manifest_graph(picture.manifests), rules, garbage);
    std::unordered_set<digest> named;
    for (const manifest_facts& manifest : picture.manifests) {
        named.insert(manifest.self);
        named.insert(manifest.parts.begin(), manifest.parts.end());
    }
    for (const link_facts& link : picture.links) {
        if (named.contains(link.blob))
            continue;
        if (link.touched > rules.young_after)
            note_young(garbage, link.touched);
        else
            garbage.links.push_back(link.blob);
    }
    return garbage;
}

} // namespace tarpon::server
