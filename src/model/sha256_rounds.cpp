// See sha256_rounds.hpp. The functions have the instructions by attribute, not by a compiler flag
// for this file: inline functions of the standard library must not be compiled with them.
#include "model/sha256_rounds.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace tarpon::sha256_rounds {
namespace {

#define TARPON_SHA_NI [[gnu::target("sha,sse4.1"), gnu::always_inline]] inline

constexpr std::size_t block_bytes = 64;

alignas(16) constexpr std::uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// One message: its state in the order the instructions want, and 16 words of its schedule.
struct lane {
    std::uint32_t* state;
    const std::byte* bytes;
    __m128i abef, cdgh;
    __m128i abef_before, cdgh_before;
    __m128i words[4];
};

TARPON_SHA_NI __m128i load(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

TARPON_SHA_NI void load_state(lane& one) {
    const __m128i badc = _mm_shuffle_epi32(load(one.state), 0xB1);
    const __m128i hgfe = _mm_shuffle_epi32(load(one.state + 4), 0x1B);
    one.abef = _mm_alignr_epi8(badc, hgfe, 8);
    one.cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
}

TARPON_SHA_NI void store_state(const lane& one) {
    const __m128i feba = _mm_shuffle_epi32(one.abef, 0x1B);
    const __m128i dchg = _mm_shuffle_epi32(one.cdgh, 0xB1);
    auto* to = reinterpret_cast<__m128i*>(one.state);
    _mm_storeu_si128(to, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(to + 1, _mm_alignr_epi8(dchg, feba, 8));
}

TARPON_SHA_NI void begin_block(lane& one) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    for (int i = 0; i < 4; ++i)
        one.words[i] = _mm_shuffle_epi8(load(one.bytes + 16 * i), big_endian);
    one.bytes += block_bytes;
    one.abef_before = one.abef;
    one.cdgh_before = one.cdgh;
}

TARPON_SHA_NI void end_block(lane& one) {
    one.abef = _mm_add_epi32(one.abef, one.abef_before);
    one.cdgh = _mm_add_epi32(one.cdgh, one.cdgh_before);
}

/// Rounds 4 x Group to 4 x Group + 3, and their share of the schedule of later ones.
template <int Group>
TARPON_SHA_NI void four_rounds(lane& one) {
    __m128i& now = one.words[Group % 4];
    __m128i& next = one.words[(Group + 1) % 4];
    __m128i& last = one.words[(Group + 3) % 4];
    __m128i sum = _mm_add_epi32(now, load(constants + 4 * Group));
    one.cdgh = _mm_sha256rnds2_epu32(one.cdgh, one.abef, sum);
    if constexpr (Group >= 3 && Group < 15) {
        next = _mm_add_epi32(next, _mm_alignr_epi8(now, last, 4));
        next = _mm_sha256msg2_epu32(next, now);
    }
    sum = _mm_shuffle_epi32(sum, 0x0E);
    one.abef = _mm_sha256rnds2_epu32(one.abef, one.cdgh, sum);
    if constexpr (Group >= 1 && Group < 13)
        last = _mm_sha256msg1_epu32(last, now);
}

template <int Group>
TARPON_SHA_NI void rounds(lane& one) {
    four_rounds<Group>(one);
    if constexpr (Group < 15)
        rounds<Group + 1>(one);
}

template <int Group>
TARPON_SHA_NI void rounds_of_both(lane& a, lane& b) {
    four_rounds<Group>(a);
    four_rounds<Group>(b);
    if constexpr (Group < 15)
        rounds_of_both<Group + 1>(a, b);
}

[[gnu::target("avx"), gnu::noinline]] void clear_upper_halves() noexcept {
    _mm256_zeroupper();
}

/// The instructions here leave the upper halves of the vector registers alone, which costs up to
/// half of their speed while there is something in them; ISA-L's functions return with them full.
void prepare_registers() noexcept {
    static const bool has_halves = __builtin_cpu_supports("avx") != 0;
    if (has_halves)
        clear_upper_halves();
}

} // namespace

bool supported() noexcept {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    constexpr unsigned sse41 = 1U << 19;
    constexpr unsigned sha = 1U << 29;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & sse41) == 0)
        return false;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & sha) != 0;
}

[[gnu::target("sha,sse4.1")]] void
compress(std::uint32_t* state, const std::byte* bytes, std::size_t blocks) noexcept {
    prepare_registers();
    lane one{state, bytes, {}, {}, {}, {}, {}};
    load_state(one);
    while (blocks-- > 0) {
        begin_block(one);
        rounds<0>(one);
        end_block(one);
    }
    store_state(one);
}

[[gnu::target("sha,sse4.1")]] void compress_both(
    std::uint32_t* state_a,
    const std::byte* bytes_a,
    std::uint32_t* state_b,
    const std::byte* bytes_b,
    std::size_t blocks) noexcept {
    prepare_registers();
    lane a{state_a, bytes_a, {}, {}, {}, {}, {}};
    lane b{state_b, bytes_b, {}, {}, {}, {}, {}};
    load_state(a);
    load_state(b);
    while (blocks-- > 0) {
        begin_block(a);
        begin_block(b);
        rounds_of_both<0>(a, b);
        end_block(a);
        end_block(b);
    }
    store_state(a);
    store_state(b);
}

} // namespace tarpon::sha256_rounds

#else

#include <cstdlib>

namespace tarpon::sha256_rounds {

bool supported() noexcept {
    return false;
}

void compress(std::uint32_t*, const std::byte*, std::size_t) noexcept {
    std::abort();
}

void compress_both(
    std::uint32_t*, const std::byte*, std::uint32_t*, const std::byte*, std::size_t) noexcept {
    std::abort();
}

} // namespace tarpon::sha256_rounds

#endif
