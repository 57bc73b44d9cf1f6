// Builds tar archives in memory, good ones and bad ones, block by block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::test {

class tar_builder {
public:
    enum class flavour { ustar, gnu, v7 };

    explicit tar_builder(flavour f = flavour::ustar)
        : flavour_(f) {}

    tar_builder& file(std::string_view name, std::string_view content);
    tar_builder& directory(std::string_view name);
    tar_builder& symlink(std::string_view name, std::string_view target);
    tar_builder& hard_link(std::string_view name, std::string_view target);
    /// A PAX header with these records before the next entry.
    tar_builder&
    pax(const std::vector<std::pair<std::string, std::string>>& records, char type = 'x');
    /// A GNU 'L' (name) or 'K' (link name) header before the next entry.
    tar_builder& gnu_long(char type, std::string_view name);
    /// One header with any type and claimed size, and a body of any other length, padded.
    tar_builder&
    raw(char type,
        std::string_view name,
        std::uint64_t size,
        std::string_view body,
        std::string_view link = {});
    /// Bytes as they are.
    tar_builder& bytes(std::string_view bytes);
    tar_builder& end(int zero_blocks = 2);

    const std::string& str() const { return bytes_; }

    /// One header block.
    static std::string header(
        flavour f,
        char type,
        std::string_view name,
        std::string_view size_field,
        std::string_view link = {});
    /// Puts the right checksum into a 512-byte header.
    static void fix_checksum(std::string& block);
    static std::string octal(std::uint64_t value, std::size_t width);

private:
    void pad();

    flavour flavour_;
    std::string bytes_;
};

} // namespace tarpon::test
