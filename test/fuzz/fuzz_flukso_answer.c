/* Fuzzer: an answer of the Flukso server or of InfluxDB. Input: status, WWW-Authenticate and Retry-After, a line each,
 * then the body. Whatever came, the text is one line of valid UTF-8 that shows, and the numbers are in range. */
#include "fuzz.h"

#include "core/flukso_answer.h"
#include "core/flukso_body.h"
#include "core/influx_line.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Take a line off the input: a terminated copy of exactly its size. */
static char *take_line(const char **p, const char *end)
{
    const char *line_end = *p < end ? memchr(*p, '\n', (size_t)(end - *p)) : NULL;
    size_t n = (size_t)((line_end ? line_end : end) - *p);
    char *copy = malloc(n + 1);

    if (!copy)
        abort();
    if (n)
        memcpy(copy, *p, n);
    copy[n] = '\0';
    *p = line_end ? line_end + 1 : end;
    return copy;
}

static void check(const struct answer *a, int status)
{
    size_t n = strnlen(a->text, sizeof a->text), step;
    const char *end = a->text + n;
    uint32_t c;

    if (n == sizeof a->text || a->kind >= ANSWER_KINDS || (a->kind == ANSWER_OK) != (n == 0))
        abort();
    for (const char *p = a->text; p < end; p += step)
        if ((step = utf8_next(p, end, &c)) == 0 || c < ' ' || (c >= 0x7f && c < 0xa0))
            abort();
    if (a->last_s < 0 || a->retry_after_s < 0 || a->retry_after_s > ANSWER_RETRY_MAX)
        abort();
    if (a->kind == ANSWER_OK && (status < 200 || status > 299))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    char *status = take_line(&p, end), *authenticate = take_line(&p, end), *retry = take_line(&p, end);
    int64_t upgrade, timestamp;
    struct answer_in in = {.status = (int)strtol(status, NULL, 10),
                           .authenticate = authenticate,
                           .retry_after = retry,
                           .failure = authenticate,
                           .body = p,
                           .len = (size_t)(end - p),
                           .now_s = 1795441058};
    struct answer a;

    flukso_answer_sensor(&a, &in);
    check(&a, in.status);
    flukso_answer_device(&a, &in);
    check(&a, in.status);
    influx_answer(&a, &in);
    check(&a, in.status);
    if (flukso_reply_heartbeat(in.body, in.len, &upgrade, &timestamp) == 0 && (upgrade < 0 || timestamp <= 0))
        abort();
    free(status);
    free(authenticate);
    free(retry);
    return 0;
}
