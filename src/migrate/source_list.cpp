// Plain lists, one archive a line. See source_list.hpp.
#include "migrate/source_list.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <optional>

namespace tarpon::migration {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/// Takes words off the front of one line.
class word_reader {
public:
    explicit word_reader(std::string_view line)
        : rest_(line) {}

    /// The next word; nullopt at the end of the line or a comment. Empty words exist: "".
    result<std::optional<std::string>> next() {
        while (!rest_.empty() && is_blank(rest_.front()))
            rest_.remove_prefix(1);
        if (rest_.empty() || rest_.front() == '#')
            return std::optional<std::string>();
        std::string word;
        while (!rest_.empty() && !is_blank(rest_.front())) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c != '"' && c != '\'') {
                word.push_back(c);
                continue;
            }
            if (!take_quoted(c, word))
                return failure{errc::usage, concat("a quote (", c, ") is not closed")};
        }
        return std::optional<std::string>(std::move(word));
    }

private:
    bool take_quoted(char quote, std::string& word) {
        while (!rest_.empty()) {
            char c = rest_.front();
            rest_.remove_prefix(1);
            if (c == quote)
                return true;
            if (c == '\\' && quote == '"' && !rest_.empty()
                && (rest_.front() == '"' || rest_.front() == '\\')) {
                c = rest_.front();
                rest_.remove_prefix(1);
            }
            word.push_back(c);
        }
        return false;
    }

    std::string_view rest_;
};

/// nullopt: the line has nothing but blanks and a comment.
result<std::optional<listed_source>> parse_line(std::string_view line) {
    word_reader words(line);
    const auto archive = words.next();
    if (!archive)
        return archive.error();
    if (!*archive)
        return std::optional<listed_source>();
    if ((*archive)->empty())
        return failure{errc::usage, "the archive's name is empty"};
    const auto target = words.next();
    if (!target)
        return target.error();
    if (*target && (*target)->empty())
        return failure{errc::usage, "the target is empty"};
    const auto more = words.next();
    if (!more)
        return more.error();
    if (*more)
        return failure{
            errc::usage, "more than an archive and a target; put quotes around a name with blanks"};
    return std::optional<listed_source>({**archive, target->value_or(std::string()), {}});
}

} // namespace

result<std::vector<listed_source>> parse_source_list(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf"))
        text.remove_prefix(3);
    std::vector<listed_source> found;
    for (std::uint64_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        const std::string where = concat("line ", number);
        if (line.find('\0') != line.npos)
            return failure{errc::usage, where + ": a NUL byte; a list is text"};
        auto entry = parse_line(line);
        if (!entry)
            return failure{errc::usage, concat(where, ": ", entry.error().message)};
        if (!*entry)
            continue;
        if (found.size() == limits::migrate_archives_max)
            return failure{errc::usage, where + ": too many archives (migrate_archives_max)"};
        (*entry)->where = where;
        found.push_back(std::move(**entry));
    }
    return found;
}

} // namespace tarpon::migration
