#include "core/tic.h"

#include <assert.h>
#include <string.h>

#define STX 0x02
#define ETX 0x03
#define EOT 0x04
#define HT  '\t'

static const struct tic_label historique[] = {
    {"BASE", 9, OBIS_WH},    {"HCHC", 9, OBIS_WH},    {"HCHP", 9, OBIS_WH},    {"EJPHN", 9, OBIS_WH},
    {"EJPHPM", 9, OBIS_WH},  {"BBRHCJB", 9, OBIS_WH}, {"BBRHPJB", 9, OBIS_WH}, {"BBRHCJW", 9, OBIS_WH},
    {"BBRHPJW", 9, OBIS_WH}, {"BBRHCJR", 9, OBIS_WH}, {"BBRHPJR", 9, OBIS_WH}, {"PAPP", 5, OBIS_VA},
    {"IINST", 3, OBIS_A},    {"IINST1", 3, OBIS_A},   {"IINST2", 3, OBIS_A},   {"IINST3", 3, OBIS_A},
};

static const struct tic_label standard[] = {
    {"EAST", 9, OBIS_WH},    {"EASF01", 9, OBIS_WH},  {"EASF02", 9, OBIS_WH}, {"EASF03", 9, OBIS_WH},
    {"EASF04", 9, OBIS_WH},  {"EASF05", 9, OBIS_WH},  {"EASF06", 9, OBIS_WH}, {"EASF07", 9, OBIS_WH},
    {"EASF08", 9, OBIS_WH},  {"EASF09", 9, OBIS_WH},  {"EASF10", 9, OBIS_WH}, {"EASD01", 9, OBIS_WH},
    {"EASD02", 9, OBIS_WH},  {"EASD03", 9, OBIS_WH},  {"EASD04", 9, OBIS_WH}, {"EAIT", 9, OBIS_WH},
    {"ERQ1", 9, OBIS_VARH},  {"ERQ2", 9, OBIS_VARH},  {"ERQ3", 9, OBIS_VARH}, {"ERQ4", 9, OBIS_VARH},
    {"IRMS1", 3, OBIS_A},    {"IRMS2", 3, OBIS_A},    {"IRMS3", 3, OBIS_A},   {"URMS1", 3, OBIS_V},
    {"URMS2", 3, OBIS_V},    {"URMS3", 3, OBIS_V},    {"SINSTS", 5, OBIS_VA}, {"SINSTS1", 5, OBIS_VA},
    {"SINSTS2", 5, OBIS_VA}, {"SINSTS3", 5, OBIS_VA}, {"SINSTI", 5, OBIS_VA},
};

static_assert(ARRAY_LEN(historique) <= TIC_LABELS && ARRAY_LEN(standard) <= TIC_LABELS, "a frame has a bit for each");

const struct tic_label *tic_labels(enum tic_mode mode, size_t *n)
{
    *n = mode == TIC_STANDARD ? ARRAY_LEN(standard) : ARRAY_LEN(historique);
    return mode == TIC_STANDARD ? standard : historique;
}

void tic_reader_init(struct tic_reader *r, enum tic_mode mode)
{
    memset(r, 0, sizeof *r);
    r->mode = mode;
}

static void end_frame(struct tic_reader *r, tic_cb cb, void *ctx)
{
    if (!r->frame.seen)
        return;
    r->frames++;
    cb(ctx, &r->frame);
    r->frame.seen = 0;
}

/* Does the group's last byte say the sum of what is before it? The separator before it counts in standard mode. */
static bool sum_holds(const struct tic_reader *r)
{
    size_t n = r->len - (r->mode == TIC_STANDARD ? 1 : 2);
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (uint8_t)r->group[i];
    return (sum & 0x3f) + 0x20 == (uint8_t)r->group[r->len - 1];
}

static int find_label(const struct tic_reader *r, size_t len)
{
    size_t n;
    const struct tic_label *labels = tic_labels(r->mode, &n);

    for (size_t i = 0; i < n; i++)
        if (strlen(labels[i].name) == len && memcmp(labels[i].name, r->group, len) == 0)
            return (int)i;
    return -1;
}

/* All of text is digits, so many of them. */
static bool take_number(const char *text, size_t len, unsigned digits, int64_t *milli)
{
    int64_t v = 0;

    if (len != digits)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (text[i] - '0');
    }
    *milli = v * 1000;
    return true;
}

static void take_value(struct tic_reader *r, const char *text, size_t len, int label, tic_cb cb, void *ctx)
{
    size_t n;
    const struct tic_label *l = &tic_labels(r->mode, &n)[label];
    int64_t milli;

    if (!take_number(text, len, l->digits, &milli)) {
        r->bad_form++;
        return;
    }
    if (tic_has(&r->frame, (size_t)label)) /* the end of the frame before was lost */
        end_frame(r, cb, ctx);
    r->taken++;
    r->frame.seen |= (uint64_t)1 << label;
    r->frame.milli[label] = milli;
}

/* What stands between two control bytes. */
static void end_group(struct tic_reader *r, tic_cb cb, void *ctx)
{
    char separator = r->mode == TIC_STANDARD ? HT : ' ';
    const char *first, *data;

    if (!r->len)
        return;
    r->too_long += r->overrun;
    if (r->overrun)
        return;
    first = memchr(r->group, separator, r->len);
    data = first ? first + 1 : NULL;
    if (!first || r->len < 4 || r->group[r->len - 2] != separator || data > r->group + r->len - 2) {
        r->bad_form++;
        return;
    }
    if (!sum_holds(r)) {
        r->bad_sum++;
        return;
    }
    int label = find_label(r, (size_t)(first - r->group));
    if (label < 0)
        r->other++;
    else
        take_value(r, data, (size_t)(r->group + r->len - 2 - data), label, cb, ctx);
}

void tic_reader_bytes(struct tic_reader *r, const uint8_t *p, size_t n, tic_cb cb, void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        char c = (char)(p[i] & 0x7f); /* 7E1 read as 8N1 */
        if (c >= ' ' || (c == HT && r->mode == TIC_STANDARD)) {
            r->overrun |= r->len == sizeof r->group;
            if (!r->overrun)
                r->group[r->len++] = c;
            continue;
        }
        end_group(r, cb, ctx);
        r->len = 0;
        r->overrun = false;
        if (c == STX || c == ETX || c == EOT)
            end_frame(r, cb, ctx);
    }
}
