// What is worth knowing in the next run: digests of layers that were compressed, where blobs are,
// and uploads that were not finished. SQLite, shared by any number of processes.
//
// A cache. Whatever happens to it (deleted, damaged, locked, a full disk, a folder that cannot be
// written) makes a push slower, never wrong: nothing in it is believed before the registry has
// confirmed it, and no call fails. Thread-safe and blocking.
#pragma once

#include "state/database.hpp"
#include "state/folder_lock.hpp"
#include "state/process_id.hpp"

#include <tarpon/descriptor.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::state {

/// A layer by what it holds and how it was compressed ("gzip-1").
struct layer_key {
    digest diff_id;
    std::string recipe;
};

/// A repository of a host; names as in references.
struct blob_place {
    std::string host;
    std::string repository;
};

/// Bytes on their way to a place. `body` says which bytes: the same text for the same ones.
struct upload_key {
    blob_place where;
    std::string body;
};

class state_store {
public:
    /// `folder` is made where it is absent.
    explicit state_store(std::string folder);

    /// What was wrong with it last, for people; empty: nothing so far.
    std::string trouble() const;

    std::optional<descriptor> find_layer(const layer_key& key);
    /// A few repositories of the host that had the blob, the latest first.
    std::vector<std::string> repositories_with(const std::string& host, const digest& content);
    /// The blob is in these places; `key` if it is a layer that was compressed.
    void remember(
        const descriptor& content,
        const std::vector<blob_place>& places,
        const std::optional<layer_key>& key);

    /// The Location of an upload of these bytes that a process left unfinished, which is ours from
    /// now on.
    std::optional<std::string> take_upload(const upload_key& key);
    /// Our upload is at `location`. Does nothing while another process that runs has one.
    void keep_upload(const upload_key& key, const std::string& location);
    /// Ours is over.
    void forget_upload(const upload_key& key);

private:
    struct upload_row {
        std::string location;
        process_id owner;
    };

    void open();
    void prepare();
    void remove_old();
    std::optional<upload_row> find_upload(const upload_key& key);
    void write_upload(const upload_key& key, const std::string& location);
    /// What `work` gives; what is wrong with the database is told, and gives `none`.
    template <class Value, class Work>
    Value guarded(Value none, Work work);

    const std::string folder_;
    const process_id self_ = this_process();
    mutable std::mutex mutex_;
    std::string trouble_;
    std::optional<folder_lock> lock_;
    std::optional<database> db_;
};

} // namespace tarpon::state
