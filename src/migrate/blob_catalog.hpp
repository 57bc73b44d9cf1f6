// How many different blobs a migration has, and how much archives share. Pure.
#pragma once

#include "migrate/archive_outline.hpp"
#include "model/hasher.hpp"

#include <tarpon/migrate.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace tarpon::migration {

class blob_catalog {
public:
    void add(const archive_outline& archive) {
        for (const blob_outline& blob : archive.blobs) {
            all_bytes_ += blob.bytes;
            if (!known_.insert(short_name(blob.identity)).second)
                continue;
            ++blobs_;
            blob_bytes_ += blob.bytes;
        }
    }
    void write_to(migrate_plan& plan) const {
        plan.blobs = blobs_;
        plan.blob_bytes = blob_bytes_;
        plan.shared_bytes = all_bytes_ - blob_bytes_;
        plan.bytes_to_send = blob_bytes_;
    }

private:
    /// 16 bytes of a hash: there may be millions of blobs, and their names are long.
    using name = std::array<std::uint64_t, 2>;
    struct take_part {
        std::size_t operator()(const name& of) const noexcept { return of[0]; }
    };
    static name short_name(const std::string& identity) {
        const digest sum = digest_of(identity);
        const std::string_view hex = sum.hex();
        name made{};
        std::from_chars(hex.data(), hex.data() + 16, made[0], 16);
        std::from_chars(hex.data() + 16, hex.data() + 32, made[1], 16);
        return made;
    }

    std::unordered_set<name, take_part> known_;
    std::uint64_t blobs_ = 0;
    std::uint64_t blob_bytes_ = 0;
    std::uint64_t all_bytes_ = 0;
};

} // namespace tarpon::migration
