/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "store/safetensors.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  DcTensorFile *file;
  if (dc_tensor_file_parse(data, size, "fuzz", &file, NULL) != DC_OK)
    return 0;
  for (size_t i = 0; i < dc_tensor_file_count(file); i++) {
    const DcTensor *tensor = dc_tensor_file_at(file, i);
    uint8_t *copy = malloc(tensor->bytes + 1); /* every byte that is said to be there is there */
    if (!copy || dc_tensor_file_find(file, tensor->name) != tensor)
      abort();
    if (tensor->bytes)
      memcpy(copy, tensor->data, tensor->bytes);
    free(copy);
  }
  dc_tensor_file_expect(file, "fuzz", "1", NULL);
  dc_tensor_file_free(file);
  return 0;
}

int
fuzz_write_seed(size_t index, const char *path)
{
  const float floats[] = {1, 2, 3, 4, 5, 6};
  const uint8_t bytes[] = {7, 8, 9};
  const int64_t whole = -10;
  const DcTensor tensors[] = {{"weights", DC_TENSOR_F32, 2, {2, 3}, floats, sizeof floats},
                              {"bytes", DC_TENSOR_U8, 1, {3}, bytes, sizeof bytes},
                              {"number", DC_TENSOR_I64, 0, {0}, &whole, sizeof whole}};
  const char *const metadata[] = {"format", "fuzz", "format_version", "1"};
  return index < 3 &&
         dc_tensor_file_write(path, tensors, index + 1, metadata, index, 0, NULL) == DC_OK;
}
