// How many different blobs a migration has, and how much archives share. Pure.
#pragma once

#include "migrate/archive_outline.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/migrate.hpp>

#include <functional>
#include <string>
#include <unordered_set>

namespace tarpon::migration {

class blob_catalog {
public:
    void add(const archive_outline& archive) {
        for (const blob_outline& blob : archive.blobs) {
            all_bytes_ += blob.bytes;
            if (!known_.insert(blob.identity).second)
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
    std::unordered_set<std::string> known_;
    std::uint64_t blobs_ = 0;
    std::uint64_t blob_bytes_ = 0;
    std::uint64_t all_bytes_ = 0;
};

} // namespace tarpon::migration
