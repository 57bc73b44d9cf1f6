// Which format, and the file around it. See report.hpp.
#include "migrate/report.hpp"

#include "model/random_name.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

namespace tarpon::migration {
namespace {

using writer = void (*)(const migrate_report&, const text_sink&);

writer writer_for(const std::string& path) {
    const std::string lower = to_lower(path);
    if (lower.ends_with(".html"))
        return write_html_report;
    if (lower.ends_with(".json"))
        return write_json_report;
    if (lower.ends_with(".csv"))
        return write_csv_report;
    throw error(
        errc::usage,
        concat("--report ", foreign_text(path), ": its name must end in .html, .json or .csv"));
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// The file itself, where `path` is a link to one.
std::string behind_links(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &::free);
    return real ? std::string(real.get()) : path;
}

[[noreturn]] void fail(std::string_view what, const std::string& path) {
    const int number = errno;
    throw error(
        errc::storage, concat("cannot ", what, " the report ", foreign_text(path)),
        std::strerror(number));
}

/// A file that appears under its name once it is complete.
class report_file {
public:
    explicit report_file(std::string path)
        : path_(std::move(path))
        , temporary_(
              concat(path_, ".", random_name(8).value_or(std::to_string(::getpid())), ".part"))
        , file_(std::fopen(temporary_.c_str(), "wbxe")) {
        if (!file_)
            fail("create", path_);
    }
    ~report_file() {
        if (file_)
            std::fclose(file_);
        if (!temporary_.empty())
            ::unlink(temporary_.c_str());
    }
    report_file(const report_file&) = delete;
    report_file& operator=(const report_file&) = delete;

    void put(std::string_view text) {
        if (std::fwrite(text.data(), 1, text.size(), file_) != text.size())
            fail("write", path_);
    }
    void commit() {
        if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0)
            fail("write", path_);
        if (std::fclose(std::exchange(file_, nullptr)) != 0)
            fail("write", path_);
        if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
            fail("rename", path_);
        temporary_.clear();
    }

private:
    std::string path_;
    std::string temporary_;
    std::FILE* file_;
};

} // namespace

std::string_view to_string(migrated_image::outcome result) noexcept {
    switch (result) {
    case migrated_image::outcome::pushed:
        return "pushed";
    case migrated_image::outcome::unchanged:
        return "unchanged";
    case migrated_image::outcome::skipped:
        return "skipped";
    case migrated_image::outcome::planned:
        return "planned";
    case migrated_image::outcome::failed:
        return "failed";
    }
    return "failed";
}

void check_report_path(const std::string& path) {
    (void)writer_for(path);
    const std::string target = behind_links(path);
    const std::string folder = folder_of(target);
    const auto refuse = [&](std::string_view why) {
        throw error(errc::usage, concat("--report ", foreign_text(path), ": ", why));
    };
    struct stat info {};
    if (::stat(target.c_str(), &info) == 0 && !S_ISREG(info.st_mode))
        refuse("there is something that is no file");
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        refuse(concat("cannot write in the folder: ", std::strerror(errno)));
}

void write_report(const migrate_report& report, const std::string& path) {
    const writer write = writer_for(path);
    report_file file(behind_links(path));
    write(report, [&](std::string_view piece) { file.put(piece); });
    file.commit();
}

} // namespace tarpon::migration
