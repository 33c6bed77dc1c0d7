/* Two layers of settings: the administrator's tree, and over it the saved layer, which holds only what people changed.
 * Here trees alone: nothing is judged but what a layer may hold at all, no file is read, no argument is changed.
 *
 *   administrator's tree ──┐                       ┌─► settings_parse_tree(): judged, in force
 *   saved layer ───────────┴─ settings_merge() ────┤
 *                                                  └─ settings_patch() ─ settings_reduce() ─► the next saved layer
 *   patch ─────── settings_patch_check() ────────────┘
 *
 * Layers and patches are JSON Merge Patches (RFC 7396): an object is patched member by member, null removes, any other
 * value replaces. A list of objects whose row of the table has keys (`sensors`) is patched member by member too: in
 * layers and patches it is an object by key, of a sensor its lowest port: {"sensors":{"1":{"name":"main"}}}. All
 * trees that are returned are the caller's (cJSON_Delete()). */
#ifndef CORE_SETTINGS_MERGE_H
#define CORE_SETTINGS_MERGE_H

/* The saved layer's file in the state directory, and how many older ones are kept beside it (io/files.h). */
#define SETTINGS_SAVED      "settings.saved.json"
#define SETTINGS_SAVED_KEPT 5

struct cJSON;
struct settings_errors;

/* The administrator's tree with the saved layer over it; saved may be NULL: none. What the layer says of a member of a
 * keyed list that the administrator does not have, and that is not whole (a sensor without ports, or enabled without
 * a name), is left out, and so is what only the file may hold; each is a warning with its path ("sensors.3").
 * warnings may be NULL. */
struct cJSON *settings_merge(const struct cJSON *file, const struct cJSON *saved, struct settings_errors *warnings);

/* A patch as settings_patch() takes it: keyed lists as objects by key, where the patch may give a list, whose members
 * are found by `id` (given or derived) or by key. What it repeats of what is in force, though it derives or only the
 * file may say it, is left out, so that people may send back what they got. tree is the merged tree and effective the
 * whole in force (settings_tree()). NULL with errors: unknown or doubled keys, secrets, what only the file may hold. */
struct cJSON *settings_patch_check(const struct cJSON *patch, const struct cJSON *tree, const struct cJSON *effective,
                                   struct settings_errors *errors);

/* The tree with a checked patch over it, or with a layer. Nothing is left out. */
struct cJSON *settings_patch(const struct cJSON *tree, const struct cJSON *patch);

/* The smallest layer that makes tree of the administrator's: without what equals the administrator's members, or the
 * table's defaults where he has none; of a sensor also without the id that derives on this device. */
struct cJSON *settings_reduce(const struct cJSON *file, const struct cJSON *tree, const char *device_id);

/* The saved layer after one more patch: settings_reduce() of settings_patch() of settings_merge(). */
struct cJSON *settings_compose(const struct cJSON *file, const struct cJSON *saved, const struct cJSON *patch,
                               const char *device_id);

/* Sort the members of keyed lists by their keys, numbers first: the order in which people see them. */
void settings_sort(struct cJSON *tree);

#endif
