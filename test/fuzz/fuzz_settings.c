#include "fuzz.h"

#include "fuzz_meters.h"

#include "core/settings.h"

#include <stdlib.h>

#define DEVICE "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings_errors errors = {0};
    char *storage_path;
    struct settings *s = settings_parse((const char *)data, size, &fuzz_meters, &errors, &storage_path);

    if (!s != (errors.n > 0)) /* a snapshot or errors, never both, never neither */
        abort();
    if (s && settings_derive_ids(s, DEVICE, &errors) < 0 && errors.n == 0)
        abort();
    settings_free(s);
    settings_errors_free(&errors);
    free(storage_path);
    return 0;
}
