// What one request was and how it ended, for the access log and the metrics.
#pragma once

#include <cstdint>
#include <string>

namespace tarpon::server {

struct request_record {
    std::string client; ///< address, without the port
    std::string user;   ///< empty: nobody has logged in
    std::string method; ///< empty where the head could not be read
    /// Without the query, where secrets may stand; cut, safe to be shown.
    std::string path;
    std::string agent;           ///< User-Agent, cut, safe to be shown
    unsigned status = 0;         ///< 0: the connection ended before there was an answer
    bool complete = false;       ///< the answer went out to its last byte
    std::uint64_t bytes_in = 0;  ///< of the body
    std::uint64_t bytes_out = 0; ///< of the answer, its head too
    double seconds = 0;          ///< from the end of the request's head to the end of the answer
};

} // namespace tarpon::server
