/* Every exchange that was captured from the published firmware, through codec and conversation, byte for byte:
 * test/vectors/flm02.tsv (hardware, setup, sent, received). */
#include "unit.h"

#include "core/crc8.h"
#include "core/flm02_conv.h"
#include "core/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "test/vectors/flm02.tsv"

struct row {
    char hardware[8], setup[16], sent[64], received[256];
};

static struct row rows[200];
static int n_rows;

static int load(void **state)
{
    FILE *f = fopen(VECTORS, "r");
    char line[512];

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        struct row *r = &rows[n_rows];
        if (line[0] != '#' &&
            sscanf(line, "%7[^\t]\t%15[^\t]\t%63[^\t]\t%255[^\t\n]", r->hardware, r->setup, r->sent, r->received) == 4)
            n_rows++;
    }
    fclose(f);
    assert_true(n_rows >= 60);
    return 0;
}

/* Is text, from its 'l' to its '.', a message with a right CRC? Judged by this test's own eyes. */
static bool well_formed(const char *text)
{
    size_t n = strcspn(text, ".");
    char crc[3];

    if (text[0] != 'l' || text[n] != '.' || n < 5)
        return false;
    snprintf(crc, sizeof crc, "%02x", crc8(text + 1, n - 3));
    return memcmp(text + n - 2, crc, 2) == 0;
}

static void requests_are_written_byte_for_byte(void **state)
{
    int seen = 0;

    (void)state;
    for (int i = 0; i < n_rows; i++) {
        char out[FLM02_REQUEST_MAX];
        const char *q = rows[i].sent;
        size_t n = strlen(q);
        if (!well_formed(q) || q[n - 1] != '.' || strchr(q, '|'))
            continue;
        assert_int_equal(flm02_write(out, q + 1, q + 3, n - 6), n);
        assert_memory_equal(out, q, n);
        seen++;
    }
    assert_true(seen >= 50);
}

/* Write what was read again: the reply's text must come out. */
static void replies_are_read_byte_for_byte(void **state)
{
    int messages = 0, nothings = 0;

    (void)state;
    for (int i = 0; i < n_rows; i++) {
        const char *text = rows[i].received, *p = text, *end = text + strlen(text);
        char again[300] = "";
        size_t n = 0;
        struct flm02_reader r;
        flm02_reader_init(&r);
        for (enum flm02_event e; (e = flm02_read(&r, &p, end)) != FLM02_MORE;) {
            if (e == FLM02_MESSAGE) {
                n = (size_t)snprintf(again, sizeof again, "l%.2s%.*s%02x.u", r.letters, (int)r.n_args, r.args,
                                     crc8(r.letters, 2 + r.n_args));
                messages++;
            } else if (e == FLM02_NOTHING) {
                n = (size_t)snprintf(again, sizeof again, "lu");
                nothings++;
            } else if (e == FLM02_UART) {
                n = (size_t)(num_put_hex(again + n, r.uart, 2) - again);
            }
        }
        if (well_formed(text) || strncmp(text, "lu", 2) == 0)
            assert_string_equal(again, text);
        else
            assert_int_equal(r.refused[FLM02_BAD_CRC] + r.refused[FLM02_NOISE] > 0, 1);
        again[0] = '\0';
    }
    assert_true(messages >= 55 && nothings >= 4);
}

/* ---- through the conversation ---- */

static char sent[FLM02_REQUEST_MAX + 1];
static char records_text[160];

static void on_send(void *ctx, const char *bytes, size_t n)
{
    (void)ctx;
    memcpy(sent, bytes, n);
    sent[n] = '\0';
}

/* Records back into hex. */
static void on_records(void *ctx, const struct flm02_record *r, int n)
{
    const struct flm02_conv *c = ctx;
    char *p = records_text;

    for (int i = 0; i < n; i++) {
        p = num_put_hex(num_put_hex(p, r[i].id, 2), r[i].counter, 8);
        if (c->minor >= 1)
            p = num_put_hex(p, r[i].milli, 4);
        p = num_put_hex(p, r[i].extra, 8);
    }
    *p = '\0';
}

static void on_uart(void *ctx, const uint8_t *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
}

static void on_state(void *ctx, enum flm02_state from, enum flm02_state to, const char *reason)
{
    (void)ctx, (void)from, (void)to, (void)reason;
}

static void on_enabled(void *ctx, unsigned id)
{
    (void)ctx, (void)id;
}

static const struct flm02_callbacks callbacks = {on_send, on_records, on_uart, on_state, on_enabled};

/* A conversation that is about to send this row's request and nothing else. */
static void about_to_send(struct flm02_conv *c, const struct row *r)
{
    const char *q = r->sent;

    flm02_conv_init(c, &callbacks, c);
    c->minor = (unsigned)(r->hardware[2] - '0');
    c->state = memcmp(q + 1, "gd", 2) == 0 ? FLM02_POLL : q[1] == 'g' ? FLM02_READBACK : FLM02_WRITE;
    if (memcmp(q + 1, "gh", 2) == 0) {
        flm02_conv_line_up(c, 0);
    } else if (c->state == FLM02_POLL) {
        flm02_conv_poll(c, 0);
    } else {
        memcpy(c->script[0].letters, q + 1, 2);
        c->script[0].n_args = (uint8_t)(strlen(q) - 6);
        memcpy(c->script[0].args, q + 3, c->script[0].n_args);
        c->n_script = 1;
        c->deadline_ms = 0;
        flm02_conv_tick(c, 0);
    }
}

/* What the daemon says at all: the read-back's and the script's commands, whole. */
static bool is_ours(const char *q)
{
    static const struct {
        char letters[3];
        size_t args;
    } ours[] = {{"gh", 0}, {"gd", 0}, {"gp", 0}, {"ge", 2}, {"gm", 2}, {"gf", 2},  {"gk", 0}, {"gi", 0},
                {"gw", 0}, {"gb", 0}, {"se", 4}, {"sm", 6}, {"sf", 6}, {"sp", 12}, {"sk", 6}, {"ct", 0}};
    size_t n = strlen(q);

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (memcmp(q + 1, ours[i].letters, 2) == 0 && n == ours[i].args + 6)
            return true;
    return false;
}

static void exchanges_pass_through_the_conversation(void **state)
{
    int taken = 0, refused = 0;

    (void)state;
    for (int i = 0; i < n_rows; i++) {
        const struct row *r = &rows[i];
        struct flm02_conv c;
        size_t n = strlen(r->sent);
        if (!well_formed(r->sent) || r->sent[n - 1] != '.' || strchr(r->sent, '|') || !is_ours(r->sent))
            continue;
        records_text[0] = '\0';
        about_to_send(&c, r);
        assert_string_equal(sent, r->sent);
        flm02_conv_bytes(&c, r->received, strlen(r->received), 5);
        /* an echo without arguments (T9, T10), another case of a set's letters or a bad CRC is no answer */
        bool answered = well_formed(r->received) && strlen(r->received) - 1 > n - (r->sent[1] == 'g') &&
                        memcmp(r->sent, r->received, n - 3) == 0;
        if (r->sent[1] == 's' || memcmp(r->sent, "lct", 3) == 0)
            answered = memcmp(r->sent, r->received, n) == 0;
        if (memcmp(r->sent, "lgd", 3) == 0)
            answered = well_formed(r->received);
        assert_int_equal(c.replies, answered);
        if (answered && memcmp(r->sent, "lgd", 3) == 0)
            assert_memory_equal(records_text, r->received + 3, strcspn(r->received, ".") - 5);
        taken += answered;
        refused += !answered;
    }
    assert_int_equal(taken, 39);
    assert_int_equal(refused, 6); /* T8b, T9's sf, T10's ge, se, sp, sm */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written_byte_for_byte),
        cmocka_unit_test(replies_are_read_byte_for_byte),
        cmocka_unit_test(exchanges_pass_through_the_conversation),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
