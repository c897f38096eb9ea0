/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_IMAGE_FOLDER_H
#define DC_STORE_IMAGE_FOLDER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A folder of pictures, listed in the byte order of their paths. The first subfolder is the class
 * of a picture; pictures directly in the folder have class DC_NO_CLASS. Links in a circle are
 * followed once, hidden entries are left out. */
#define DC_NO_CLASS UINT32_MAX

typedef struct {
  size_t count;
  char **paths;      /* count, absolute or relative as the folder was given */
  uint32_t *classes; /* count; index in class_names */
  size_t n_classes;
  char **class_names; /* in byte order */
} DcImageFolder;

/* Whether a name ends in .png, .jpg, .jpeg, .webp, .gif, .bmp, .tif or .tiff in any case. */
bool dc_image_folder_is_picture(const char *name);

/* Lists the files that are named like pictures.
 * DC_ERROR_NOT_FOUND when there is none. */
DcStatus dc_image_folder_list(const char *path, DcImageFolder *folder, DcError *error);
void dc_image_folder_clear(DcImageFolder *folder);

#endif
