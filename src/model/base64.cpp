// OpenSSL does the work; here is only what it leaves open (lengths, missing padding).
#include "model/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace tarpon {

std::string base64_encode(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    const bool legal = text.size() % 4 != 1 && std::all_of(text.begin(), text.end(), [](char c) {
                           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                                  || (c >= '0' && c <= '9') || c == '+' || c == '/';
                       });
    if (!legal)
        return std::nullopt;
    std::string whole(text);
    const std::size_t padding = (4 - text.size() % 4) % 4;
    whole.append(padding, '=');
    std::string out(whole.size() / 4 * 3 + 1, '\0');
    const int length = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(whole.data()), static_cast<int>(whole.size()));
    if (length < 0)
        return std::nullopt;
    out.resize(static_cast<std::size_t>(length) - padding);
    return out;
}

} // namespace tarpon
