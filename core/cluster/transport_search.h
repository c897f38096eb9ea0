/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_SEARCH_H
#define DC_CLUSTER_TRANSPORT_SEARCH_H

#include "cluster/transport_score.h"
#include "cluster/transport_source.h"

#include <stdbool.h>
#include <stddef.h>

/* Finding the map anew after a jump: six start maps, refined on a window of recent embeddings, of
 * which the best admissible one replaces the current map when it explains the window clearly better
 * (section 3.7 of the method). A search works on a copy of what it needs, so it may run on a worker
 * while the tracker goes on. */
typedef struct DcTransportSearch DcTransportSearch;

/* A search over windows of `window` >= 2 embeddings; owns its scratch. NULL when memory is short.
 */
DcTransportSearch *dc_transport_search_new(DcTransportSource *source, size_t window);
void dc_transport_search_free(DcTransportSearch *search);

/* Starts over with the map to beat (dim x dim and dim, copied). The caller then writes the window
 * (window x dim, z in the basis of the source, oldest first) through the returned pointer. Not
 * while another thread runs the search. */
double *dc_transport_search_begin(DcTransportSearch *search, const double *matrix,
                                  const double *shift);

/* Runs what was begun, unless another thread has, and returns when it is done. Any thread; takes
 * tens of milliseconds at 24 directions and 80 prototypes. */
void dc_transport_search_run(DcTransportSearch *search);

/* After dc_transport_search_run(): true when a better map was found; then `matrix` (dim x dim) and
 * `shift` (dim) are it. */
bool dc_transport_search_result(const DcTransportSearch *search, const double **matrix,
                                const double **shift);

/* Window, matrix and shift as they were begun with, for a state file. */
void dc_transport_search_given(const DcTransportSearch *search, const double **window,
                               const double **matrix, const double **shift);

#endif
