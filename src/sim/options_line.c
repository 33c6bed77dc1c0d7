/* The telegram lines of the command line. */
#include "sim/options.h"

#include <stdio.h>
#include <string.h>

/* "p1:be:115200" in pieces; text is changed. */
static int take_words(struct option_line *l, char *text)
{
    char *protocol = strsep(&text, ":"), *word;
    int64_t baud;

    l->kind = tele_kind_find(protocol, NULL);
    if (!l->kind)
        return -1;
    l->baud = l->kind->baud;
    while ((word = strsep(&text, ":")) != NULL) {
        const struct tele_kind *kind = tele_kind_find(protocol, word);
        if (kind) {
            l->kind = kind;
            l->baud = kind->baud;
        } else if (option_int(word, 300, 115200, &baud) == 0) {
            l->baud = (int)baud;
        } else {
            return -1;
        }
    }
    return 0;
}

int options_line(struct options *o, const char *text)
{
    struct option_line l = {0};

    if (o->n_lines == TELES_MAX) {
        fprintf(stderr, "fluksosim: --line: there can be %d\n", TELES_MAX);
        return -1;
    }
    l.link = must(strdup(text));
    char *equals = strrchr(l.link, '=');
    if (equals)
        *equals = '\0';
    if (!equals || equals == l.link || take_words(&l, equals + 1) < 0) {
        fprintf(stderr,
                "fluksosim: --line: '%s' is not LINK=PROTOCOL[:KIND][:BAUD]: p1 (dsmr2, dsmr4, dsmr5, be, lu, se, at, "
                "hu), d0 (push, emh, pull, echo), tic (tri, mono), tic-historique (hc, base, tempo, ejp, tri)\n",
                text);
        free(l.link);
        return -1;
    }
    o->line = grown(o->line, o->n_lines, sizeof *o->line);
    o->line[o->n_lines++] = l;
    return 0;
}

void options_free_lines(struct options *o)
{
    for (size_t i = 0; i < o->n_lines; i++)
        free(o->line[i].link);
    free(o->line);
    o->line = NULL;
    o->n_lines = 0;
}
