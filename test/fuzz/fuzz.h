/* What each fuzzer defines: libFuzzer calls it with inputs of its own making, replay.c with the files of a
 * corpus. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
