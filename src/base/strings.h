// Small text helpers that the standard library lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bailey::base {

std::vector<std::string_view> split(std::string_view text, char separator);  // "a,,b" -> a, "", b; "" -> one empty
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);  // spaces, tabs, CR, LF at both ends

// A whole decimal number without sign, spaces or leading zeros ("0" alone is fine), at most `max`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max = UINT64_MAX);

// The candidate with the smallest edit distance to `word`, if that is at most a third of its length
// (for "did you mean"); empty otherwise.
std::string nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// 64-bit FNV-1a: stable over runs and machines (names that are derived from content).
std::uint64_t fnv1a(std::string_view text);

}  // namespace bailey::base
