/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "store/npy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  DcNpy array;
  DcError error = {.status = DC_OK};
  FuzzFile file = fuzz_file_open(bytes, size);
  DcStatus status = dc_npy_read(file.path, &array, &error);
  fuzz_file_close(&file);
  if (status != DC_OK) {
    fuzz_promise_error(status, &error);
    fuzz_promise(array.data == NULL);
    return 0;
  }
  fuzz_promise(array.rank == 1 || array.rank == 2);
  fuzz_promise(array.rank == 2 || array.shape[1] == 1);
  size_t count = array.shape[0] * array.shape[1] * dc_npy_type_size(array.type), sum = 0;
  fuzz_promise(count <= size);
  for (size_t i = 0; i < count; i++)
    sum += ((const uint8_t *)array.data)[i];
  fuzz_promise(sum <= 255 * count);
  dc_npy_clear(&array);
  return 0;
}

int
fuzz_write_seed(size_t index, const char *path)
{
  float floats[6] = {1, 2, 3, 4, 5, 6};
  int64_t integers[4] = {-1, 0, 1, 2};
  const DcNpy arrays[] = {{DC_NPY_F32, 2, {2, 3}, floats}, {DC_NPY_I64, 1, {4, 1}, integers}};
  if (index >= 2)
    return 0;
  fuzz_promise(dc_npy_write(path, &arrays[index], NULL) == DC_OK);
  return 1;
}
