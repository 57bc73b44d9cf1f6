// See sources.hpp.
#include "migrate/sources.hpp"

#include "migrate/source_list.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <map>
#include <memory>
#include <poll.h>
#include <set>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tarpon::migration {
namespace {

[[noreturn]] void fail_to_read(std::string_view what, const std::string& path, int number) {
    throw error(
        errc::archive_unreadable, concat("cannot read ", what, " ", foreign_text(path)),
        std::strerror(number));
}

error usage(std::string message) {
    return error(errc::usage, std::move(message));
}

struct stat_of {
    explicit stat_of(const std::string& path)
        : there(::stat(path.c_str(), &info) == 0) {}
    bool is_folder() const noexcept { return there && S_ISDIR(info.st_mode); }
    bool is_file() const noexcept { return there && S_ISREG(info.st_mode); }

    struct stat info {};
    bool there;
};

struct list_text {
    std::string text;
    std::string folder; ///< what names in it are relative to: "" or "FOLDER/"
};

/// Is there something to read, or the end? false: `stop` came first.
bool wait_for_input(int fd, const std::stop_token& stop) {
    constexpr int look_at_stop_ms = 100;
    pollfd one{fd, POLLIN, 0};
    while (!stop.stop_requested()) {
        const int ready = ::poll(&one, 1, look_at_stop_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; // what is wrong, read() says
    }
    return false;
}

/// All of a file, or of standard input when `path` is "-".
list_text read_list(
    const std::string& path,
    std::size_t bytes_max,
    std::string_view limit,
    const std::stop_token& stop) {
    const bool standard_input = path == "-";
    if (standard_input && !standard_input_is_open())
        throw error(
            errc::archive_unreadable, "cannot read the list of @-", "standard input is not open",
            "find FOLDER -name '*.tar' | tarpon migrate @- --registry HOST");
    const int fd = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_to_read("the list", path, errno);
    struct closer {
        int fd;
        bool ours;
        ~closer() {
            if (ours)
                ::close(fd);
        }
    } closing{fd, !standard_input};
    list_text list;
    // A pipe that the shell made, @<(find …), has no folder: its names are relative to ours.
    if (stat_of(path).is_file())
        list.folder = path.substr(0, path.rfind('/') + 1);
    while (list.text.size() <= bytes_max) {
        std::array<char, 64 * 1024> piece;
        if (!wait_for_input(fd, stop))
            return list;
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got == 0)
            return list;
        if (got < 0 && errno != EINTR)
            fail_to_read("the list", path, errno);
        list.text.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
    throw usage(concat(
        "the list ", foreign_text(path), " is over ", human_bytes(bytes_max), " (", limit, ")"));
}

struct folder_content {
    std::vector<std::string> names; ///< sorted by their bytes, hidden ones left out
    bool is_image_layout = false;
};

folder_content list_folder(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
    if (!folder)
        fail_to_read("the folder", path, errno);
    folder_content found;
    bool layout = false, index = false;
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        layout = layout || name == "oci-layout";
        index = index || name == "index.json";
        // Of other regular files only those that can be archives are worth their memory.
        if (!name.starts_with('.') && (entry->d_type != DT_REG || is_archive_name(name)))
            found.names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0)
        fail_to_read("the folder", path, errno);
    std::sort(found.names.begin(), found.names.end());
    found.is_image_layout = layout && index;
    return found;
}

std::string join(const std::string& folder, const std::string& name) {
    return folder.ends_with('/') ? folder + name : concat(folder, "/", name);
}

std::string escape_for_glob(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("*?[]{}\\").find(c) != std::string_view::npos)
            out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

bool looks_like_glob(std::string_view text) {
    return text.find_first_of("*?[{") != text.npos;
}

/// What the shell would make of it. Sorted by bytes: glob(3) sorts by the locale.
std::vector<std::string> run_glob(const std::string& pattern) {
    glob_t raw{};
    const auto on_error = [](const char*, int number) {
        return number == ENOENT || number == ENOTDIR ? 0 : 1;
    };
    const int status = ::glob(pattern.c_str(), GLOB_BRACE | GLOB_NOSORT, on_error, &raw);
    const std::unique_ptr<glob_t, void (*)(glob_t*)> owned(&raw, &::globfree);
    if (status == GLOB_ABORTED)
        throw error(
            errc::archive_unreadable,
            concat("cannot read a folder that ", foreign_text(pattern), " looks into"));
    if (status == GLOB_NOSPACE)
        throw usage(concat(foreign_text(pattern), " finds too much"));
    std::vector<std::string> found;
    if (status == 0)
        found.assign(raw.gl_pathv, raw.gl_pathv + raw.gl_pathc);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

/// The folder that a source of the command line leads to or into, before anything that is found.
std::string root_of(const std::string& source) {
    const stat_of self(source);
    if (self.is_folder())
        return join(source, {});
    const std::size_t end = self.there ? source.npos : source.find_first_of("*?[{");
    return source.substr(0, source.substr(0, end).rfind('/') + 1);
}

/// The tag of a target; empty where it has none, and the archive may decide.
std::string tag_of_target(const std::string& text) {
    const auto parsed = reference::parse(text);
    if (!parsed)
        throw error(parsed.error());
    if (!parsed->host.empty() || !parsed->digest.empty())
        throw usage(concat(
            "the target \"", foreign_text(text),
            "\" must be NAME[:TAG] below the registry, without host and digest"));
    return parsed->tag;
}

/// Collects archives; knows what it has met.
class expansion {
public:
    expansion(std::vector<std::string>* notes, std::stop_token stop)
        : notes_(notes)
        , stop_(std::move(stop)) {}

    void add_source(const std::string& source);
    std::vector<archive_target> finish();

private:
    struct archive {
        std::string path;
        std::string name;
        std::vector<std::string> targets;
    };

    void add_list(const std::string& path);
    void add_listed(const listed_source& entry, const std::string& folder);
    /// Folder, glob or archive. `base` is what a relative glob is below, "" or "FOLDER/".
    void add_any(const std::string& path, const std::string& base);
    /// How many archives it met, known ones too.
    std::size_t add_folder(const std::string& path, bool named, int depth);
    void add_found(const std::string& path);
    archive& add_archive(const std::string& path);
    /// What is reached from now on has a name below `folder`: "" or "FOLDER/".
    void set_root(std::string folder) { root_ = std::move(folder); }
    std::string name_of(const std::string& path) const;
    void add_target(const listed_source& entry, const std::string& path);

    std::vector<std::string>* notes_;
    std::stop_token stop_;
    std::size_t source_ = 0; ///< the number of the one at hand
    std::string root_;
    std::vector<archive> archives_;
    std::unordered_map<std::string, std::size_t> by_real_path_;
    std::unordered_map<std::string, std::size_t> by_target_;
    std::unordered_set<std::string> pairs_;     ///< number of an archive, and a target of it
    std::set<std::pair<dev_t, ino_t>> folders_; ///< seen below the source at hand
    std::size_t count_ = 0;                     ///< of results
};

std::string expansion::name_of(const std::string& path) const {
    const std::string_view all = path;
    return concat(source_, ":", all.starts_with(root_) ? all.substr(root_.size()) : all);
}

expansion::archive& expansion::add_archive(const std::string& path) {
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &::free);
    const auto [at, fresh] =
        by_real_path_.try_emplace(real ? std::string(real.get()) : path, archives_.size());
    if (!fresh)
        return archives_[at->second];
    if (++count_ > limits::migrate_archives_max)
        throw usage(
            concat("more than ", limits::migrate_archives_max, " archives (migrate_archives_max)"));
    archives_.push_back({path, name_of(path), {}});
    return archives_.back();
}

void expansion::add_target(const listed_source& entry, const std::string& path) {
    const std::string& target = entry.target;
    const bool exact = !tag_of_target(target).empty();
    archive& where = add_archive(path);
    const auto number = static_cast<std::size_t>(&where - archives_.data());
    if (!pairs_.insert(concat(number, " ", target)).second)
        return;
    const auto [at, fresh] = by_target_.try_emplace(target, number);
    if (exact && !fresh)
        throw usage(concat(
            "the target ", target, " is that of ", foreign_text(archives_[at->second].path),
            " already"));
    if (!where.targets.empty() && ++count_ > limits::migrate_archives_max)
        throw usage(
            concat("more than ", limits::migrate_archives_max, " targets (migrate_archives_max)"));
    where.targets.push_back(target);
}

std::size_t expansion::add_folder(const std::string& path, bool named, int depth) {
    const stat_of self(path);
    if (self.is_folder() && !folders_.emplace(self.info.st_dev, self.info.st_ino).second)
        return 0; // a link led here before
    if (depth > limits::source_folder_depth_max)
        throw usage(concat(
            "folders below ", foreign_text(path), " are too deep (source_folder_depth_max)"));
    const folder_content content = list_folder(path);
    if (content.is_image_layout) {
        const std::string what = foreign_text(path) + " is an OCI image layout, no archive";
        if (named)
            throw usage(what).with_hint(concat(
                "tar -C '", foreign_text(path), "' -cf layout.tar oci-layout index.json blobs"));
        if (notes_)
            notes_->push_back(what + ": left out");
        return 0;
    }
    std::size_t met = 0;
    for (const std::string& name : content.names) {
        const std::string child = join(path, name);
        const stat_of found(child);
        if (found.is_folder()) {
            met += add_folder(child, false, depth + 1);
        } else if (is_archive_name(name) && (found.is_file() || !found.there)) {
            // A link to nothing stays in: that its archive is gone is for the report.
            add_archive(child);
            ++met;
        }
    }
    return met;
}

void expansion::add_found(const std::string& path) {
    if (!stat_of(path).is_folder()) {
        add_archive(path);
        return;
    }
    folders_.clear();
    if (add_folder(path, true, 0) == 0)
        throw usage(concat("no archives in the folder ", foreign_text(path)))
            .with_hint("a file of another name than *.tar, *.tar.gz, *.tgz … has to be named "
                       "itself, or by a glob");
}

void expansion::add_any(const std::string& path, const std::string& base) {
    const std::string pattern = path.substr(base.size());
    if (stat_of(path).there || !looks_like_glob(pattern))
        return add_found(path);
    const std::vector<std::string> found = run_glob(escape_for_glob(base) + pattern);
    if (found.empty())
        throw usage(concat("nothing matches ", foreign_text(path)));
    for (const std::string& match : found)
        add_found(match);
}

void expansion::add_listed(const listed_source& entry, const std::string& folder) {
    const bool relative = !entry.archive.starts_with('/');
    const std::string path = relative ? folder + entry.archive : entry.archive;
    set_root(relative ? folder : std::string());
    if (entry.target.empty())
        return add_any(path, relative ? folder : std::string());
    if (stat_of(path).is_folder())
        throw usage(concat(foreign_text(path), " is a folder; a target is for one archive"));
    add_target(entry, path);
}

void expansion::add_list(const std::string& path) {
    const std::string lower = to_lower(path);
    const bool json = lower.ends_with(".json");
    const bool mapping = json || lower.ends_with(".yaml") || lower.ends_with(".yml");
    const list_text list =
        mapping
            ? read_list(path, limits::source_mapping_bytes_max, "source_mapping_bytes_max", stop_)
            : read_list(path, limits::source_list_bytes_max, "source_list_bytes_max", stop_);
    const auto entries = json      ? parse_json_mapping(list.text)
                         : mapping ? parse_yaml_mapping(list.text)
                                   : parse_source_list(list.text);
    const std::string shown = shown_name(path);
    if (!entries)
        throw error(entries.error()).in(shown);
    if (entries->empty())
        throw usage(concat("no archives in the list ", shown));
    for (const listed_source& entry : *entries) {
        try {
            add_listed(entry, list.folder);
        } catch (error& why) {
            why.in(concat(shown, ", ", entry.where));
            throw;
        }
    }
}

void expansion::add_source(const std::string& source) {
    ++source_;
    if (source.empty())
        throw usage("a source is empty");
    if (source == "-")
        throw usage("migrate reads archives more than once: standard input cannot be one")
            .with_hint("tarpon push - for one archive; @- for a list of names");
    if (source.starts_with('@'))
        return add_list(source.substr(1));
    set_root(root_of(source));
    add_any(source, {});
}

std::vector<archive_target> expansion::finish() {
    std::vector<archive_target> result;
    result.reserve(count_);
    for (archive& one : archives_) {
        if (one.targets.empty())
            result.push_back({std::move(one.path), std::move(one.name), {}});
        for (std::string& target : one.targets)
            result.push_back({one.path, one.name, std::move(target)});
    }
    return result;
}

} // namespace

bool is_archive_name(std::string_view file_name) noexcept {
    static constexpr std::string_view endings[] = {".tar",     ".oci",  ".tar.gz", ".tgz",
                                                   ".tar.zst", ".tzst", ".tar.xz", ".txz",
                                                   ".tar.bz2", ".tbz2", ".tbz"};
    return std::any_of(std::begin(endings), std::end(endings), [&](std::string_view ending) {
        return file_name.size() > ending.size()
               && iequals(file_name.substr(file_name.size() - ending.size()), ending);
    });
}

std::vector<archive_target> expand_sources(
    const std::vector<std::string>& sources,
    std::vector<std::string>* notes,
    std::stop_token stop) {
    expansion all(notes, std::move(stop));
    for (const std::string& source : sources)
        all.add_source(source);
    return all.finish();
}

} // namespace tarpon::migration
