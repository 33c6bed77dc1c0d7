/* The gateway as status, metrics and support show it: a struct status_view of this moment. It owns nothing. */
#ifndef APP_VIEW_H
#define APP_VIEW_H

#include "app/app.h"
#include "core/status_view.h"

#define VIEW_LIBRARIES 7

/* What a view points to: it lives as long as that. */
struct view {
    struct status_view v;
    struct status_library libraries[VIEW_LIBRARIES];
    char mosquitto[16];
};

void view_fill(struct view *view, struct app *app);

#endif
