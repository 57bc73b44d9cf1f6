// A registry's refusal in any shape becomes one short line that is safe in a terminal. The first
// line is the Content-Type, the rest the body.
#include "fuzz.hpp"
#include "registry/error_body.hpp"
#include "transport/server_words.hpp"

#include <tarpon/limits.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tarpon;
    using namespace tarpon::fuzz;
    const auto text = as_text(data, size);
    const std::size_t line = text.find('\n');
    const auto type = text.substr(0, line);
    const auto body = line == text.npos ? std::string_view() : text.substr(line + 1);
    const auto words = transport::read_error_body(type, body);
    const std::size_t bytes_max = 2 * (limits::foreign_text_bytes_max + 4);
    check(words.code.size() <= bytes_max && words.message.size() <= bytes_max, "words are cut");
    check(is_free_of_controls(words.code), "no controls in a code");
    check(is_free_of_controls(words.message), "no controls in a message");

    transport::http_response response;
    response.status = size == 0 ? 0 : 300 + data[0] * 2;
    response.headers.emplace_back("Content-Type", std::string(type));
    response.body = body;
    const error refused =
        registry::refusal(response, {"to open an upload", "registry.example.com", "team/app"});
    check(is_free_of_controls(refused.message()), "no controls in an error");
    check(is_free_of_controls(refused.cause()), "no controls in a cause");
    check(refused.http_status() == response.status, "the status is kept");
    return 0;
}
