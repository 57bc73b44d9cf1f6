// What is worth knowing in the next run: digests of layers that were compressed, where blobs are,
// and uploads that were not finished. SQLite, shared by any number of processes.
//
// A cache. Whatever happens to it (deleted, damaged, locked, a full disk, a folder that cannot be
// written) makes a push slower, never wrong: a blob in it counts only once the registry says that
// it is there, and no call fails. Thread-safe and blocking.
#pragma once

#include "state/database.hpp"
#include "state/folder_lock.hpp"
#include "state/sign_of_life.hpp"

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
    void remember_places(const digest& content, const std::vector<blob_place>& places);
    /// Only what the caller compressed itself: no registry can confirm what a blob unpacks to.
    void remember_layer(const layer_key& key, const descriptor& content);

    /// The Location of an upload of these bytes that a process left unfinished, which is ours from
    /// now on.
    std::optional<std::string> take_upload(const upload_key& key);
    /// Our upload is at `location`. Does nothing while another process that runs has one.
    bool keep_upload(const upload_key& key, const std::string& location);
    /// Ours is over.
    void forget_upload(const upload_key& key);

private:
    struct upload_row {
        std::string location;
        std::string owner;
    };

    std::string database_path() const;
    void open();
    void open_database();
    void prepare();
    void remove_old();
    std::optional<upload_row> find_upload(const upload_key& key);
    void write_upload(const upload_key& key, const std::string& location);
    /// What `work` gives; what is wrong with the database is told, and gives `none`.
    template <class Value, class Work>
    Value guarded(Value none, Work work);

    const std::string folder_;
    mutable std::mutex mutex_;
    std::string trouble_;
    std::optional<folder_lock> lock_;
    std::optional<sign_of_life> self_;
    std::optional<database> db_;
};

} // namespace tarpon::state
