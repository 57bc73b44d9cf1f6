// The body of an upload for tests.
#pragma once

#include "model/hasher.hpp"
#include "registry/blob_upload.hpp"
#include "support/text_body.hpp"

#include <cstddef>
#include <string>

namespace tarpon::test {

/// A text_body that knows its digest, or finds that it is not what was promised. `taken` is told
/// how much was asked for; it must outlive the body.
class blob_body final : public registry::upload_body {
public:
    blob_body(const std::string& text, const body_habits& habits, bool honest, std::size_t& taken)
        : content_{{}, digest_of(text), text.size()}
        , honest_(honest)
        , text_(text, habits)
        , taken_(taken) {}

    boost::asio::awaitable<body_piece> next() override {
        body_piece piece = co_await text_.next();
        taken_ = text_.taken();
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override { return text_.length(); }
    boost::asio::awaitable<descriptor> finish() override {
        if (!honest_)
            throw error(errc::digest_mismatch, "not what the archive promised");
        co_return content_;
    }

private:
    descriptor content_;
    bool honest_;
    text_body text_;
    std::size_t& taken_;
};

} // namespace tarpon::test
