/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* choosing_run SAMPLES.npy MOST SEED: prints how many clusters are chosen. */
#include "base/memory.h"
#include "cluster/choose.h"
#include "store/npy.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
  DcNpy array;
  DcError error = {0};
  if (argc != 4 || dc_npy_read(argv[1], &array, &error) != DC_OK || array.type != DC_NPY_F32) {
    fprintf(stderr, "choosing_run SAMPLES.npy MOST SEED: %s\n", error.message);
    return 1;
  }
  size_t most = strtoul(argv[2], NULL, 10);
  DcRandom random;
  dc_random_seed(&random, strtoull(argv[3], NULL, 10), 0);
  float *centroids = DC_NEW(float, most *array.shape[1]);
  DcMatrix samples = dc_matrix(array.data, array.shape[0], array.shape[1]);
  DcMatrix found = dc_matrix(centroids, most, array.shape[1]);
  uint32_t clusters = 0;
  DcStatus status = dc_choose_clusters(&samples, &random, &clusters, &found, &error);
  if (status == DC_OK)
    printf("%u\n", clusters);
  else
    fprintf(stderr, "%s\n", error.message);
  dc_free(centroids);
  dc_npy_clear(&array);
  return status != DC_OK;
}
