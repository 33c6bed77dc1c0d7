/* The functions behind the verbs, a file for each group of them; main.c has the table.
 * Each is as struct verb says. */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

struct ctl;
struct verb;

#define VERB(name) int name(struct ctl *c, const struct verb *v, int argc, char **argv)

VERB(verb_status);  /* verbs_status.c */
VERB(verb_sensors); /* verbs_sensors.c */
VERB(verb_sensor_set);
VERB(verb_sensor_counter);
VERB(verb_settings_get); /* verbs_settings.c */
VERB(verb_settings_set);
VERB(verb_settings_check);
VERB(verb_secret_list); /* verbs_access.c */
VERB(verb_secret_set);
VERB(verb_secret_rm);
VERB(verb_passwd);
VERB(verb_token_add);
VERB(verb_token_list);
VERB(verb_token_rm);
VERB(verb_watch); /* verbs_watch.c */
VERB(verb_sync);  /* verbs_jobs.c */
VERB(verb_selftest);
VERB(verb_restart);
VERB(verb_phase_match); /* verbs_phase.c */
VERB(verb_flip);
VERB(verb_support); /* verbs_files.c */
VERB(verb_backup);
VERB(verb_restore);
VERB(verb_log);      /* verbs_log.c */
VERB(verb_bus_list); /* verbs_bus.c */
VERB(verb_bus_watch);
VERB(verb_bus_scan);    /* verbs_scan.c */
VERB(verb_bus_read);    /* verbs_read.c */
VERB(verb_line_list);  /* verbs_line.c */
VERB(verb_line_show);
VERB(verb_meters_list); /* verbs_meters.c */
VERB(verb_meters_models);
VERB(verb_meters_export);
VERB(verb_meters_import); /* verbs_import.c */
VERB(verb_complete);      /* verbs_complete.c */
VERB(verb_help);          /* main.c */

#endif
