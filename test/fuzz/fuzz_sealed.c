/* Fuzzer: opening what is sealed, with the key of the corpus (scrypt itself takes too long to be tried often). What
 * opens is as long as the text says. */
#include "fuzz.h"

#include "core/sealed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* of "correct horse" and the salt "0123456789abcdef" */
    static const uint8_t key[SEALED_KEY] = {0xa6, 0xe1, 0xc5, 0xf3, 0x0b, 0x25, 0xe0, 0xfe, 0x6d, 0x47, 0x72,
                                            0x40, 0x36, 0xc0, 0xa5, 0x79, 0x98, 0x8e, 0x41, 0xeb, 0x3e, 0xd3,
                                            0x92, 0x98, 0xd8, 0xfa, 0x07, 0x6d, 0x41, 0x29, 0x30, 0x64};
    char *text = malloc(size ? size : 1), *plain; /* exact, so that a byte too far is found */
    struct sealed s;
    size_t len;

    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    if (sealed_parse(&s, text, size) == 0) {
        if (sealed_open_with(&s, key, &plain, &len) == 0) {
            if (len + SEALED_HEAD + SEALED_TAG != s.len || plain[len])
                abort();
            free(plain);
        }
        free(s.bytes);
    }
    free(text);
    return 0;
}
