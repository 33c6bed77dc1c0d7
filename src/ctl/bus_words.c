#include "ctl/bus_words.h"

#include "core/util.h"

#include <stdlib.h>
#include <string.h>

bool bus_words_line(cJSON *body, const char *word)
{
    const char *colon = strrchr(word, ':');
    size_t n = colon ? (size_t)(colon - word) : 0;

    if (*word == '/') {
        must(cJSON_AddStringToObject(body, "device", word));
        return false;
    }
    if (!colon) {
        must(cJSON_AddStringToObject(body, "bus", word));
        return true;
    }
    bool brackets = n >= 2 && word[0] == '[' && word[n - 1] == ']';
    char *host = must(strndup(word + brackets, n - 2 * brackets));
    cJSON *tcp = must(cJSON_AddObjectToObject(body, "tcp"));
    must(cJSON_AddStringToObject(tcp, "host", host));
    must(cJSON_AddNumberToObject(tcp, "port", strtod(colon + 1, NULL))); /* the gateway says what is no port */
    free(host);
    return false;
}

int bus_words_number(const char *word, bool hex, double min, double max, double *out)
{
    bool is_hex = strncasecmp(word, "0x", 2) == 0;
    char *end;

    if (!*word || strspn(word, is_hex ? "0123456789abcdefABCDEFxX" : "0123456789.") != strlen(word) || (is_hex && !hex))
        return -1;
    *out = is_hex ? (double)strtoul(word, &end, 16) : strtod(word, &end);
    return *end || !(*out >= min && *out <= max) ? -1 : 0;
}

int bus_words_list(cJSON *body, const char *name, const char *words, bool numbers)
{
    char *copy, *rest;
    int rc = 0;

    if (strcmp(words, "all") == 0) {
        must(cJSON_AddStringToObject(body, name, words));
        return 0;
    }
    cJSON *list = must(cJSON_AddArrayToObject(body, name));
    rest = copy = must(strdup(words));
    for (char *one; rc == 0 && (one = strsep(&rest, ","));) {
        double n;
        if (numbers && bus_words_number(one, false, 1, 1e7, &n) == 0)
            cJSON_AddItemToArray(list, must(cJSON_CreateNumber(n)));
        else if (!numbers && *one)
            cJSON_AddItemToArray(list, must(cJSON_CreateString(one)));
        else
            rc = -1;
    }
    free(copy);
    return rc;
}
