/* The input is two texts with a zero byte between them: a saved layer and a patch, over a file that is always the same.
 * Whatever they hold: merging is safe, the next layer says what the patch says, and it is the smallest. */
#include "fuzz.h"

#include "fuzz_meters.h"

#include "core/jsonc.h"
#include "core/settings.h"
#include "core/settings_change.h"
#include "core/settings_merge.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#define DEVICE "0123456789abcdef0123456789abcdef"

static const char file_text[] =
    "{\"phase\":3,\"sensors\":[{\"ports\":[3,1,2],\"name\":\"main\",\"current\":[100,100,100],\"enable\":true},"
    "{\"ports\":[4],\"name\":\"gas\",\"type\":\"gas\",\"rid\":2,\"enable\":true},{\"ports\":[2]}],"
    "\"mqtt\":{\"host\":\"h\",\"tls\":{\"ca_file\":\"/ca\"}},\"http\":{\"extra_listen\":[\"127.0.0.1:1\"]},"
    "\"buses\":[{\"key\":\"l\",\"device\":\"/dev/l\",\"meters\":[{\"key\":\"a\",\"name\":\"a\",\"unit\":1,\"model\":"
    "\"m\"},{\"key\":\"b\",\"name\":\"b\",\"unit\":2,\"model\":\"n\",\"interval\":2}]},{\"key\":\"g\",\"tcp\":{"
    "\"host\":"
    "\"h\"}}]}";

static struct settings *parse(const cJSON *tree)
{
    struct settings_errors errors = {0};
    struct settings *s = settings_parse_tree(tree, &fuzz_meters, &errors, NULL);

    if (s && settings_derive_ids(s, DEVICE, &errors) < 0) {
        settings_free(s);
        s = NULL;
    }
    settings_errors_free(&errors);
    if (s && !s->storage.path && !(s->storage.path = strdup("/var/lib/fluksod")))
        abort();
    return s;
}

static void check_same(const struct settings *a, const struct settings *b)
{
    cJSON *x = settings_tree(a), *y = settings_tree(b);

    if (!cJSON_Compare(x, y, true))
        abort();
    cJSON_Delete(x);
    cJSON_Delete(y);
}

/* The layer over the file is `next`, and nothing of it could be left out. */
static void check_layer(const cJSON *file, const cJSON *layer, const struct settings *next)
{
    cJSON *merged = settings_merge(file, layer, NULL), *least = settings_reduce(file, merged, DEVICE);
    struct settings *again = parse(merged);

    if (!again || !cJSON_Compare(least, layer, true))
        abort();
    check_same(again, next);
    settings_free(again);
    cJSON_Delete(merged);
    cJSON_Delete(least);
}

static void change(const cJSON *file, const cJSON *saved, const struct settings *now, const cJSON *patch)
{
    cJSON *whole = settings_tree(now);
    struct settings_base base = {
        .file = file, .saved = saved, .now = now, .whole = whole, .meters = &fuzz_meters, .board_minor = 2};
    struct settings_errors errors = {0};
    struct settings_change c;
    int result = settings_change_patch(&c, &base, patch, &errors);

    if ((result == 0) != (errors.n == 0))
        abort();
    if (result == 0)
        check_layer(file, c.saved, c.next);
    settings_change_free(&c);
    settings_errors_free(&errors);
    cJSON_Delete(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - data) : size;
    struct settings_errors warnings = {0};
    struct jsonc_error error;
    cJSON *file = jsonc_parse(file_text, sizeof file_text - 1, &error);
    cJSON *saved = jsonc_parse((const char *)data, first, &error);
    cJSON *patch = zero ? jsonc_parse((const char *)zero + 1, size - first - 1, &error) : NULL;
    cJSON *merged = settings_merge(file, saved, &warnings);
    struct settings *now = parse(merged);

    settings_sort(merged);
    cJSON_Delete(settings_reduce(file, merged, DEVICE));
    if (patch)
        cJSON_Delete(settings_compose(file, saved, patch, DEVICE));
    if (now && patch)
        change(file, saved, now, patch);
    settings_free(now);
    settings_errors_free(&warnings);
    cJSON_Delete(merged);
    cJSON_Delete(file);
    cJSON_Delete(saved);
    cJSON_Delete(patch);
    return 0;
}
