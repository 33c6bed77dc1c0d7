/* Lines with telegrams as /api/v1/lines shows them: a line of the list, and one as a whole with its last telegram. It
 * never looks anything up: a caller fills the views. */
#ifndef CORE_LINE_BODY_H
#define CORE_LINE_BODY_H

#include "core/line_view.h"

struct jsonw;

/* In the list: how it is. */
void line_body_brief(struct jsonw *w, const struct line_view *v);

/* As a whole: open, each value of its last telegram, close. */
void line_body_open(struct jsonw *w, const struct line_view *v);
void line_body_value(struct jsonw *w, const struct line_value_view *v);
void line_body_close(struct jsonw *w, const struct line_view *v);

#endif
