/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/patch.h"

#include <math.h>

#define MAX_SIDE 4096

DcPatchSpec
dc_patch_spec(int width, int height, DcChannels channels)
{
  return (DcPatchSpec){.width = width,
                       .height = height,
                       .channels = channels,
                       .fit = DC_FIT_STRETCH,
                       .resize = DC_RESIZE_AREA,
                       .deviation = {1, 1, 1}};
}

int
dc_patch_channels(const DcPatchSpec *spec)
{
  return spec->channels == DC_CHANNELS_GRAY ? 1 : 3;
}

size_t
dc_patch_size(const DcPatchSpec *spec)
{
  return (size_t)spec->width * (size_t)spec->height * (size_t)dc_patch_channels(spec);
}

DcStatus
dc_patch_spec_check(const DcPatchSpec *spec, DcError *error)
{
  if (spec->width < 1 || spec->width > MAX_SIDE || spec->height < 1 || spec->height > MAX_SIDE)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a patch of %d x %d pixels; sides of 1 to %d are possible", spec->width,
                        spec->height, MAX_SIDE);
  if (spec->channels != DC_CHANNELS_GRAY && spec->channels != DC_CHANNELS_RGB &&
      spec->channels != DC_CHANNELS_BGR)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a patch of unknown channels (%d)",
                        (int)spec->channels);
  if ((unsigned)spec->fit > DC_FIT_CROP || (unsigned)spec->resize > DC_RESIZE_AREA)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "a patch of unknown fit (%d) or resize (%d)",
                        (int)spec->fit, (int)spec->resize);
  for (int c = 0; c < dc_patch_channels(spec); c++)
    if (!isfinite(spec->mean[c]) || !isfinite(spec->deviation[c]) || spec->deviation[c] == 0)
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "a patch with mean %g and deviation %g in channel %d; both must be "
                          "finite, and the deviation not 0",
                          (double)spec->mean[c], (double)spec->deviation[c], c);
  return DC_OK;
}
