// Where an upload under way is written down, so that it can be gone on with after this process: the
// engine's business, behind an interface.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace tarpon::registry {

class upload_record {
public:
    virtual ~upload_record() = default;
    /// The Location of an unfinished upload of the same bytes into the same repository; from now on
    /// ours.
    virtual boost::asio::awaitable<std::optional<std::string>> take() = 0;
    /// false: it is not written down, and nobody will go on with it.
    virtual boost::asio::awaitable<bool> keep(std::string location) = 0;
    /// It is finished, or cannot be gone on with.
    virtual boost::asio::awaitable<void> forget() = 0;
};

} // namespace tarpon::registry
