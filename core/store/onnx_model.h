/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_ONNX_MODEL_H
#define DC_STORE_ONNX_MODEL_H

#include "base/status.h"
#include "store/model_file.h"

#include <stdbool.h>
#include <stdint.h>

/* A model whose encoder comes from an ONNX file. How pictures are prepared for it stands in no such
 * file: it is guessed, and what was guessed is told. */

/* What to take instead of a guess; zeros and NULL guess all of it. */
typedef struct {
  const char *output;     /* value of the graph to end with */
  const char *preprocess; /* a recipe (image/recipe.h), or numbers: "MEAN/DEVIATION", each one
                             number or, with commas, one for each channel in the network's order */
  const char *fit;        /* a name out of image/recipe.h */
  const char *channels;   /* likewise */
  int width, height;      /* of pictures, where the file leaves them open; 0: 224, or as the file
                             says */
  bool normalise;         /* end in unit length */
} DcModelImportOptions;

/* What there is to choose, named like the options of the command line. */
typedef enum {
  DC_IMPORT_OUTPUT_NODE,
  DC_IMPORT_SIZE,
  DC_IMPORT_FIT,
  DC_IMPORT_CHANNELS,
  DC_IMPORT_PREPROCESS,
  DC_IMPORT_CHOICES
} DcImportChoiceKind;
extern const char *const dc_import_choice_names[DC_IMPORT_CHOICES];

typedef struct {
  char *value;        /* as an option would say it; NULL: there was nothing to choose */
  const char *reason; /* a constant text */
} DcImportChoice;

typedef struct {
  char *source; /* name of the file, without folders */
  char *sha256; /* of the file, 64 hexadecimal digits */
  int64_t opset;
  char *producer; /* "" where the file tells none */
  char *input;    /* name of the value that pictures become */
  DcImportChoice choices[DC_IMPORT_CHOICES];
} DcImportReport;

/* Reads the ONNX file `path`. `options` NULL: guesses everything. `report` (NULL: not wanted) tells
 * what was made of what, and is to be cleared with dc_import_report_clear() after success; the
 * model's provenance says the same. A graph that takes vectors makes a model of vectors. Errors are
 * those of dc_onnx_graph_read() and dc_onnx_import(), and DC_ERROR_ARGUMENT for an option that is
 * not understood, DC_ERROR_MISMATCH for one that this network cannot have. Free the model with
 * dc_model_free(). */
DcStatus dc_model_import(const char *path, const DcModelImportOptions *options, DcModel **model,
                         DcImportReport *report, DcError *error);

void dc_import_report_clear(DcImportReport *report);

#endif
