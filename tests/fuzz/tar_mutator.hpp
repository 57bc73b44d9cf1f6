// A mutator for tars: after libFuzzer changed some bytes, checksums (and for images, the digests
// that name blobs) are made right again, so that mutations get past the first check.
#pragma once

#include "archive/tar_header.hpp"
#include "model/hasher.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace tarpon::fuzz {

/// Blocks that may be headers: those with a magic, and every block that lies where the header
/// before it says the next one is.
inline bool may_be_header(std::string_view block) {
    return block.substr(257, 5) == "ustar";
}

inline void fix_checksum(char* block) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    std::snprintf(block + 148, 7, "%06o", sum);
    block[154] = '\0';
    block[155] = ' ';
}

inline void fix_checksums(std::string& tar) {
    for (std::size_t at = 0; at + 512 <= tar.size(); at += 512)
        if (may_be_header(std::string_view(tar).substr(at, 512)))
            fix_checksum(tar.data() + at);
}

inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

/// Renames every blobs/sha256/<hex> to the digest its content has now, and what refers to it.
/// Several rounds: a changed config changes its manifest, and that the index.
inline void fix_digests(std::string& tar) {
    static constexpr std::string_view folder = "blobs/sha256/";
    for (int round = 0; round < 4; ++round) {
        bool changed = false;
        for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
            const std::string_view block = std::string_view(tar).substr(at, 512);
            if (!may_be_header(block) || !block.starts_with(folder))
                continue;
            const auto size = archive::parse_tar_number(block.substr(124, 12));
            if (!size || *size > tar.size() - at - 512)
                continue;
            const std::string named(block.substr(folder.size(), 64));
            const auto content =
                digest_of(std::string_view(tar).substr(at + 512, static_cast<std::size_t>(*size)));
            if (content.hex() == named || !is_sha256_hex(named))
                continue;
            replace_all(tar, named, std::string(content.hex()));
            changed = true;
        }
        if (!changed)
            break;
    }
}

/// The body of LLVMFuzzerCustomMutator. One mutation in eight stays unrepaired.
inline std::size_t mutate_tar(
    std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed, bool with_digests) {
    const std::size_t mutated = LLVMFuzzerMutate(data, size, size_max);
    if (seed % 8 == 0)
        return mutated;
    std::string tar(reinterpret_cast<const char*>(data), mutated);
    if (with_digests)
        fix_digests(tar);
    fix_checksums(tar);
    std::memcpy(data, tar.data(), tar.size());
    return tar.size();
}

} // namespace tarpon::fuzz
