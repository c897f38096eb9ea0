/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_SCENES_H
#define DC_TESTS_SCENES_H

#include "base/random.h"
#include "image/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Drawn scenes of a fixed camera: a background with texture, boxes on it, noise of the sensor. */
typedef struct {
  int width, height;
  uint8_t *pixels; /* of the frame */
  DcRandom random;
} Scene;

static inline Scene
scene_new(int width, int height)
{
  Scene scene = {width, height, calloc((size_t)width * (size_t)height, 1), {0}};
  dc_random_seed(&scene.random, 7, 0);
  return scene;
}

static inline void
scene_free(Scene *scene)
{
  free(scene->pixels);
}

static inline DcImage
scene_image(const Scene *scene)
{
  return (DcImage){.format = DC_PIXELS_GRAY8,
                   .width = scene->width,
                   .height = scene->height,
                   .planes = {scene->pixels},
                   .strides = {scene->width}};
}

/* Checks of 16 pixels in two greys, which differ from place to place; `kind` is another place. */
static inline void
scene_background(Scene *scene, int kind)
{
  for (int y = 0; y < scene->height; y++)
    for (int x = 0; x < scene->width; x++) {
      const int light = ((x / 16 + y / 16) & 1) ? 150 : 110;
      const int other = ((x / 24) & 1) ? 60 : 200;
      scene->pixels[(size_t)y * (size_t)scene->width + (size_t)x] =
          (uint8_t)(kind == 0 ? light + x * 20 / scene->width : other - y * 20 / scene->height);
    }
}

/* A box with stripes; parts outside of the frame are cut. */
static inline void
scene_box(Scene *scene, int left, int top, int width, int height, uint8_t luma)
{
  for (int y = top < 0 ? 0 : top; y < top + height && y < scene->height; y++)
    for (int x = left < 0 ? 0 : left; x < left + width && x < scene->width; x++)
      scene->pixels[(size_t)y * (size_t)scene->width + (size_t)x] =
          (uint8_t)(luma + (((y - top) / 4) & 1) * 10);
}

/* Multiplies the luma of a rectangle, as a shadow or a lamp does. */
static inline void
scene_light(Scene *scene, int left, int top, int width, int height, double factor)
{
  for (int y = top; y < top + height; y++)
    for (int x = left; x < left + width; x++) {
      uint8_t *pixel = scene->pixels + (size_t)y * (size_t)scene->width + (size_t)x;
      const double luma = *pixel * factor;
      *pixel = (uint8_t)(luma > 255 ? 255 : luma);
    }
}

/* Noise of a sensor, of the given deviation in grey levels. */
static inline void
scene_noise(Scene *scene, double deviation)
{
  const size_t pixels = (size_t)scene->width * (size_t)scene->height;
  for (size_t i = 0; i < pixels; i++) {
    /* The sum of four uniform numbers is as good as normal here, and quick. */
    double sum = 0;
    const uint32_t bits = dc_random_bits(&scene->random);
    for (int byte = 0; byte < 4; byte++)
      sum += (double)((bits >> (8 * byte)) & 255) - 127.5;
    const double luma = scene->pixels[i] + deviation * sum / 147.8; /* deviation of the sum */
    scene->pixels[i] = (uint8_t)(luma < 0 ? 0 : luma > 255 ? 255 : luma + 0.5);
  }
}

/* Sets a share of all pixels to white or black, others on each frame: rain, snow, a bad link. */
static inline void
scene_specks(Scene *scene, double share)
{
  const size_t pixels = (size_t)scene->width * (size_t)scene->height;
  for (size_t i = 0; i < pixels; i++)
    if (dc_random_uniform(&scene->random) < share)
      scene->pixels[i] = dc_random_bits(&scene->random) & 1 ? 255 : 0;
}

#endif
