/* A catalog without a server: versions of the metadata as objects, metadata/vN.metadata.json, of which the highest N
 * counts. Of those who make version N at once one succeeds, as objects are made fresh (object.h).
 *
 *     version-hint.text      where to begin to look: only a hint, perhaps old, perhaps missing
 *
 * A version that is old enough to be removed may be made again by a process that slept all the while; so who has made
 * one looks at the hint afterwards: when it says a higher one, the version is taken back. */
#ifndef METERLINE_LAKE_CATALOG_VERSIONS_H
#define METERLINE_LAKE_CATALOG_VERSIONS_H

#include "lake/catalog.h"

/* ERROR_NOT_FOUND: there is no version. */
int versions_load(struct objects *objects, struct table_metadata *ret_metadata, struct error *error);
/* ERROR_EXISTS: there are some. */
int versions_create(struct objects *objects, const struct table_metadata *metadata, struct error *error);
/* As catalog_driver's. */
int versions_commit(struct objects *objects, const struct metadata_change *change, struct error *error);
/* Removes versions that are more than 100 before `newest` and were made before `before` (ms). */
int versions_clean(struct objects *objects, int64_t newest, int64_t before, struct error *error);

#endif
