#include "core/fold.h"

#include "core/settings.h"
#include "core/utf8.h"
#include "core/util.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* U+00C0 to U+017F: Latin-1 and Latin Extended-A. */
static const char latin[][3] = {
    "A", "A", "A",  "A",  "A", "A", "AE", "C", "E", "E", "E", "E", "I", "I", "I",  "I",  /* c0 */
    "D", "N", "O",  "O",  "O", "O", "O",  "_", "O", "U", "U", "U", "U", "Y", "Th", "ss", /* d0 */
    "a", "a", "a",  "a",  "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",  /* e0 */
    "d", "n", "o",  "o",  "o", "o", "o",  "_", "o", "u", "u", "u", "u", "y", "th", "y",  /* f0 */
    "A", "a", "A",  "a",  "A", "a", "C",  "c", "C", "c", "C", "c", "C", "c", "D",  "d",  /* 100 */
    "D", "d", "E",  "e",  "E", "e", "E",  "e", "E", "e", "E", "e", "G", "g", "G",  "g",  /* 110 */
    "G", "g", "G",  "g",  "H", "h", "H",  "h", "I", "i", "I", "i", "I", "i", "I",  "i",  /* 120 */
    "I", "i", "IJ", "ij", "J", "j", "K",  "k", "k", "L", "l", "L", "l", "L", "l",  "L",  /* 130 */
    "l", "L", "l",  "N",  "n", "N", "n",  "N", "n", "n", "N", "n", "O", "o", "O",  "o",  /* 140 */
    "O", "o", "OE", "oe", "R", "r", "R",  "r", "R", "r", "S", "s", "S", "s", "S",  "s",  /* 150 */
    "S", "s", "T",  "t",  "T", "t", "T",  "t", "U", "u", "U", "u", "U", "u", "U",  "u",  /* 160 */
    "U", "u", "U",  "u",  "W", "w", "Y",  "y", "Y", "Z", "z", "Z", "z", "Z", "z",  "s",  /* 170 */
};

static const struct {
    uint32_t c;
    char text[3];
} others[] = {
    {0xaa, "a"},  {0xb2, "2"},  {0xb3, "3"},  {0xb5, "u"},  {0xb9, "1"},    {0xba, "o"},
    {0x218, "S"}, {0x219, "s"}, {0x21a, "T"}, {0x21b, "t"}, {0x1e9e, "SS"},
};

static const char *folded(uint32_t c, char ascii[2])
{
    bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == ' ' || c == '-';

    if (c >= 0xc0 && c - 0xc0 < ARRAY_LEN(latin))
        return latin[c - 0xc0];
    if (c >= 0x300 && c <= 0x36f) /* a mark of the letter before */
        return "";
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (others[i].c == c)
            return others[i].text;
    ascii[0] = plain ? (char)c : '_';
    ascii[1] = '\0';
    return ascii;
}

size_t fold_name(const char *name, char out[FOLD_MAX + 1])
{
    const char *end = name + strlen(name);
    size_t len = 0;
    char ascii[2];
    uint32_t c;

    for (size_t n; name < end && (n = utf8_next(name, end, &c)) > 0; name += n) {
        const char *text = folded(c, ascii);
        size_t more = strlen(text);
        if (len + more > FOLD_MAX)
            break;
        memcpy(out + len, text, more);
        len += more;
    }
    out[len] = '\0';
    if (strspn(out, "_ -") == len)
        len = 0;
    out[len] = '\0';
    return len;
}

static bool is_taken(char (*out)[FOLD_MAX + 1], size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(out[i], name) == 0)
            return true;
    return false;
}

static void fold_one(char (*out)[FOLD_MAX + 1], size_t n, size_t i, const struct sensor_settings *s)
{
    char base[FOLD_MAX + 1], number[16];

    if (fold_name(s->name, base) == 0)
        snprintf(base, sizeof base, "sensor-%d", sensor_settings_number(s));
    if (!is_taken(out, n, base)) {
        memcpy(out[i], base, sizeof base);
        return;
    }
    for (unsigned k = 2; !*out[i] || is_taken(out, i, out[i]) || is_taken(out + i + 1, n - i - 1, out[i]); k++) {
        int room = FOLD_MAX - snprintf(number, sizeof number, "-%u", k);
        snprintf(out[i], FOLD_MAX + 1, "%.*s%s", room, base, number);
    }
}

static int by_number(const void *a, const void *b)
{
    int x = sensor_settings_number(*(const struct sensor_settings *const *)a);
    int y = sensor_settings_number(*(const struct sensor_settings *const *)b);

    return (x > y) - (x < y);
}

char (*fold_sensors(const struct settings *s))[FOLD_MAX + 1]
{
    char(*out)[FOLD_MAX + 1] = must(calloc(s->n_sensors + 1, sizeof *out)), base[FOLD_MAX + 1];
    const struct sensor_settings **order = must(calloc(s->n_sensors + 1, sizeof(struct sensor_settings *)));

    for (size_t i = 0; i < s->n_sensors; i++)
        if (s->sensors[i].name && fold_name(s->sensors[i].name, base) && strcmp(base, s->sensors[i].name) == 0)
            memcpy(out[i], base, sizeof base);
    for (size_t i = 0; i < s->n_sensors; i++)
        order[i] = &s->sensors[i];
    qsort(order, s->n_sensors, sizeof *order, by_number);
    for (size_t i = 0; i < s->n_sensors; i++)
        if (order[i]->name && !*out[order[i] - s->sensors])
            fold_one(out, s->n_sensors, (size_t)(order[i] - s->sensors), order[i]);
    free(order);
    return out;
}
