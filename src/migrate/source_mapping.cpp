// Mappings in YAML and JSON: both become the same few events, and one reader makes entries of them.
#include "migrate/source_list.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_set>
#include <utility>

namespace tarpon::migration {
namespace {

namespace json = boost::json;

/// Thrown out of a parser's callbacks, caught before it leaves this file.
struct stop {
    std::string message;
};

/// What a mapping may be made of, step by step. `at` is the place of the event, for messages.
class mapping_reader {
public:
    std::string at;

    void open_map() {
        if (state_ == state::start)
            state_ = state::keys;
        else if (state_ == state::items)
            begin_item();
        else
            refuse();
    }
    void open_list() {
        if (state_ == state::start)
            state_ = state::items;
        else if (state_ == state::key_value)
            state_ = state::key_targets;
        else if (state_ == state::member_value && member_ != "archive")
            state_ = state::member_targets;
        else
            refuse();
    }
    void close();
    void text(std::string value);
    void nothing();

    std::vector<listed_source> take() { return std::move(found_); }

private:
    enum class state {
        start,
        keys,           ///< of the map ARCHIVE: …
        key_value,      ///< behind such a key
        key_targets,    ///< in the list behind such a key
        items,          ///< of the list
        members,        ///< of an item that is a map
        member_value,   ///< behind such a member's name
        member_targets, ///< in the list behind "target" or "targets"
        done,
    };

    void begin_item() {
        state_ = state::members;
        archive_.clear();
        targets_.clear();
        members_.clear();
        where_ = at;
    }
    void end_entry() {
        if (archive_.empty())
            throw stop{where_ + ": an entry without \"archive\""};
        if (targets_.empty())
            add({});
        for (std::string& target : targets_)
            add(std::move(target));
        targets_.clear();
        archive_.clear();
    }
    void add(std::string target) {
        if (found_.size() == limits::migrate_archives_max)
            throw stop{where_ + ": too many archives (migrate_archives_max)"};
        found_.push_back({archive_, std::move(target), where_});
    }
    void begin_archive(std::string name) {
        check(name, "the archive's name");
        archive_ = std::move(name);
        where_ = at;
    }
    void add_target(std::string value) {
        check(value, "the target");
        if (found_.size() + targets_.size() >= limits::migrate_archives_max)
            throw stop{at + ": too many targets (migrate_archives_max)"};
        targets_.push_back(std::move(value));
    }
    void check(const std::string& value, std::string_view what) const {
        if (value.empty())
            throw stop{concat(at, ": ", what, " is empty")};
        if (value.find('\0') != value.npos)
            throw stop{concat(at, ": a NUL character in ", what)};
    }
    [[noreturn]] void refuse() const {
        throw stop{
            at
            + ": expected ARCHIVE: TARGET, ARCHIVE: [TARGET, …], or a list of "
              "{archive: …, target: …}"};
    }

    state state_ = state::start;
    std::string archive_, member_, where_;
    std::vector<std::string> targets_;
    std::unordered_set<std::string> archives_; ///< keys of the map so far
    std::unordered_set<std::string> members_;
    std::vector<listed_source> found_;
};

void mapping_reader::close() {
    switch (state_) {
    case state::keys:
    case state::items:
        state_ = state::done;
        return;
    case state::key_targets:
        if (targets_.empty())
            throw stop{where_ + ": an empty list of targets"};
        end_entry();
        state_ = state::keys;
        return;
    case state::members:
        end_entry();
        state_ = state::items;
        return;
    case state::member_targets:
        if (targets_.empty())
            throw stop{where_ + ": an empty list of targets"};
        state_ = state::members;
        return;
    default:
        refuse();
    }
}

void mapping_reader::text(std::string value) {
    switch (state_) {
    case state::keys:
        begin_archive(std::move(value));
        if (!archives_.insert(archive_).second)
            throw stop{concat(at, ": \"", foreign_text(archive_), "\" stands here twice")};
        state_ = state::key_value;
        return;
    case state::key_value:
        add_target(std::move(value));
        end_entry();
        state_ = state::keys;
        return;
    case state::items:
        begin_archive(std::move(value));
        end_entry();
        return;
    case state::members:
        if (value != "archive" && value != "target" && value != "targets")
            throw stop{concat(
                at, ": \"", foreign_text(value, 64), "\" is none of archive, target and targets")};
        if (!members_.insert(value).second)
            throw stop{concat(at, ": \"", value, "\" stands twice in one entry")};
        member_ = std::move(value);
        state_ = state::member_value;
        return;
    case state::member_value:
        if (member_ == "archive")
            begin_archive(std::move(value));
        else
            add_target(std::move(value));
        state_ = state::members;
        return;
    case state::key_targets:
    case state::member_targets:
        add_target(std::move(value));
        return;
    case state::start:
    case state::done:
        refuse();
    }
}

void mapping_reader::nothing() {
    if (state_ == state::key_value) {
        end_entry();
        state_ = state::keys;
    } else if (state_ == state::member_value && member_ != "archive") {
        state_ = state::members;
    } else if (state_ == state::start) {
        state_ = state::done; // an empty file
    } else {
        refuse();
    }
}

/// yaml-cpp's events, with the line of each.
class yaml_events final : public YAML::EventHandler {
public:
    explicit yaml_events(mapping_reader& reader)
        : reader_(reader) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        see(mark);
        if (std::exchange(seen_, true))
            throw stop{reader_.at + ": a second document"};
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
        see(mark);
        reader_.nothing();
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        see(mark);
        throw stop{reader_.at + ": an alias (*name); write the value out"};
    }
    void OnScalar(
        const YAML::Mark& mark,
        const std::string& tag,
        YAML::anchor_t,
        const std::string& value) override {
        see(mark);
        if (!tag.empty() && tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:str")
            throw stop{concat(reader_.at, ": the tag ", foreign_text(tag, 64), " on a text")};
        reader_.text(value);
    }
    void OnSequenceStart(
        const YAML::Mark& mark,
        const std::string&,
        YAML::anchor_t,
        YAML::EmitterStyle::value) override {
        see(mark);
        reader_.open_list();
    }
    void OnSequenceEnd() override { reader_.close(); }
    void OnMapStart(
        const YAML::Mark& mark,
        const std::string&,
        YAML::anchor_t,
        YAML::EmitterStyle::value) override {
        see(mark);
        reader_.open_map();
    }
    void OnMapEnd() override { reader_.close(); }

private:
    void see(const YAML::Mark& mark) {
        if (!mark.is_null())
            reader_.at = concat("line ", mark.line + 1);
    }

    mapping_reader& reader_;
    bool seen_ = false;
};

void read_json_text(mapping_reader& reader, const json::value& value) {
    if (value.is_null())
        return reader.nothing();
    if (!value.is_string())
        throw stop{reader.at + ": something else than a text"};
    reader.text(std::string(value.get_string()));
}

/// One level of a value below an entry: targets, or the members of an item.
void read_json_entry(mapping_reader& reader, const json::value& value) {
    if (const json::array* list = value.if_array()) {
        reader.open_list();
        for (const json::value& element : *list)
            read_json_text(reader, element);
        return reader.close();
    }
    const json::object* item = value.if_object();
    if (!item)
        return read_json_text(reader, value);
    reader.open_map();
    for (const auto& member : *item) {
        reader.text(std::string(member.key()));
        const json::array* targets = member.value().if_array();
        if (!targets) {
            read_json_text(reader, member.value());
            continue;
        }
        reader.open_list();
        for (const json::value& target : *targets)
            read_json_text(reader, target);
        reader.close();
    }
    reader.close();
}

void read_json(mapping_reader& reader, const json::value& document) {
    std::uint64_t number = 0;
    reader.at = "the document";
    if (const json::array* list = document.if_array()) {
        reader.open_list();
        for (const json::value& item : *list) {
            reader.at = concat("entry ", ++number);
            read_json_entry(reader, item);
        }
        return reader.close();
    }
    const json::object* map = document.if_object();
    if (!map)
        return read_json_text(reader, document);
    reader.open_map();
    for (const auto& member : *map) {
        reader.at = concat("entry ", ++number);
        reader.text(std::string(member.key()));
        read_json_entry(reader, member.value());
    }
    reader.close();
}

} // namespace

result<std::vector<listed_source>> parse_yaml_mapping(std::string_view text) {
    mapping_reader reader;
    reader.at = "line 1";
    yaml_events events(reader);
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(events)) {
        }
    } catch (const stop& why) {
        return failure{errc::usage, why.message};
    } catch (const YAML::Exception& why) {
        const std::string where =
            why.mark.is_null() ? reader.at : concat("line ", why.mark.line + 1);
        return failure{errc::usage, concat(where, ": not YAML: ", foreign_text(why.msg))};
    }
    return reader.take();
}

result<std::vector<listed_source>> parse_json_mapping(std::string_view text) {
    const auto document = parse_strict_json(text);
    if (!document)
        return failure{errc::usage, document.error().message};
    mapping_reader reader;
    try {
        read_json(reader, *document);
    } catch (const stop& why) {
        return failure{errc::usage, why.message};
    }
    return reader.take();
}

} // namespace tarpon::migration
