/* Models of meters as people and programs get them from the API: the list, and one whole. It never reads a file. */
#ifndef CORE_MODELS_BODY_H
#define CORE_MODELS_BODY_H

struct jsonw;
struct meter_model;

/* A member of the list: {"id","vendor","models":[…],"phases","confidence"}; without a model, one whose file is broken:
 * {"id","error"}. */
void models_body_line(struct jsonw *w, const char *id, const struct meter_model *m, const char *error);

/* One, with all that its file says: serial line, reads, quantities with their registers, notes. What it does not say is
 * left out. */
void models_body_whole(struct jsonw *w, const struct meter_model *m);

#endif
