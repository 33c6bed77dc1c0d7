/* log: the gateway's last lines, and those that come. */
#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/say.h"
#include "ctl/stream.h"
#include "ctl/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINES     20
#define LINES_MAX 1000

/* The text behind the time that a line begins with ("2026-01-31T23:59:59.123Z "), the Unix second in *second; the line
 * itself when it begins otherwise. */
static const char *behind_time(const char *line, double *second)
{
    struct tm tm = {0};
    const char *end = strptime(line, "%Y-%m-%dT%H:%M:%S", &tm), *text = end ? strstr(end, "Z ") : NULL;

    *second = text ? (double)timegm(&tm) : 0;
    return text ? text + 2 : line;
}

static bool begins(const char *text, const char *word)
{
    size_t n = strlen(word);

    return strncmp(text, word, n) == 0 && text[n] == ' ';
}

/* For people: their own time, and the colour of the line's level. */
static void print_line(const char *line, size_t len)
{
    char *copy = must(strndup(line, len)), when[SAY_WORDS];
    double second;
    const char *text = behind_time(copy, &second);
    enum say_colour colour = begins(text, "error") ? SAY_RED : begins(text, "warning") ? SAY_YELLOW : SAY_PLAIN;

    if (second > 0 && say_on_terminal())
        say_line(colour, "%s %s", say_time(when, second), text);
    else
        say_line(colour, "%s", copy);
    free(copy);
}

static void on_line(void *ctx, const char *name, const char *data, size_t len)
{
    (void)ctx;
    if (strcmp(name, "line") == 0)
        print_line(data, len);
}

static int follow(const struct ctl *c, const char *path)
{
    struct stream *s = stream_open(c, path, on_line, NULL);

    if (!s)
        return CTL_USAGE;
    bool broken = false;
    while (!broken && stream_wait(s, 60000, -1, -1) == STREAM_ON)
        broken = say_broken();
    int rc = broken ? CTL_REFUSED : stream_explain(s);
    stream_close(s);
    return rc;
}

static int print_lines(const struct ctl *c, const char *path)
{
    struct answer a;
    int rc = call(c, "GET", path, NULL, &a);

    if (rc == CTL_OK && c->json) {
        call_print(&a);
    } else if (rc == CTL_OK) {
        for (const char *p = a.body, *end; *p; p = *end ? end + 1 : end) {
            end = p + strcspn(p, "\n");
            print_line(p, (size_t)(end - p));
        }
    }
    answer_free(&a);
    return rc;
}

int verb_log(struct ctl *c, const struct verb *v, int argc, char **argv)
{
    bool follow_on = false;
    const char *lines = NULL;
    const struct verb_option options[] = {{"lines", 'n', NULL, &lines}, {"follow", 'f', &follow_on, NULL}};
    char path[64], *end = NULL;
    int rc = verb_words(v, &argc, argv, options, ARRAY_LEN(options), 0, 0);
    long n = LINES;

    if (rc != CTL_OK)
        return rc;
    if (lines) {
        n = strtol(lines, &end, 10);
        if (end == lines || *end || n < 0 || n > LINES_MAX)
            return verb_usage(v, "'%s' is no number of lines from 0 to %d", lines, LINES_MAX);
    }
    snprintf(path, sizeof path, "/api/v1/log?lines=%ld%s", n, follow_on ? "&follow=1" : "");
    return follow_on ? follow(c, path) : print_lines(c, path);
}
