// See blob_store.hpp. Order of writing: content before the link that makes it visible.
#include "server/blob_store.hpp"

#include "model/text.hpp"

namespace tarpon::server {

std::optional<std::uint64_t>
blob_store::find(const std::string& repository, const digest& content) const {
    const auto link = root_.read(link_path(repository, content), 64);
    if (!link)
        return std::nullopt;
    const auto stated = parse_decimal(*link);
    const auto size = root_.size_of(blob_path(content));
    if (!stated || !size || *stated != *size)
        return std::nullopt;
    return size;
}

std::optional<blob_store::stored_blob>
blob_store::open(const std::string& repository, const digest& content) const {
    const auto size = find(repository, content);
    if (!size)
        return std::nullopt;
    auto opened = root_.open(blob_path(content));
    if (!opened)
        return std::nullopt;
    return stored_blob{std::move(*opened), *size};
}

std::optional<std::uint64_t>
blob_store::claim(const std::string& repository, const digest& content) {
    const auto size = find(repository, content);
    if (!size)
        return std::nullopt;
    root_.touch(link_path(repository, content));
    gate_.rely_on(repository, content);
    return size;
}

void blob_store::link(const std::string& repository, const digest& content, std::uint64_t size) {
    root_.write_atomically(link_path(repository, content), std::to_string(size));
    gate_.rely_on(repository, content);
}

void blob_store::add(
    const std::string& repository,
    const digest& content,
    const std::string& temporary,
    std::uint64_t size) {
    const std::string place = blob_path(content);
    root_.make_parents(place);
    // Also over a file that is there: it has this content, or it is damaged and gets repaired.
    root_.move_into_place(temporary, place);
    link(repository, content, size);
}

void blob_store::add_bytes(
    const std::string& repository, const digest& content, std::string_view bytes) {
    root_.write_atomically(blob_path(content), bytes);
    link(repository, content, bytes.size());
}

bool blob_store::mount(
    const std::string& repository, const std::string& from, const digest& content) {
    const auto size = claim(from, content);
    if (!size)
        return false;
    if (!claim(repository, content))
        link(repository, content, *size);
    return true;
}

bool blob_store::remove(const std::string& repository, const digest& content) {
    if (!root_.size_of(link_path(repository, content)))
        return false;
    root_.remove_durably(link_path(repository, content));
    return true;
}

} // namespace tarpon::server
