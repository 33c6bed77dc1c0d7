#include "core/line_decode.h"

#include "core/d0_reader.h"
#include "core/p1_reader.h"
#include "core/p1_telegram.h"
#include "core/tic.h"
#include "core/util.h"

#include <assert.h>
#include <string.h>

#define ENERGY   8 /* d of a counter's OBIS code */
#define TARIFF_1 1
#define TARIFF_4 4
#define STX      0x02

/* ---- values ---- */

static void add(struct line_values *out, int code, enum reading_kind kind, int64_t milli, int64_t stamp_s)
{
    if (code >= 0 && out->n < LINE_VALUES)
        out->v[out->n++] = (struct line_value){(uint8_t)code, (uint8_t)kind, milli, stamp_s};
}

static const struct line_value *find(const struct line_values *v, int code, enum reading_kind kind)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->v[i].code == code && v->v[i].kind == kind)
            return &v->v[i];
    return NULL;
}

/* Values of an electricity meter, and of a heat meter by D0. One that says no unit where one belongs says nothing;
 * returns how many say another one. */
static unsigned add_obis(struct line_values *out, enum line_protocol p, const struct obis_value *v, size_t n)
{
    enum reading_kind kind;
    unsigned bad = 0;

    for (size_t i = 0; i < n; i++) {
        int code = p == LINE_P1 && v[i].a == 0 ? -1 : line_code_obis(p, v[i].c, v[i].d, v[i].e, &kind);
        if (code < 0 || find(out, code, kind))
            continue;
        if (v[i].unit == line_code_unit((size_t)code, kind))
            add(out, code, kind, v[i].milli, v[i].stamp_s);
        else
            bad += v[i].unit != OBIS_PLAIN;
    }
    return bad;
}

/* ---- what is put together ---- */

/* Which of the values that sums and differences are made of a telegram has: to compare it with the one before. */
typedef uint16_t parts;

/* Sum of the tariffs of 1.8 or 2.8. False: there are none. */
static bool sum_tariffs(const struct line_values *v, uint8_t c, int64_t *sum)
{
    bool any = false;

    *sum = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct line_code *x = &line_codes[v->v[i].code];
        if (v->v[i].kind != READING_COUNTER || x->obis[READING_COUNTER].c != c ||
            x->obis[READING_COUNTER].d != ENERGY || x->obis[READING_COUNTER].e < TARIFF_1 ||
            x->obis[READING_COUNTER].e > TARIFF_4)
            continue;
        any = true;
        *sum += v->v[i].milli;
    }
    return any;
}

static parts parts_of(const struct line_values *v)
{
    parts p = 0;

    for (size_t i = 0; i < v->n; i++) {
        const struct line_code *x = &line_codes[v->v[i].code];
        unsigned c = x->obis[v->v[i].kind].c, e = x->obis[v->v[i].kind].e;
        if (c != 1 && c != 2)
            continue;
        if (v->v[i].kind == READING_COUNTER && e <= TARIFF_4)
            p |= (parts)(1u << (5 * (c - 1) + e));
        else if (v->v[i].kind == READING_GAUGE && x->obis[READING_GAUGE].d == 7)
            p |= (parts)(1u << (10 + c));
    }
    return p;
}

static void add_total(struct line_values *v, int code, uint8_t c)
{
    int64_t sum;

    if (!find(v, code, READING_COUNTER) && sum_tariffs(v, c, &sum))
        add(v, code, READING_COUNTER, sum, 0);
}

/* What comes in less what goes out; a meter that has neither may tell the sum with its sign. */
static void add_net(struct line_values *v, enum line_protocol p)
{
    const struct line_value *in = find(v, LINE_IMPORT, READING_GAUGE), *out = find(v, LINE_EXPORT, READING_GAUGE);
    const struct line_value *both = find(v, line_code_find(p, "16.7.0"), READING_GAUGE);

    if (in || out)
        add(v, LINE_NET, READING_GAUGE, (in ? in->milli : 0) - (out ? out->milli : 0), 0);
    else if (both)
        add(v, LINE_NET, READING_GAUGE, both->milli, 0);
    in = find(v, LINE_IMPORT, READING_COUNTER);
    out = find(v, LINE_EXPORT, READING_COUNTER);
    if (in)
        add(v, LINE_NET, READING_COUNTER, in->milli - (out ? out->milli : 0), 0);
}

static void put_together(struct line_values *v, enum line_protocol p, parts *before)
{
    parts now = parts_of(v);
    bool steady = v->checked || now == *before;

    *before = now;
    if (!steady)
        return;
    add_total(v, LINE_IMPORT, 1);
    add_total(v, LINE_EXPORT, 2);
    add_net(v, p);
}

/* ---- P1 ---- */

/* Two devices of a kind: one that is away keeps its place among them for so long. A meter that was changed has another
 * channel, and never told anything beside the one before. */
#define PLACE_TELEGRAMS 3600

struct p1_line {
    struct p1_reader reader;
    parts before;
    struct {
        uint8_t device; /* enum p1_device */
        unsigned left;  /* telegrams for which it keeps its place; 0: it was alone */
    } place[P1_CHANNELS];
    line_decode_cb cb;
    void *ctx;
};

static void p1_init(void *self)
{
    struct p1_line *x = self;

    *x = (struct p1_line){.cb = NULL};
    p1_reader_init(&x->reader);
}

/* What the device on a channel says of its counter; NULL: nothing. */
static const struct obis_value *p1_counter(const struct p1_telegram *t, uint8_t channel)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct obis_value *v = &t->values[i];
        if (v->a == 0 && v->b == channel && v->c == 24 && (v->d == 2 || v->d == 3))
            return v;
    }
    return NULL;
}

static void add_devices(struct p1_line *x, struct line_values *out, const struct p1_telegram *t)
{
    const struct obis_value *v[P1_CHANNELS];
    unsigned live[P1_DEVICES] = {0}, nth[P1_DEVICES] = {0};

    for (uint8_t b = 1; b < P1_CHANNELS; b++) {
        v[b] = p1_counter(t, b);
        live[t->channel[b].device] += v[b] != NULL;
    }
    for (uint8_t b = 1; b < P1_CHANNELS; b++) {
        uint8_t device = t->channel[b].device;
        if (!v[b]) {
            nth[x->place[b].device] += x->place[b].left > 0;
            x->place[b].left -= x->place[b].left > 0;
            continue;
        }
        if (live[device] > 1 || x->place[b].device != device)
            x->place[b].left = live[device] > 1 ? PLACE_TELEGRAMS : 0;
        x->place[b].device = device;
        int code = line_code_device((enum p1_device)device, ++nth[device]);
        if (code >= 0 && v[b]->unit == line_code_unit((size_t)code, READING_COUNTER))
            add(out, code, READING_COUNTER, v[b]->milli, v[b]->stamp_s);
    }
}

/* Where the text ends with what stands behind "!", which the reader still has. */
static size_t with_crc(const struct p1_reader *r, const char *text, size_t len)
{
    const char *end = r->text + r->len;

    return text[len - 1] == '!' && end > text + len ? (size_t)(end - text) : len;
}

static void on_p1(void *ctx, enum p1_end end, const char *text, size_t len)
{
    static const enum line_refused why[P1_ENDS] = {
        [P1_BAD_CRC] = LINE_REFUSED_CRC, [P1_CUT] = LINE_REFUSED_CUT, [P1_TOO_LONG] = LINE_REFUSED_TOO_LONG};
    struct p1_line *x = ctx;
    struct line_telegram told = {.why = why[end], .ident = "", .text = text};
    struct line_values values = {.checked = end == P1_GOOD};
    struct p1_telegram t;

    told.len = with_crc(&x->reader, text, len);
    if (end != P1_GOOD && end != P1_NO_CRC) {
        x->cb(x->ctx, &told);
        return;
    }
    told.why = LINE_REFUSED_FORM;
    if (p1_parse(text, len, &t) == 0) {
        values.unix_s = t.unix_s;
        told.bad = t.bad_lines + add_obis(&values, LINE_P1, t.values, t.n);
        add_devices(x, &values, &t);
        put_together(&values, LINE_P1, &x->before);
        told.good = true;
        told.values = &values;
        told.ident = t.ident;
    }
    x->cb(x->ctx, &told);
}

static void p1_bytes(void *self, const uint8_t *p, size_t n, line_decode_cb cb, void *ctx)
{
    struct p1_line *x = self;

    x->cb = cb;
    x->ctx = ctx;
    p1_reader_bytes(&x->reader, p, n, on_p1, x);
}

/* ---- D0 ---- */

struct d0_line {
    struct d0_reader reader;
    parts before;
    line_decode_cb cb;
    void *ctx;
};

static void d0_init(void *self)
{
    struct d0_line *x = self;

    *x = (struct d0_line){.cb = NULL};
    d0_reader_init(&x->reader);
}

static void on_d0(void *ctx, enum d0_end end, const struct d0_telegram *t)
{
    static const enum line_refused why[D0_ENDS] = {
        [D0_BAD_BCC] = LINE_REFUSED_CRC, [D0_CUT] = LINE_REFUSED_CUT, [D0_TOO_LONG] = LINE_REFUSED_TOO_LONG};
    struct d0_line *x = ctx;
    struct line_telegram told = {.why = why[end], .ident = "", .text = x->reader.text, .len = x->reader.told};
    struct line_values values = {.checked = end == D0_GOOD};

    if (t) {
        told.bad = t->bad + add_obis(&values, LINE_D0, t->values, t->n);
        put_together(&values, LINE_D0, &x->before);
        told.good = true;
        told.values = &values;
        told.ident = t->ident;
    }
    x->cb(x->ctx, &told);
}

static void d0_bytes(void *self, const uint8_t *p, size_t n, line_decode_cb cb, void *ctx)
{
    struct d0_line *x = self;

    x->cb = cb;
    x->ctx = ctx;
    d0_reader_bytes(&x->reader, p, n, on_d0, x);
}

static void d0_pause(void *self, line_decode_cb cb, void *ctx)
{
    struct d0_line *x = self;

    x->cb = cb;
    x->ctx = ctx;
    d0_reader_pause(&x->reader, on_d0, x);
}

/* ---- TIC ---- */

struct tic_line {
    struct tic_reader reader;
    char text[LINE_TEXT]; /* of the frame so far, line ends for control bytes */
    size_t len, group;    /* group: where the running one begins */
    bool begun;           /* a control byte came: what follows is whole */
    line_decode_cb cb;
    void *ctx;
};

static void tic_init_mode(struct tic_line *x, enum tic_mode mode)
{
    *x = (struct tic_line){.cb = NULL};
    tic_reader_init(&x->reader, mode);
}

static void tic_init(void *self)
{
    tic_init_mode(self, TIC_STANDARD);
}

static void tic_init_historique(void *self)
{
    tic_init_mode(self, TIC_HISTORIQUE);
}

/* A contract of historique has one of these sets of counters, always the whole of it. */
static const char *const contracts[][6] = {
    {"BASE"},
    {"HCHC", "HCHP"},
    {"EJPHN", "EJPHPM"},
    {"BBRHCJB", "BBRHPJB", "BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR"},
};

/* The sum of one contract's counters, when the frame has all of them. */
static bool sum_contract(const struct line_values *v, const char *const labels[6], int64_t *sum)
{
    enum reading_kind kind;

    *sum = 0;
    for (size_t i = 0; i < 6 && labels[i]; i++) {
        const struct line_value *x = find(v, line_code_label(LINE_TIC_HISTORIQUE, labels[i], &kind), READING_COUNTER);
        if (!x)
            return false;
        *sum += x->milli;
    }
    return true;
}

static void add_contract(struct line_values *v)
{
    int64_t sum;

    for (size_t i = 0; i < ARRAY_LEN(contracts); i++)
        if (sum_contract(v, contracts[i], &sum)) {
            add(v, LINE_TIC_IMPORT, READING_COUNTER, sum, 0);
            return;
        }
}

static void on_tic(void *ctx, const struct tic_frame *f)
{
    struct tic_line *x = ctx;
    struct line_values values = {.n = 0};
    const struct line_telegram told = {.good = true, .values = &values, .ident = "", .text = x->text, .len = x->len};
    const enum line_protocol p = x->reader.mode == TIC_STANDARD ? LINE_TIC : LINE_TIC_HISTORIQUE;
    enum reading_kind kind;
    size_t n;
    const struct tic_label *labels = tic_labels(x->reader.mode, &n);

    for (size_t i = 0; i < n; i++) {
        int code = tic_has(f, i) ? line_code_label(p, labels[i].name, &kind) : -1;
        if (code >= 0 && !find(&values, code, kind))
            add(&values, code, kind, f->milli[i], 0);
    }
    if (p == LINE_TIC_HISTORIQUE)
        add_contract(&values);
    x->cb(x->ctx, &told);
    x->len = x->group = 0;
}

/* Keep the text, each control byte but HT as one line end. */
static void tic_keep(struct tic_line *x, char c)
{
    const bool control = c < ' ' && c != '\t';

    if (c == STX || x->len == sizeof x->text)
        x->len = x->group = 0;
    if (control && (!x->len || x->text[x->len - 1] == '\n'))
        return;
    x->text[x->len++] = control ? '\n' : c;
}

/* Why the group that has just ended was refused; LINE_REFUSED_KINDS: it was not. */
static enum line_refused tic_refused(const struct tic_reader *r, uint64_t sums, uint64_t forms, uint64_t long_ones)
{
    if (r->bad_sum != sums)
        return LINE_REFUSED_CRC;
    if (r->bad_form != forms)
        return LINE_REFUSED_FORM;
    return r->too_long != long_ones ? LINE_REFUSED_TOO_LONG : LINE_REFUSED_KINDS;
}

static void tic_byte(struct tic_line *x, uint8_t byte)
{
    const uint64_t sums = x->reader.bad_sum, forms = x->reader.bad_form, long_ones = x->reader.too_long;
    const char c = (char)(byte & 0x7f);
    const bool control = c < ' ' && c != '\t';
    struct line_telegram told = {.ident = "", .text = x->text + x->group, .len = x->len - x->group};

    if (!control)
        tic_keep(x, c);
    tic_reader_bytes(&x->reader, &byte, 1, on_tic, x);
    if (!control)
        return;
    told.why = tic_refused(&x->reader, sums, forms, long_ones);
    if (told.why != LINE_REFUSED_KINDS && x->begun) /* its text stands there also behind a frame's end */
        x->cb(x->ctx, &told);
    x->begun = true;
    tic_keep(x, c);
    x->group = x->len;
}

static void tic_bytes(void *self, const uint8_t *p, size_t n, line_decode_cb cb, void *ctx)
{
    struct tic_line *x = self;

    x->cb = cb;
    x->ctx = ctx;
    for (size_t i = 0; i < n; i++)
        tic_byte(x, p[i]);
}

/* ---- all ---- */

static void no_pause(void *self, line_decode_cb cb, void *ctx)
{
    (void)self, (void)cb, (void)ctx; /* the next telegram tells that the one before was cut */
}

const struct line_decoder *line_decoder(enum line_protocol p)
{
    static const struct line_decoder decoders[LINE_PROTOCOLS] = {
        [LINE_P1] = {sizeof(struct p1_line), p1_init, p1_bytes, no_pause},
        [LINE_D0] = {sizeof(struct d0_line), d0_init, d0_bytes, d0_pause},
        [LINE_TIC] = {sizeof(struct tic_line), tic_init, tic_bytes, no_pause},
        [LINE_TIC_HISTORIQUE] = {sizeof(struct tic_line), tic_init_historique, tic_bytes, no_pause},
    };

    return &decoders[p];
}

const char *line_refused_name(enum line_refused r)
{
    static const char *const names[] = {
        [LINE_REFUSED_CRC] = "crc",   [LINE_REFUSED_CUT] = "cut",     [LINE_REFUSED_TOO_LONG] = "too_long",
        [LINE_REFUSED_FORM] = "form", [LINE_REFUSED_RANGE] = "range", [LINE_REFUSED_RATE] = "rate"};

    static_assert(ARRAY_LEN(names) == LINE_REFUSED_KINDS, "each has a name");
    return names[r];
}

const char *line_refused_words(enum line_refused r)
{
    static const char *const words[] = {[LINE_REFUSED_CRC] = "its check is wrong",
                                        [LINE_REFUSED_CUT] = "it is cut: the next one began, or silence came",
                                        [LINE_REFUSED_TOO_LONG] = "it is longer than any meter's",
                                        [LINE_REFUSED_FORM] = "it cannot be read",
                                        [LINE_REFUSED_RANGE] = "it is beyond what its connection can have",
                                        [LINE_REFUSED_RATE] = "it does not go on from the last"};

    static_assert(ARRAY_LEN(words) == LINE_REFUSED_KINDS, "each has words");
    return words[r];
}
