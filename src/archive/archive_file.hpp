// A seekable archive: opened once, headers indexed by seeking over bodies, bodies read at offsets.
//
// Blocking. Calls run on the CPU pool (pipeline/run_on.hpp), never on the I/O thread.
#pragma once

#include "archive/contents.hpp"

#include <tarpon/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tarpon::archive {

class archive_file {
public:
    /// Opens for reading; never follows anything but `path` itself and never creates.
    /// Errors: errc::archive_unreadable (with the system's reason; a folder).
    static result<archive_file> open(const std::string& path);
    /// The same, and "-" is standard input. Throws `error`; errc::usage if that is a terminal, with
    /// a hint how to pipe an archive into `command`.
    static archive_file open_input(const std::string& name, std::string_view command);
    /// Takes over a descriptor (standard input that is a file).
    static result<archive_file> adopt(int fd, std::string name);

    archive_file(archive_file&&) noexcept;
    archive_file& operator=(archive_file&&) noexcept;
    ~archive_file();

    /// Regular file? If not (FIFO, socket, terminal) only the single pass can read it.
    bool seekable() const noexcept;
    /// Seekable, and nobody has read from the descriptor before us.
    bool whole() const noexcept;
    std::uint64_t size() const noexcept;
    const std::string& name() const noexcept;
    int fd() const noexcept;

    /// How the file starts: a tar, or an outer compression. Only for seekable files.
    /// Errors: errc::archive_empty, archive_not_tar (says what it is instead).
    result<encoding> sniff() const;

    /// Fills `into` from `offset`. Errors: errc::archive_truncated, archive_unreadable.
    result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const;

    /// Reads all headers and the metadata; no body of a layer. Errors: those of tar_reader and
    /// read_contents, errc::archive_truncated.
    result<archive_contents> index() const;

    /// Errors: errc::archive_changed if the file is not the one that was opened any more.
    result<void> check_unchanged() const;

private:
    struct state;
    explicit archive_file(std::unique_ptr<state> opened);
    std::unique_ptr<state> state_;
};

/// For a file that is no tar: names what it is. Used by the file and by the single pass.
failure not_an_archive(encoding found, std::span<const std::byte> start);

} // namespace tarpon::archive
