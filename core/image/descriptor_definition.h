/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_DESCRIPTOR_DEFINITION_H
#define DC_IMAGE_DESCRIPTOR_DEFINITION_H

/* The numbers of "colour-gradient-1", which docs/methods/descriptor.md explains. They are frozen:
 * other numbers are another descriptor and need another name. */

enum {
  /* Pixels on a side of the patch that is described. */
  DC_DESCRIPTOR_SIDE = 32,
  DC_DESCRIPTOR_LUMA_BINS = 12,
  /* On each of two axes; odd, so that grey is in the middle of one. */
  DC_DESCRIPTOR_CHROMA_BINS = 9,
  /* On a side. */
  DC_DESCRIPTOR_CELLS = 5,
  /* Of gradients, over half a turn. */
  DC_DESCRIPTOR_DIRECTIONS = 6,
  DC_DESCRIPTOR_CHROMA = DC_DESCRIPTOR_CHROMA_BINS * DC_DESCRIPTOR_CHROMA_BINS,
  DC_DESCRIPTOR_GRADIENTS = DC_DESCRIPTOR_CELLS * DC_DESCRIPTOR_CELLS * DC_DESCRIPTOR_DIRECTIONS,
  DC_DESCRIPTOR_SIZE = DC_DESCRIPTOR_LUMA_BINS + DC_DESCRIPTOR_CHROMA + DC_DESCRIPTOR_GRADIENTS
};

/* u = 1/2 + BLUE_GAIN (B - Y), v = 1/2 + RED_GAIN (R - Y): what photographs show fills 0..1. */
#define DC_DESCRIPTOR_BLUE_GAIN 1.7
#define DC_DESCRIPTOR_RED_GAIN  2.1

/* What is added to the mean of a block before dividing by it, in means over all cells. */
#define DC_DESCRIPTOR_CONTRAST_FLOOR 4.0

/* Shares of the squared length. That of gradients shrinks where there is little but noise. */
#define DC_DESCRIPTOR_LUMA_SHARE     0.10
#define DC_DESCRIPTOR_CHROMA_SHARE   0.18
#define DC_DESCRIPTOR_GRADIENT_SHARE 0.72
#define DC_DESCRIPTOR_NOISE          0.004 /* mean gradient at which it is halved */

#endif
