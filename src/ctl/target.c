#include "ctl/target.h"

#include "ctl/call.h"
#include "ctl/ctl.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LISTED 40 /* of those there are */

int target_list(const struct ctl *c, struct answer *a, const cJSON **sensors)
{
    int rc = call(c, "GET", "/api/v1/sensors", NULL, a);

    *sensors = json_get(a->json, "sensors");
    return rc;
}

/* How well the word fits, 0: not at all. */
static int fits(const cJSON *s, const char *word)
{
    const char *name = json_text(s, "name", "");
    char number[24];

    snprintf(number, sizeof number, "%.0f", json_number(s, "number", -1));
    if (strcmp(name, word) == 0 || strcmp(json_text(s, "id", ""), word) == 0 || strcmp(number, word) == 0)
        return 2;
    return strcasecmp(name, word) == 0;
}

static void list(const cJSON *sensors)
{
    static const struct table_column columns[] = {{"#", TABLE_RIGHT}, {"name", TABLE_LEFT}, {"id", TABLE_LEFT}};
    struct table t;
    const cJSON *s;

    table_init(&t, columns, ARRAY_LEN(columns));
    for (s = json_first(sensors); s; s = s->next) {
        table_cell(&t, SAY_PLAIN, "%.0f", json_number(s, "number", 0));
        table_cell(&t, SAY_PLAIN, "%s", json_text(s, "name", say_none()));
        table_cell(&t, SAY_PLAIN, "%s", json_text(s, "id", ""));
    }
    table_print(&t, stderr, 0, LISTED, "\n");
    if (t.n > LISTED * t.n_columns)
        fprintf(stderr, "... %zu more\n", t.n / t.n_columns - LISTED);
    table_free(&t);
}

const cJSON *target_find(const cJSON *sensors, const char *word)
{
    const cJSON *s, *found = NULL;
    int best = 0, count = 0;

    for (s = json_first(sensors); s; s = s->next) {
        int fit = fits(s, word);
        if (fit == 0 || fit < best)
            continue;
        count = fit > best ? 1 : count + 1;
        best = fit;
        found = s;
    }
    if (count == 1)
        return found;
    say_fail(count ? "'%s' is more than one sensor; take the id:" : "there is no sensor '%s'; there are:", word);
    list(sensors);
    return NULL;
}
