/* random: bytes from the kernel (getrandom). Aborts when the kernel has none. Pure code takes such bytes as an argument. */
#pragma once

#include <stddef.h>

void random_bytes(void *ret_bytes, size_t len);
