/* Fuzzer: a request of the local API. Input: the header X-Version, a line end, the query. What is accepted
 * must hold a callback that may stand in a script. */
#include "fuzz.h"

#include "core/jsonw.h"
#include "core/local_api.h"
#include "core/query.h"
#include "core/window.h"

#include <stdlib.h>
#include <string.h>

static void write_answer(const struct local_api_request *r)
{
    const struct window_pair pair = {.unix_s = 1, .milli = INT64_MIN, .known = true};
    struct jsonw w;

    for (const char *p = r->callback; *p; p++)
        if (*p == '(' || *p == '<' || (unsigned char)*p >= 0x80 || (unsigned char)*p <= ' ')
            abort();
    jsonw_init(&w);
    local_api_write(&w, r, &pair, 1);
    jsonw_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const units[] = {"W", "L/day", "V", NULL};
    struct local_api_request r;
    char error[LOCAL_API_ERROR], small[4];
    char *text = malloc(size + 1); /* exact, so that a byte too far is found */

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    char *line_end = strchr(text, '\n');
    const char *query = line_end ? line_end + 1 : text;
    if (line_end)
        *line_end = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (local_api_check(&r, query, line_end ? text : NULL, units[i], error) == 0)
            write_answer(&r);
    int n = query_decode(query, strlen(query), false, small, sizeof small);
    if (n >= 0 && (size_t)n != strlen(small))
        abort();
    free(text);
    return 0;
}
