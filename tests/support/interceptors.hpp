// What several tests do to a fake registry's requests.
#pragma once

#include "support/fake_registry.hpp"

#include <vector>

namespace tarpon::test {

/// The first that has an answer.
interceptor first_of(std::vector<interceptor> all);

/// The first request of a kind is answered otherwise.
interceptor once(step what, answer with);

/// Each request of a kind is.
interceptor always(step what, answer with);

/// 411 where a request of this kind does not say how long its body is, not even 0.
interceptor wants_content_length(step what);

} // namespace tarpon::test
