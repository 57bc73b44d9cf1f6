// Durable file operations below one folder: what is reported as done survives a crash.
//
// Blocking; called on the CPU pool. All paths are relative to the folder and made of checked names;
// links are never followed at the last step. A failed fsync is final: the kernel may have dropped
// the pages, and asking again would lie. So after one the folder is only read, until a new process
// opens it.
#pragma once

#include <tarpon/error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tarpon::server {

/// Set once a sync failed; one for a folder and all its files. None: a file outside of one.
using sync_failure = std::shared_ptr<std::atomic<bool>>;

/// An open file; closes itself.
class file {
public:
    file() = default;
    explicit file(int fd, sync_failure failure = nullptr)
        : fd_(fd)
        , failure_(std::move(failure)) {}
    file(file&& other) noexcept;
    file& operator=(file&& other) noexcept;
    ~file();

    int fd() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Throws errc::storage.
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
    /// Reads up to `into.size()` bytes; 0 at the end. Throws errc::storage.
    std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) const;
    void truncate(std::uint64_t size) const;
    void sync() const;
    std::uint64_t size() const;

private:
    int fd_ = -1;
    sync_failure failure_;
};

class folder {
public:
    /// Opens, and creates if need be. Throws errc::storage.
    explicit folder(const std::string& path);
    folder(folder&& other) noexcept = default;

    const std::string& path() const noexcept { return path_; }

    /// nullopt if it is not there. Only regular files.
    std::optional<file> open(const std::string& name) const;
    std::optional<file> open_for_writing(const std::string& name) const;
    file create(const std::string& name) const;
    std::optional<std::uint64_t> size_of(const std::string& name) const;
    /// When the content last changed; nullopt if there is no such file or folder.
    std::optional<std::chrono::system_clock::time_point> changed_at(const std::string& name) const;
    /// Whole content of a small file; nullopt if absent. Throws over `bytes_max`.
    std::optional<std::string> read(const std::string& name, std::size_t bytes_max) const;

    /// Temporary file, fsync, rename, fsync of the folder: all or nothing, and durable.
    void write_atomically(const std::string& name, std::string_view content) const;
    /// The same without the syncs, for what can be derived again.
    void replace(const std::string& name, std::string_view content) const;
    /// Moves a synced file into its place; durable.
    void move_into_place(const std::string& from, const std::string& to) const;
    /// Creates missing parents of `name`; each level is durable.
    void make_parents(const std::string& name) const;
    void remove(const std::string& name) const;
    /// Gone also after a power loss.
    void remove_durably(const std::string& name) const;
    /// Changes `changed_at` to now. Nothing happens where there is no such file.
    void touch(const std::string& name) const;
    /// Durable only by itself: the content may be whatever it was.
    void rename(const std::string& from, const std::string& to) const;
    void remove_tree(const std::string& name) const;
    /// What writers that were killed left behind. Only while nobody writes.
    void remove_temporaries() const;

    struct entry {
        std::string name;
        bool is_folder;
    };
    /// Empty if the folder is not there. Throws rather than leave out what is there.
    std::vector<entry> list(const std::string& name) const;

    /// An exclusive lock for the life of this object; false if another process holds it.
    bool try_lock(const std::string& name);

private:
    std::optional<file> open_regular(const std::string& name, int flags) const;
    void sync_parent(const std::string& name) const;
    std::string temporary_name() const;

    std::string path_;
    file root_;
    file lock_;
    sync_failure failure_ = std::make_shared<std::atomic<bool>>(false);
};

} // namespace tarpon::server
