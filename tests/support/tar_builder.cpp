// See tar_builder.hpp.
#include "support/tar_builder.hpp"

#include <cstdio>

namespace tarpon::test {

std::string tar_builder::octal(std::uint64_t value, std::size_t width) {
    char text[32];
    std::snprintf(
        text, sizeof text, "%0*llo", static_cast<int>(width),
        static_cast<unsigned long long>(value));
    return text;
}

void tar_builder::fix_checksum(std::string& block) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    block.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
}

std::string tar_builder::header(
    flavour f,
    char type,
    std::string_view name,
    std::string_view size_field,
    std::string_view link) {
    std::string block(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) {
        block.replace(at, text.size(), text);
    };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, size_field);
    put(136, "00000000000");
    block[156] = type;
    put(157, link.substr(0, 100));
    if (f == flavour::ustar)
        put(257, std::string_view(
                     "ustar\0"
                     "00",
                     8));
    else if (f == flavour::gnu)
        put(257, std::string_view("ustar  \0", 8));
    fix_checksum(block);
    return block;
}

void tar_builder::pad() {
    bytes_.resize((bytes_.size() + 511) / 512 * 512, '\0');
}

tar_builder& tar_builder::raw(
    char type,
    std::string_view name,
    std::uint64_t size,
    std::string_view body,
    std::string_view link) {
    bytes_ += header(flavour_, type, name, octal(size, 11), link);
    bytes_ += body;
    pad();
    return *this;
}

tar_builder& tar_builder::file(std::string_view name, std::string_view content) {
    return raw('0', name, content.size(), content);
}

tar_builder& tar_builder::directory(std::string_view name) {
    return raw('5', name, 0, {});
}

tar_builder& tar_builder::symlink(std::string_view name, std::string_view target) {
    return raw('2', name, 0, {}, target);
}

tar_builder& tar_builder::hard_link(std::string_view name, std::string_view target) {
    return raw('1', name, 0, {}, target);
}

tar_builder&
tar_builder::pax(const std::vector<std::pair<std::string, std::string>>& records, char type) {
    std::string payload;
    for (const auto& [key, value] : records) {
        const std::string body = " " + key + "=" + value + "\n";
        std::size_t length = body.size() + 1;
        while (std::to_string(length).size() + body.size() != length)
            ++length;
        payload += std::to_string(length) + body;
    }
    return raw(type, "PaxHeaders/next", payload.size(), payload);
}

tar_builder& tar_builder::gnu_long(char type, std::string_view name) {
    std::string payload(name);
    payload.push_back('\0');
    return raw(type, "././@LongLink", payload.size(), payload);
}

tar_builder& tar_builder::bytes(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
}

tar_builder& tar_builder::end(int zero_blocks) {
    bytes_.append(static_cast<std::size_t>(zero_blocks) * 512, '\0');
    return *this;
}

} // namespace tarpon::test
