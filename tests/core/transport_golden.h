/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_TRANSPORT_GOLDEN_H
#define DC_TESTS_TRANSPORT_GOLDEN_H

#include "transport_data.h"

/* The example of the method's page with all coordinates times ten, so that float32 holds the source
 * exactly; B, L, H0 and U do not change by that, a, D and centroids grow by ten. */
static inline DcTransportSource *
golden_source(void)
{
  static const float place[4][2] = {{-30, -10}, {-20, 20}, {30, -10}, {20, 10}};
  static const float offset[4][2] = {{6, 2}, {-4, 3}, {-3, -6}, {1, 1}};
  static const float centre[2][2] = {{-25, 5}, {25, 0}};
  static const uint32_t owner[4] = {0, 0, 1, 1};
  static const double share[4] = {4, 4, 4, 4};
  float rows[16][2];
  for (size_t i = 0; i < 16; i++)
    for (size_t j = 0; j < 2; j++)
      rows[i][j] = place[i / 4][j] + offset[i % 4][j];
  DcMatrix samples = dc_matrix(&rows[0][0], 16, 2), centroids = dc_matrix(&centre[0][0], 2, 2);
  DcMatrix prototypes = dc_matrix(&place[0][0], 4, 2);
  DcTransportFitOptions options = dc_transport_fit_options();
  DcTransportSource *source = NULL;
  assert_int_equal(dc_transport_fit_prototypes(&samples, &centroids, &prototypes, owner, share,
                                               &options, &source, NULL),
                   DC_OK);
  return source;
}

static const float golden_rows[4][2] = {{-29.13985492f, -13.26155553f},
                                        {-20.38834353f, 17.72894379f},
                                        {29.65839522f, -6.95554406f},
                                        {20.10293697f, 12.68352969f}};

static inline DcTransportTracker *
golden_tracker(DcTransportSource *source)
{
  DcTransportOptions options = dc_transport_options();
  options.batch = 4;
  return tracker_of(source, &options);
}

#endif
