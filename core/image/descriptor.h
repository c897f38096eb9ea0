/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_DESCRIPTOR_H
#define DC_IMAGE_DESCRIPTOR_H

#include "base/status.h"
#include "image/image.h"

/* The built-in embedding that needs no training: a colour histogram and histograms of gradient
 * orientations over a grid of cells, each part square-rooted (Hellinger) and the whole of unit
 * length. Its exact definition stands in docs/methods/descriptor.md; it is frozen under the name
 * DC_DESCRIPTOR_NAME, since states made with it must stay valid. */
#define DC_DESCRIPTOR_NAME "colour-gradient-1"

typedef struct DcDescriptor DcDescriptor;

/* Scratch for one thread. Free with dc_descriptor_free(). NULL when memory is short. */
DcDescriptor *dc_descriptor_new(void);
void dc_descriptor_free(DcDescriptor *descriptor);

/* Numbers in a descriptor, >= 64; a constant. */
int dc_descriptor_size(void);

/* Describes `region` of `image` into dc_descriptor_size() floats, none negative, of unit length. A
 * region of one colour has no gradients, which is a valid descriptor, never NaN. Fails as
 * dc_patch_read() does. One thread per descriptor. */
DcStatus dc_descriptor_run(DcDescriptor *descriptor, const DcImage *image, const DcRect *region,
                           float *values);

/* The same numbers by the plain definition, for tests: in double, with angles. */
DcStatus dc_descriptor_run_reference(const DcImage *image, const DcRect *region, float *values);

#endif
