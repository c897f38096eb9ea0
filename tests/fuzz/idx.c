/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "store/idx.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
  DcIdx idx;
  DcError error = {.status = DC_OK};
  FuzzFile file = fuzz_file_open(bytes, size);
  DcStatus status = dc_idx_read(file.path, &idx, &error);
  fuzz_file_close(&file);
  if (status != DC_OK) {
    fuzz_promise_error(status, &error);
    fuzz_promise(idx.data == NULL);
    return 0;
  }
  fuzz_promise(idx.rank >= 1 && idx.rank <= 4);
  size_t product = 1, sum = 0;
  for (size_t i = 0; i < idx.rank; i++)
    product *= idx.shape[i];
  fuzz_promise(product == idx.size);
  for (size_t i = 0; i < idx.size; i++)
    sum += idx.data[i];
  fuzz_promise(sum <= 255 * idx.size);
  dc_idx_clear(&idx);
  return 0;
}

/* Plain and compressed, one-dimensional and deep. */
int
fuzz_write_seed(size_t index, const char *path)
{
  static const size_t shapes[][4] = {{20, 1, 1, 1}, {3, 4, 5, 2}};
  uint8_t data[120];
  if (index >= 4)
    return 0;
  for (size_t i = 0; i < sizeof data; i++)
    data[i] = (uint8_t)(i * i / 3);
  char name[64];
  snprintf(name, sizeof name, "%s%s", path, index % 2 ? ".gz" : "");
  fuzz_promise(dc_idx_write(name, shapes[index / 2], index / 2 ? 4 : 1, data, NULL) == DC_OK);
  fuzz_promise(index % 2 == 0 || rename(name, path) == 0);
  return 1;
}
