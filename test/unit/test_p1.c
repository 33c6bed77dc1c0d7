/* P1 telegrams: real ones and what index and meter say of them (test/vectors/p1), in pieces, cut, damaged, glued. */
#include "unit.h"

#include "core/p1_reader.h"
#include "core/p1_telegram.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define VECTORS "test/vectors/p1"
#define FILES   64
#define TEXT    4096

static struct file {
    char name[64], text[TEXT], expect[TEXT];
    size_t len;
} files[FILES];
static size_t n_files;

static size_t read_file(const char *name, const char *end, char *out)
{
    char path[200];

    snprintf(path, sizeof path, VECTORS "/%s%s", name, end);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, TEXT - 1, f);
    fclose(f);
    assert_true(n < TEXT - 1);
    out[n] = '\0';
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int load(void **state)
{
    struct dirent *e;

    (void)state;
    DIR *d = opendir(VECTORS);
    while (d && (e = readdir(d))) {
        const char *dot = strrchr(e->d_name, '.');
        if (!dot || strcmp(dot, ".p1") != 0)
            continue;
        struct file *f = &files[n_files++];
        snprintf(f->name, sizeof f->name, "%.*s", (int)(dot - e->d_name), e->d_name);
        f->len = read_file(f->name, ".p1", f->text);
        read_file(f->name, ".expect", f->expect);
    }
    if (d)
        closedir(d);
    qsort(files, n_files, sizeof *files, by_name);
    return n_files > 30 ? 0 : -1;
}

/* What a reader told last, and of how many. */
struct told {
    enum p1_end end;
    struct p1_telegram telegram;
    unsigned n, taken;
};

static void on_telegram(void *ctx, enum p1_end end, const char *text, size_t len)
{
    struct told *t = ctx;

    t->n++;
    t->end = end;
    assert_int_equal(p1_parse(text, len, &t->telegram), 0);
    t->taken += end == P1_GOOD || end == P1_NO_CRC;
}

static struct p1_reader reader;

/* All of it by a new reader in pieces of `step`. */
static struct told read_all(const char *text, size_t len, size_t step)
{
    struct told t = {0};

    p1_reader_init(&reader);
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < step ? len - at : step;
        uint8_t *piece = malloc(n);
        memcpy(piece, text + at, n);
        p1_reader_bytes(&reader, piece, n, on_telegram, &t);
        free(piece);
    }
    return t;
}

static enum obis_unit unit_of(const char *name)
{
    static const char *const names[OBIS_UNITS] = {[OBIS_WH] = "Wh", [OBIS_W] = "W", [OBIS_L] = "L"};

    for (int u = 0; u < OBIS_UNITS; u++)
        if (names[u] && strcmp(names[u], name) == 0)
            return (enum obis_unit)u;
    fail_msg("no unit %s", name);
    return OBIS_PLAIN;
}

static void owes_value(const char *line, const struct p1_telegram *t)
{
    unsigned b, c, d, e;
    long long milli, stamp = 0;
    char unit[8];

    assert_true(sscanf(line, "%u %u.%u.%u %lld %7s %lld", &b, &c, &d, &e, &milli, unit, &stamp) >= 6);
    const struct obis_value *v = p1_value(t, b, c, d, e);
    if (!v)
        fail_msg("%s: %u-%u.%u.%u is missing", t->ident, b, c, d, e);
    assert_int_equal(v->milli, milli);
    assert_int_equal(v->unit, unit_of(unit));
    assert_int_equal(v->stamp_s, stamp);
}

static void owes_line(const struct file *f, const char *line, const struct told *t)
{
    static const char *const devices[P1_DEVICES] = {[P1_NO_DEVICE] = "none", [P1_GAS] = "gas", [P1_WATER] = "water"};
    unsigned channel;
    char word[16];

    if (strncmp(line, "end ", 4) == 0) {
        if (strcmp(line + 4, p1_end_name(t->end)) != 0)
            fail_msg("%s: %s", f->name, p1_end_name(t->end));
    } else if (strncmp(line, "time ", 5) == 0) {
        assert_int_equal(t->telegram.unix_s, strtoll(line + 5, NULL, 10));
    } else if (strncmp(line, "value ", 6) == 0) {
        owes_value(line + 6, &t->telegram);
    } else if (sscanf(line, "dead %u", &channel) == 1) {
        for (size_t i = 0; i < t->telegram.n; i++)
            assert_false(t->telegram.values[i].a == 0 && t->telegram.values[i].b == channel);
        assert_true(t->telegram.dead > 0);
    } else {
        assert_int_equal(sscanf(line, "device %u %15s", &channel, word), 2);
        assert_string_equal(devices[t->telegram.channel[channel].device], word);
    }
}

static void owes_all(const struct file *f, const struct told *t)
{
    char text[TEXT], *save = NULL;

    assert_int_equal(t->n, 1);
    memcpy(text, f->expect, sizeof text);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        owes_line(f, line, t);
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_files; i++) {
        struct told t = read_all(files[i].text, files[i].len, files[i].len);
        owes_all(&files[i], &t);
    }
}

static void test_pieces(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < n_files; i++) {
        struct told t = read_all(files[i].text, files[i].len, 1);
        owes_all(&files[i], &t);
        for (int turn = 0; turn < 5; turn++) {
            seed = seed * 1664525 + 1013904223;
            t = read_all(files[i].text, files[i].len, 1 + (seed >> 16) % 300);
            owes_all(&files[i], &t);
        }
    }
}

/* A meter with the parity bit in bit 7, and a server that made LF of CR LF. */
static void test_parity_and_line_ends(void **state)
{
    static char text[TEXT];
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < n_files; i++) {
        for (size_t k = 0; k < files[i].len; k++)
            text[k] = (char)(files[i].text[k] | (__builtin_parity((unsigned)files[i].text[k]) ? 0x80 : 0));
        struct told t = read_all(text, files[i].len, 100);
        owes_all(&files[i], &t);
        n = 0;
        for (size_t k = 0; k < files[i].len; k++)
            if (files[i].text[k] != '\r')
                text[n++] = files[i].text[k];
        t = read_all(text, n, 100);
        if (strncmp(files[i].expect, "end ok", 6) == 0)
            owes_all(&files[i], &t);
    }
}

static bool has_crc(const struct file *f)
{
    return strncmp(f->expect, "end ok\n", 7) == 0;
}

/* pitfall 13: what is cut or damaged gives no value, and the next one is whole again. */
static void test_prefixes(void **state)
{
    static char text[2 * TEXT];

    (void)state;
    for (size_t i = 0; i < n_files; i++) {
        for (size_t n = 1; has_crc(&files[i]) && n < files[i].len - 1; n++) {
            memcpy(text, files[i].text, n);
            assert_int_equal(read_all(text, n, n).taken, 0);
            memcpy(text + n, files[i].text, files[i].len);
            struct told t = read_all(text, n + files[i].len, 512);
            assert_int_equal(t.taken, 1);
            t.n = 1;
            owes_all(&files[i], &t);
        }
    }
}

/* Any one byte into anything: either refused, or just as right as before (line ends, bit 7, a CRC that became none). */
static void test_single_bytes(void **state)
{
    static char text[TEXT];
    unsigned done = 0;

    (void)state;
    for (size_t i = 0; i < n_files && done < 10; i++) {
        if (!has_crc(&files[i]))
            continue;
        done++;
        for (size_t at = 0; at < files[i].len; at++) {
            for (unsigned k = 1; k < 256; k += at % 16 ? 37 : 1) {
                memcpy(text, files[i].text, files[i].len);
                text[at] = (char)((uint8_t)text[at] ^ k);
                struct told t = read_all(text, files[i].len, files[i].len);
                if (!t.taken)
                    continue;
                assert_int_equal(t.taken, 1);
                t.n = 1;
                t.end = P1_GOOD;
                owes_all(&files[i], &t);
            }
        }
    }
    assert_int_equal(done, 10);
}

/* The reader slept, and the end of one and the start of the next are gone. */
static void test_glued(void **state)
{
    static char text[3 * TEXT];

    (void)state;
    for (size_t i = 0; i + 1 < n_files; i++) {
        const struct file *a = &files[i], *b = &files[i + 1];
        if (!has_crc(a) || !has_crc(b))
            continue;
        for (size_t cut = 20; cut < a->len; cut += 13) {
            memcpy(text, a->text, cut);
            memcpy(text + cut, b->text, b->len);
            struct told t = read_all(text, cut + b->len, 64);
            assert_int_equal(t.taken, 1);
            t.n = 1;
            owes_all(b, &t);
        }
    }
}

static void test_without_crc_after_one_with(void **state)
{
    static const char bare[] = "/KMP5 ZABF001587315111\r\n\r\n1-0:1.8.1(00185.000*kWh)\r\n!\r\n";
    struct told t = {0};

    (void)state;
    p1_reader_init(&reader);
    p1_reader_bytes(&reader, (const uint8_t *)bare, sizeof bare - 1, on_telegram, &t);
    assert_int_equal(t.end, P1_NO_CRC);
    for (size_t i = 0; i < n_files; i++)
        if (has_crc(&files[i]))
            p1_reader_bytes(&reader, (const uint8_t *)files[i].text, files[i].len, on_telegram, &t);
    p1_reader_bytes(&reader, (const uint8_t *)bare, sizeof bare - 1, on_telegram, &t);
    assert_int_equal(t.end, P1_BAD_CRC);
}

static void test_too_long(void **state)
{
    static char text[3 * P1_TELEGRAM_MAX];
    size_t n = 0;
    struct told t;

    (void)state;
    n = (size_t)sprintf(text, "/XYZ5 long\r\n\r\n0-0:96.13.0(");
    memset(text + n, '3', P1_LINE_MAX);
    n += P1_LINE_MAX;
    memcpy(text + n, files[0].text, files[0].len);
    t = read_all(text, n + files[0].len, 700);
    assert_int_equal(reader.ends[P1_TOO_LONG], 1);
    assert_int_equal(t.n, 2);
    t.n = 1;
    owes_all(&files[0], &t);
    memset(text, '/', sizeof text); /* nothing but starts */
    t = read_all(text, sizeof text, 999);
    assert_int_equal(t.taken, 0);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t milli; /* -1: none */
        enum obis_unit unit;
    } t[] = {
        {"000134904*Wh", 134904000, OBIS_WH},
        {"001247.747kWh", 1247747000, OBIS_WH},
        {"00.351*kW", 351000, OBIS_W},
        {"0012.5*GJ", 3472222222, OBIS_WH},
        {"00001.001", 1001, OBIS_PLAIN},
        {"032942.0231*kWh", 32942023100, OBIS_WH},
        {"00052185.7825309*kWh", 52185782531, OBIS_WH},
        {"1.", -1, 0},
        {".5", -1, 0},
        {"", -1, 0},
        {"-1*kW", -1, 0},
        {"1.2.3", -1, 0},
        {"12*km", -1, 0},
        {"1234567890123456", -1, 0},
        {"999999999999999*MWh", INT64_MAX, OBIS_WH},
    };
    struct obis_value v = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(t); i++) {
        int result = obis_number(t[i].text, strlen(t[i].text), &v);
        assert_int_equal(result, t[i].milli < 0 || t[i].milli == INT64_MAX ? -1 : 0);
        if (result == 0) {
            assert_int_equal(v.milli, t[i].milli);
            assert_int_equal(v.unit, t[i].unit);
        }
    }
}

/* Noise full of starts, with an end: a second of it at 115200 baud takes no second. */
static void test_many_starts(void **state)
{
    static char text[P1_TELEGRAM_MAX - 16];
    size_t n = 0;

    (void)state;
    n += (size_t)sprintf(text, "/x\r\n");
    for (; n < sizeof text - 8; n++)
        text[n] = n % 1000 ? '/' : '\n';
    n += (size_t)sprintf(text + n, "\n!0BAD\n");
    /* a start of a line is one of its own: there is none in this */
    for (size_t i = 5; i < n; i++)
        if (text[i] == '/' && text[i - 1] == '\n')
            text[i] = 'x';
    clock_t before = clock();
    for (int i = 0; i < 10; i++) {
        struct told t = read_all(text, n, n);
        assert_int_equal(t.taken, 0);
        assert_int_equal(reader.ends[P1_BAD_CRC], 1);
    }
    assert_true(clock() - before < CLOCKS_PER_SEC);
}

/* The hour that comes twice: S first, W an hour later. A stamp of 2.2 without either is none. */
static void test_stamps(void **state)
{
    (void)state;
    assert_int_equal(obis_stamp("161030023000S", 13), 1477787400);
    assert_int_equal(obis_stamp("161030023000W", 13), 1477787400 + 3600);
    assert_int_equal(obis_stamp("200229120000w", 13), 1582974000);
    assert_int_equal(obis_stamp("000101010000W", 13), 946684800);
    static const char *const none[] = {
        "700101010000W", "630101000000W", "190229120000W", "250000000000W", "123412341234W",
        "632525252525S", "120517020000",  "161030023000X", "1610300230-0S", ""};
    for (size_t i = 0; i < ARRAY_LEN(none); i++)
        assert_int_equal(obis_stamp(none[i], strlen(none[i])), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_parity_and_line_ends),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_single_bytes),
        cmocka_unit_test(test_glued),
        cmocka_unit_test(test_without_crc_after_one_with),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_many_starts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_stamps),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
