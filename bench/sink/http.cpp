// See http.hpp.
#include "sink/http.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

namespace tarpon::sink {
namespace {

constexpr std::size_t headers_max = 200;
// Heads and chunk lines are read in small steps, so that little of a body comes along with them
// that could have been dropped by the kernel.
constexpr std::size_t line_step_bytes = 512;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

std::uint64_t number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto got = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (got.ec != std::errc() || got.ptr == text.data())
        throw link_closed("not a number where one belongs");
    return value;
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            out.push_back(static_cast<char>(number(text.substr(i + 1, 2), 16)));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

void split_target(std::string_view target, request& into) {
    const std::size_t mark = std::min(target.find('?'), target.size());
    into.path = percent_decoded(target.substr(0, mark));
    std::string_view rest = target.substr(std::min(mark + 1, target.size()));
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        into.query[percent_decoded(pair.substr(0, equals))] =
            percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    }
}

} // namespace

std::string_view request::header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : found->second;
}

std::string_view request::parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string_view() : found->second;
}

void http_stream::fill() {
    if (begin_ == end_)
        begin_ = end_ = 0;
    if (end_ == buffer_.size()) {
        if (begin_ == 0)
            throw link_closed("a line longer than anything sensible");
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const std::size_t room = std::min(buffer_.size() - end_, line_step_bytes);
    end_ += link_.read_some(std::span(buffer_).subspan(end_, room));
}

/// Up to CRLF or LF, without it; valid until the next read.
std::string_view http_stream::read_line() {
    std::size_t looked_at = 0;
    while (true) {
        const std::string_view there(buffer_.data() + begin_, end_ - begin_);
        const std::size_t end = there.find('\n', looked_at);
        if (end != there.npos) {
            begin_ += end + 1;
            const std::string_view line = there.substr(0, end);
            return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
        }
        looked_at = there.size();
        fill();
    }
}

request http_stream::read_head() {
    request head;
    const std::string first(read_line());
    const std::size_t one = first.find(' ');
    const std::size_t two = first.rfind(' ');
    if (one == first.npos || two == one || !first.substr(two + 1).starts_with("HTTP/1."))
        throw link_closed("not an HTTP request");
    head.method = first.substr(0, one);
    split_target(std::string_view(first).substr(one + 1, two - one - 1), head);
    for (std::size_t i = 0; i <= headers_max; ++i) {
        const std::string_view line = read_line();
        if (line.empty()) {
            const std::string connection = lower(head.header("connection"));
            head.keep_alive = first.ends_with("1.1") && connection.find("close") == connection.npos;
            return head;
        }
        const std::size_t colon = line.find(':');
        if (colon == line.npos)
            throw link_closed("a header without a colon");
        head.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
    throw link_closed("too many headers");
}

std::uint64_t http_stream::take(std::uint64_t count, const body_reader& reader, bool& wanted) {
    const std::uint64_t total = count;
    while (count > 0) {
        if (begin_ == end_) {
            if (!wanted) {
                link_.drop(count);
                break;
            }
            begin_ = 0;
            end_ = link_.read_some(std::span(buffer_));
        }
        const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, end_ - begin_));
        wanted = wanted && reader(std::span(buffer_).subspan(begin_, step));
        link_.body_came(step);
        begin_ += step;
        count -= step;
    }
    return total;
}

std::uint64_t http_stream::read_body(const request& head, const body_reader& reader) {
    bool wanted = static_cast<bool>(reader);
    if (lower(head.header("expect")) == "100-continue")
        link_.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (lower(head.header("transfer-encoding")) != "chunked") {
        const std::string_view length = head.header("content-length");
        return length.empty() ? 0 : take(number(length, 10), reader, wanted);
    }
    std::uint64_t total = 0;
    while (true) {
        const std::uint64_t size = number(read_line(), 16);
        if (size == 0)
            break;
        total += take(size, reader, wanted);
        (void)read_line();
    }
    while (!read_line().empty()) {
        // trailers
    }
    return total;
}

void http_stream::write(const request& head, const response& answer) {
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " -\r\n";
    bool length_given = false;
    for (const auto& [name, value] : answer.headers) {
        text += name + ": " + value + "\r\n";
        length_given |= lower(name) == "content-length";
    }
    // A blob's HEAD states the blob's length; 204 has none.
    if (!length_given && answer.status != 204)
        text += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
    text += head.keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
    if (head.method != "HEAD")
        text += answer.body;
    link_.wait_before_answer();
    link_.write(text);
}

} // namespace tarpon::sink
