// See archive_file.hpp.
#include "archive/archive_file.hpp"

#include "archive/tar_reader.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace tarpon::archive {
namespace {

constexpr std::size_t read_ahead_bytes = 64 * 1024;

failure unreadable(int error_number) {
    return {errc::archive_unreadable, std::strerror(error_number)};
}

} // namespace

struct archive_file::state {
    int fd = -1;
    std::string name;
    struct stat opened {};

    ~state() {
        if (fd >= 0)
            ::close(fd);
    }
};

namespace {

/// Headers lie close together in archives of many small entries: one read serves several.
class header_window {
public:
    explicit header_window(const archive_file& file)
        : file_(file) {}

    result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t length) {
        const bool inside = offset >= start_ && offset + length <= start_ + bytes_.size();
        if (!inside) {
            const std::uint64_t left = file_.size() - offset;
            bytes_.resize(static_cast<std::size_t>(
                std::min<std::uint64_t>(std::max(length, read_ahead_bytes), left)));
            start_ = offset;
            if (auto read = file_.read_at(offset, bytes_); !read)
                return read.error();
        }
        return std::span<const std::byte>(bytes_).subspan(
            static_cast<std::size_t>(offset - start_), length);
    }

private:
    const archive_file& file_;
    std::uint64_t start_ = 0;
    std::vector<std::byte> bytes_;
};

class file_metadata final : public metadata_source {
public:
    explicit file_metadata(const archive_file& file)
        : file_(file) {}

    result<std::string> read(const tar_entry& entry, std::uint64_t bytes_max) override {
        if (entry.size > bytes_max)
            return failure{
                errc::archive_limit, concat(
                                         "entry \"", foreign_text(entry.name, 200), "\" has ",
                                         entry.size, " bytes, over ", bytes_max)};
        std::string text(static_cast<std::size_t>(entry.size), '\0');
        const auto read = file_.read_at(entry.offset, std::as_writable_bytes(std::span(text)));
        if (!read)
            return read.error();
        return text;
    }

    result<encoding> sniff(const tar_entry& entry) override {
        std::array<std::byte, sniff_bytes> start{};
        const auto part = std::span(start).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(start.size(), entry.size)));
        const auto read = file_.read_at(entry.offset, part);
        if (!read)
            return read.error();
        return sniff_encoding(part);
    }

    result<bool> same_content(const tar_entry& left, const tar_entry& right) override {
        if (left.size != right.size)
            return false;
        std::vector<std::byte> a(read_ahead_bytes), b(read_ahead_bytes);
        for (std::uint64_t at = 0; at < left.size; at += read_ahead_bytes) {
            const auto length =
                static_cast<std::size_t>(std::min<std::uint64_t>(read_ahead_bytes, left.size - at));
            for (auto [bytes, entry] : {std::pair{&a, &left}, {&b, &right}})
                if (const auto read =
                        file_.read_at(entry->offset + at, std::span(*bytes).first(length));
                    !read)
                    return read.error();
            if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(length), b.begin()))
                return false;
        }
        return true;
    }

private:
    const archive_file& file_;
};

/// All entries; `ended_early` tells whether the end-of-archive marker was missing.
result<entry_table> read_entries(const archive_file& file, bool& ended_early) {
    entry_table entries;
    tar_reader reader;
    header_window window(file);
    ended_early = false;
    while (true) {
        const std::uint64_t offset = reader.offset();
        const std::uint64_t left = file.size() - std::min(file.size(), offset);
        if (left < reader.wanted()) {
            ended_early = !reader.end_seen();
            if (const auto finished = reader.finish(static_cast<std::size_t>(left)); !finished)
                return finished.error();
            return entries;
        }
        const auto bytes = window.at(offset, reader.wanted());
        if (!bytes)
            return bytes.error();
        auto event = reader.consume(*bytes);
        if (!event)
            return failure{
                event.error().code, concat(event.error().message, " (at byte ", offset, ")")};
        if (std::holds_alternative<tar_reader::end>(*event))
            return entries;
        if (auto* entry = std::get_if<tar_entry>(&*event)) {
            if (entry->offset + entry->size > file.size())
                return failure{
                    errc::archive_truncated,
                    concat(
                        "it ends at byte ", file.size(), ", inside entry \"",
                        foreign_text(entry->name, 200), "\", which goes on to byte ",
                        entry->offset + entry->size)};
            entries.add(std::move(*entry));
        }
    }
}

} // namespace

archive_file::archive_file(std::unique_ptr<state> opened)
    : state_(std::move(opened)) {}
archive_file::archive_file(archive_file&&) noexcept = default;
archive_file& archive_file::operator=(archive_file&&) noexcept = default;
archive_file::~archive_file() = default;

result<archive_file> archive_file::open(const std::string& path) {
    // O_NONBLOCK: opening a FIFO must not hang before anything was said to the user.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return unreadable(errno);
    return adopt(fd, path);
}

archive_file archive_file::open_input(const std::string& name, std::string_view command) {
    if (name != "-")
        return open(name).value();
    const std::string how_to_pipe = concat("docker save IMAGE | ", command);
    if (!standard_input_is_open())
        throw error(errc::archive_unreadable, "it is not open", {}, how_to_pipe);
    const int copy = ::dup(STDIN_FILENO);
    if (copy < 0)
        throw error(unreadable(errno));
    auto input = adopt(copy, "standard input").value();
    if (::isatty(copy))
        throw error(
            errc::usage, "there is no archive on standard input, which is a terminal", {},
            how_to_pipe);
    return input;
}

result<archive_file> archive_file::adopt(int fd, std::string name) {
    auto opened = std::make_unique<state>();
    opened->fd = fd;
    opened->name = std::move(name);
    if (::fstat(fd, &opened->opened) != 0)
        return unreadable(errno);
    if (S_ISDIR(opened->opened.st_mode))
        return failure{
            errc::archive_unreadable, "it is a folder; tarpon reads archives (tar files)"};
    return archive_file(std::move(opened));
}

bool archive_file::seekable() const noexcept {
    return S_ISREG(state_->opened.st_mode);
}

bool archive_file::whole() const noexcept {
    return seekable() && ::lseek(state_->fd, 0, SEEK_CUR) == 0;
}

std::uint64_t archive_file::size() const noexcept {
    return static_cast<std::uint64_t>(state_->opened.st_size);
}

const std::string& archive_file::name() const noexcept {
    return state_->name;
}

int archive_file::fd() const noexcept {
    return state_->fd;
}

result<void> archive_file::read_at(std::uint64_t offset, std::span<std::byte> into) const {
    while (!into.empty()) {
        const ssize_t got =
            ::pread(state_->fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return unreadable(errno);
        if (got == 0)
            return failure{
                errc::archive_truncated,
                concat("it ends at byte ", offset, ", in the middle of an entry")};
        offset += static_cast<std::uint64_t>(got);
        into = into.subspan(static_cast<std::size_t>(got));
    }
    return {};
}

result<encoding> archive_file::sniff() const {
    std::array<std::byte, sniff_bytes> start{};
    const auto part = std::span(start).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(start.size(), size())));
    if (part.empty())
        return failure{errc::archive_empty, "the file is empty"};
    if (const auto read = read_at(0, part); !read)
        return read.error();
    const encoding found = sniff_encoding(part);
    switch (found) {
    case encoding::tar:
    case encoding::gzip:
    case encoding::zstd:
    case encoding::xz:
    case encoding::bzip2:
        return found;
    default:
        return not_an_archive(found, part);
    }
}

failure not_an_archive(encoding found, std::span<const std::byte> start) {
    switch (found) {
    case encoding::zip:
        return {errc::archive_not_tar, "it is a zip file, not a tar archive"};
    case encoding::lz4:
        return {errc::archive_not_tar, "it is compressed with lz4, which tarpon does not read"};
    default:
        break;
    }
    if (start.size() < tar_block_bytes)
        return {
            errc::archive_not_tar, concat(
                                       "it is no tar archive (", counted(start.size(), "byte"),
                                       " of ", describe_other(start), ")")};
    return {errc::archive_not_tar, concat("it is ", describe_other(start), ", not a tar archive")};
}

result<archive_contents> archive_file::index() const {
    bool ended_early = false;
    auto entries = read_entries(*this, ended_early);
    if (!entries)
        return entries.error();
    file_metadata metadata(*this);
    return read_contents(std::move(*entries), metadata, ended_early);
}

result<void> archive_file::check_unchanged() const {
    struct stat now {};
    if (::fstat(state_->fd, &now) != 0)
        return unreadable(errno);
    const struct stat& then = state_->opened;
    const bool same = now.st_size == then.st_size && now.st_mtim.tv_sec == then.st_mtim.tv_sec
                      && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec;
    if (!same)
        return failure{errc::archive_changed, "it changed while it was read"};
    return {};
}

} // namespace tarpon::archive
