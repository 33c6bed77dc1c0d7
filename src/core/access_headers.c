#include "core/access_headers.h"

#include <string.h>
#include <strings.h>

const char *access_cookie(const char *header, const char *name, size_t *len)
{
    size_t n = strlen(name);

    for (const char *p = header; p && *p; p += strcspn(p, ";")) {
        p += strspn(p, "; \t");
        if (strncmp(p, name, n) != 0 || p[n] != '=')
            continue;
        p += n + 1;
        *len = strcspn(p, "; \t");
        return p;
    }
    return NULL;
}

const char *access_bearer(const char *header, size_t *len)
{
    static const char scheme[] = "Bearer ";

    if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return NULL;
    header += sizeof scheme - 1;
    header += strspn(header, " ");
    *len = strcspn(header, " \t");
    return header;
}

bool access_is_json(const char *header)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;

    return header && strncasecmp(header, json, n) == 0 && strchr("; \t", header[n]);
}
