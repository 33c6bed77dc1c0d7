/* The words behind a verb: its options, and how many there may be. */
#include "ctl/ctl.h"
#include "ctl/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int verb_usage(const struct verb *v, const char *fmt, ...)
{
    va_list ap;
    char *text;

    if (fmt) {
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
            abort();
        va_end(ap);
        say_fail("%s: %s", v->name, text);
        free(text);
    }
    fprintf(stderr, "Usage: fluksoctl %s%s%s\n", v->name, *v->args ? " " : "", v->args);
    return CTL_USAGE;
}

/* Its value, when the word is this option: behind '=' (or the letter), else NULL. */
static bool is_option(const struct verb_option *o, const char *word, const char **value)
{
    size_t n = strlen(o->name);

    *value = NULL;
    if (strncmp(word, "--", 2) == 0) {
        if (strncmp(word + 2, o->name, n) != 0 || (word[2 + n] != '\0' && word[2 + n] != '='))
            return false;
        *value = word[2 + n] == '=' ? word + 3 + n : NULL;
        return true;
    }
    if (!o->letter || word[1] != o->letter)
        return false;
    *value = word[2] ? word + 2 : NULL;
    return true;
}

/* The option that argv[i] is; how many words it takes, 0: an error that was told. */
static int take_option(const struct verb *v, int argc, char **argv, int i, const struct verb_option *options, size_t n)
{
    const char *value;

    for (size_t k = 0; k < n; k++) {
        const struct verb_option *o = &options[k];
        if (!is_option(o, argv[i], &value))
            continue;
        if (o->on && !value) {
            *o->on = true;
            return 1;
        }
        if (o->on) {
            verb_usage(v, "'%s' takes no value", argv[i]);
            return 0;
        }
        if (!value && i + 1 == argc) {
            verb_usage(v, "'%s' needs a value", argv[i]);
            return 0;
        }
        *o->value = value ? value : argv[i + 1];
        return value ? 1 : 2;
    }
    verb_usage(v, "there is no option '%s'", argv[i]);
    return 0;
}

int verb_words(const struct verb *v, int *argc, char **argv, const struct verb_option *options, size_t n, int min,
               int max)
{
    int kept = 0;
    bool over = false;

    for (int i = 0; i < *argc;) {
        if (!over && strcmp(argv[i], "--") == 0) {
            over = true;
            i++;
        } else if (!over && argv[i][0] == '-' && argv[i][1] != '\0') {
            int taken = take_option(v, *argc, argv, i, options, n);
            if (taken == 0)
                return CTL_USAGE;
            i += taken;
        } else {
            argv[kept++] = argv[i++];
        }
    }
    *argc = kept;
    if (kept < min)
        return verb_usage(v, kept ? "there is something missing" : NULL);
    if (kept > max)
        return verb_usage(v, "'%s' is one too many", argv[max]);
    return CTL_OK;
}
