// See blob_supply.hpp.
#include "engine/blob_supply.hpp"

#include "archive/file_range_source.hpp"
#include "model/text.hpp"

namespace tarpon::engine {

boost::asio::awaitable<blob_input> file_supply::open(const blob_job& job) {
    const archive::tar_entry& entry = contents_.entries.at(*job.entry);
    if (job.is_promised() && entry.size != job.stored_bytes)
        throw error(
            errc::digest_mismatch,
            concat(
                "blob ", job.known->brief(), " has ", entry.size,
                " bytes in the archive, its descriptor says ", job.stored_bytes));
    blob_input input;
    input.bytes =
        std::make_unique<archive::file_range_source>(file_, entry.offset, entry.size, run_.workers);
    input.stored = job.stored;
    input.treatment = job.treatment;
    if (job.treatment.as_is())
        input.length = entry.size;
    co_return input;
}

} // namespace tarpon::engine
