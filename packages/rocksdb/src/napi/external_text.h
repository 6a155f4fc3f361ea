// Strings of one byte a character whose bytes lie outside of JavaScript's heap: made without a copy, so that
// a value of megabytes does not hold the loop.

#pragma once

#include <node_api.h>

#include <cstddef>

namespace kept {

/** From so many bytes on a string is worth it. */
constexpr size_t kExternalBytesMin = 1024 * 1024;

/**
 * Memory for so many bytes, for free; nullptr when there is none. Where the system has large pages it takes those: new
 * memory costs by the page.
 */
char* RoomForText(size_t size);

/**
 * Takes `data`, which malloc or RoomForText gave: it is freed with the string, or at once when there can be none (then
 * nullptr is returned, and an exception is pending).
 */
napi_value MakeExternalText(napi_env env, char* data, size_t size);

}  // namespace kept
