/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/palette.h"

#include <math.h>

/* The order puts those first that differ most, also in lightness. */
static const DcColour base[DC_PALETTE_BASE] = {
    {230, 159, 0},   /* orange */
    {86, 180, 233},  /* sky blue */
    {0, 158, 115},   /* bluish green */
    {240, 228, 66},  /* yellow */
    {0, 114, 178},   /* blue */
    {213, 94, 0},    /* vermilion */
    {204, 121, 167}, /* reddish purple */
};

static guint8
lightened(guint8 channel)
{
  return (guint8)(channel + (255 - channel) / 3);
}

static guint8
darkened(guint8 channel)
{
  return (guint8)(channel * 2 / 3);
}

DcColour
dc_palette_colour(guint index)
{
  DcColour colour = base[index % DC_PALETTE_BASE];

  switch (index / DC_PALETTE_BASE % 3) {
  case 1:
    return (DcColour){lightened(colour.red), lightened(colour.green), lightened(colour.blue)};
  case 2:
    return (DcColour){darkened(colour.red), darkened(colour.green), darkened(colour.blue)};
  default:
    return colour;
  }
}

static gdouble
linear(guint8 channel)
{
  gdouble value = channel / 255.0;

  return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
}

gdouble
dc_colour_luminance(DcColour colour)
{
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

DcColour
dc_colour_for_text(DcColour background)
{
  /* (1 + 0.05) / (L + 0.05) > (L + 0.05) / 0.05 where white has the higher contrast. */
  gdouble shifted = dc_colour_luminance(background) + 0.05;

  return shifted * shifted < 1.05 * 0.05 ? (DcColour){255, 255, 255} : (DcColour){0, 0, 0};
}
