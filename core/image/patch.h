/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_PATCH_H
#define DC_IMAGE_PATCH_H

#include "base/status.h"
#include "image/image.h"

#include <stddef.h>

/* How the shape of a region meets the shape of the patch. */
typedef enum {
  DC_FIT_STRETCH,   /* both axes scaled on their own */
  DC_FIT_LETTERBOX, /* the whole region, scaled evenly, centred on `fill` */
  DC_FIT_CROP       /* the largest centred part of the region with the shape of the patch */
} DcFit;

typedef enum {
  DC_RESIZE_BILINEAR, /* samples at pixel centres, no smoothing when shrinking */
  DC_RESIZE_AREA      /* mean over the covered area when shrinking, bilinear when growing; each axis
                         on its own */
} DcResize;

typedef enum { DC_CHANNELS_GRAY = 1, DC_CHANNELS_RGB = 3, DC_CHANNELS_BGR = 4 } DcChannels;

/* The recipe from 8-bit pixels to the numbers a network takes: crop, resize, then
 * value = (pixel / 255 - mean[c]) / deviation[c] for channel c of the patch, channels last
 * (height x width x channels). Alpha is ignored. Grey of RGB is its BT.601 luma, grey of YCbCr is
 * Y brought to full range. YCbCr is resized before it is converted, and clipped to 0..255 after.
 * Stored in model files; see docs/formats/model.md. */
typedef struct {
  int width, height;
  DcChannels channels;
  DcFit fit;
  DcResize resize;
  float mean[3];
  float deviation[3];
  uint8_t fill; /* letterbox border, before normalisation */
} DcPatchSpec;

/* A recipe that only resizes: stretch, area, mean 0, deviation 1, fill 0. */
DcPatchSpec dc_patch_spec(int width, int height, DcChannels channels);

/* Number of channels of a patch: 1 or 3. */
int dc_patch_channels(const DcPatchSpec *spec);

/* Floats in one patch: width * height * channels. */
size_t dc_patch_size(const DcPatchSpec *spec);

/* Checks ranges: sides 1..4096, known enumerators, means finite, deviations finite and not 0. The
 * functions below take only what passes. */
DcStatus dc_patch_spec_check(const DcPatchSpec *spec, DcError *error);

typedef struct DcPatchReader DcPatchReader;

/* Plans reading patches of `spec`; the tables for one region shape are kept and made anew when the
 * shape of the region changes. Free with dc_patch_reader_free(). NULL when memory is short. */
DcPatchReader *dc_patch_reader_new(const DcPatchSpec *spec);
void dc_patch_reader_free(DcPatchReader *reader);

/* Reads `region` of `image` into `patch` (dc_patch_size() floats). Pixels outside the image read as
 * the nearest pixel inside it, and nothing outside the region is read: a region gives what a copy
 * of it would give. Allocates only when a region is larger than any before (DC_ERROR_MEMORY when
 * that fails). DC_ERROR_ARGUMENT for a region without a pixel inside the image, or an image without
 * pixels. One thread per reader. */
DcStatus dc_patch_read(DcPatchReader *reader, const DcImage *image, const DcRect *region,
                       float *patch);

/* The same numbers by the plain definition, for tests: one output pixel at a time, in double. */
DcStatus dc_patch_read_reference(const DcPatchSpec *spec, const DcImage *image,
                                 const DcRect *region, float *patch);

#endif
