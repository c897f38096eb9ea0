/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/safetensors.h"

#include "base/checked.h"
#include "base/memory.h"
#include "store/file.h"
#include "store/file_kind.h"
#include "store/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The format allows headers of 100 MB. Ours take some kB; what a hostile one costs in parsed form
 * is bounded by store/json.h. */
#define MAX_HEADER ((size_t)16 << 20)
#define MAX_FILE   (MAX_HEADER + DC_TENSOR_FILE_MOST)
#define MAX_NAME   255

#define LENGTH_SIZE 8 /* of the header length in front of the header */
#define METADATA    "__metadata__"

typedef struct {
  const char *name;
  size_t size; /* bytes of one number */
} TypeInfo;

static const TypeInfo type_info[] = {
    [DC_TENSOR_F32] = {"F32", 4},
    [DC_TENSOR_F64] = {"F64", 8},
    [DC_TENSOR_I64] = {"I64", 8},
    [DC_TENSOR_U8] = {"U8", 1},
};
#define TYPE_COUNT (sizeof type_info / sizeof *type_info)

/* Where a tensor lies in the data of a file. */
typedef struct {
  size_t begin, end;
  size_t tensor; /* index */
} Range;

struct DcTensorFile {
  char *name;           /* of the file, for messages */
  JsonObject *header;   /* owns the names and the metadata */
  JsonObject *metadata; /* in `header`, or NULL */
  DcTensor *tensors;    /* sorted by name */
  size_t count;
  unsigned char *data; /* every tensor starts on a cache line */
};

static DcStatus
broken(const DcTensorFile *file, DcError *error, const char *what)
{
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: not a safetensors file: %s", file->name, what);
}

/* Refuses what has no header, and thus is hardly a file of this format at all. */
static DcStatus
foreign(const DcTensorFile *file, const unsigned char *bytes, size_t size, const char *what,
        DcError *error)
{
  const char *kind = dc_file_kind(bytes, size);
  return dc_error_set(
      error, DC_ERROR_FORMAT,
      "%s: not a safetensors file: it %s%s; models are made by `driftcluster train` "
      "or, of an ONNX file, by `driftcluster import`, states by adapt-centroids",
      file->name, kind ? "is " : "", kind ? kind : what);
}

static uint64_t
read_little_endian(const unsigned char *bytes)
{
  uint64_t value = 0;
  for (int i = LENGTH_SIZE - 1; i >= 0; i--)
    value = value << 8 | bytes[i];
  return value;
}

static void
write_little_endian(unsigned char *bytes, uint64_t value)
{
  for (int i = 0; i < LENGTH_SIZE; i++, value >>= 8)
    bytes[i] = (unsigned char)value;
}

/* Names stand in messages of one line. */
static bool
name_is_fit(const char *name)
{
  size_t length = strlen(name);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
      return false;
  return length >= 1 && length <= MAX_NAME;
}

static bool
shape_bytes(const DcTensor *tensor, size_t *bytes)
{
  *bytes = type_info[tensor->type].size;
  for (size_t i = 0; i < tensor->rank; i++)
    if (!dc_checked_mul(*bytes, tensor->shape[i], bytes))
      return false;
  return true;
}

static DcStatus
read_type(const char *text, DcTensor *tensor, const char *where, DcError *error)
{
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    if (strcmp(text, type_info[i].name) == 0) {
      tensor->type = (DcTensorType)i;
      return DC_OK;
    }
  }
  return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                      "%s: numbers of type \"%.20s\"; this build reads F32, F64, I64 and U8: "
                      "convert the file",
                      where, text);
}

static DcStatus
read_shape(JsonArray *sizes, DcTensor *tensor, const char *where, DcError *error)
{
  tensor->rank = json_array_get_length(sizes);
  if (tensor->rank > DC_TENSOR_MAX_RANK)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: rank %zu, at most %d is read", where,
                        tensor->rank, DC_TENSOR_MAX_RANK);
  for (size_t i = 0; i < tensor->rank; i++) {
    int64_t size;
    DcStatus status = dc_json_element_int(sizes, i, 0, INT64_MAX, where, &size, error);
    if (status)
      return status;
    tensor->shape[i] = (size_t)size;
  }
  return DC_OK;
}

static DcStatus
read_range(JsonArray *offsets, const DcTensor *tensor, const char *where, Range *range,
           DcError *error)
{
  if (json_array_get_length(offsets) != 2)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: data_offsets are not two numbers", where);
  int64_t begin, end;
  DcStatus status = dc_json_element_int(offsets, 0, 0, (int64_t)MAX_FILE, where, &begin, error);
  if (!status)
    status = dc_json_element_int(offsets, 1, begin, (int64_t)MAX_FILE, where, &end, error);
  if (status)
    return status;
  range->begin = (size_t)begin;
  range->end = (size_t)end;
  size_t bytes;
  if (!shape_bytes(tensor, &bytes) || bytes != range->end - range->begin)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: type and shape do not give the %zu bytes of its data_offsets", where,
                        range->end - range->begin);
  return DC_OK;
}

static DcStatus
read_tensor(const DcTensorFile *file, DcTensor *tensor, Range *range, DcError *error)
{
  if (!name_is_fit(tensor->name))
    return broken(file, error, "the name of a tensor is empty, too long or has control characters");
  g_autofree char *where = g_strdup_printf("%s: tensor \"%s\"", file->name, tensor->name);
  JsonObject *entry;
  const char *type;
  JsonArray *shape, *offsets;
  DcStatus status = dc_json_object(file->header, tensor->name, file->name, &entry, error);
  if (!status)
    status = dc_json_string(entry, "dtype", where, &type, error);
  if (!status)
    status = read_type(type, tensor, where, error);
  if (!status)
    status = dc_json_array(entry, "shape", where, &shape, error);
  if (!status)
    status = read_shape(shape, tensor, where, error);
  if (!status)
    status = dc_json_array(entry, "data_offsets", where, &offsets, error);
  if (!status)
    status = read_range(offsets, tensor, where, range, error);
  tensor->bytes = status ? 0 : range->end - range->begin;
  return status;
}

static int
compare_ranges(const void *a, const void *b)
{
  const Range *left = a, *right = b;
  if (left->begin != right->begin)
    return left->begin < right->begin ? -1 : 1;
  if (left->end != right->end)
    return left->end < right->end ? -1 : 1;
  return 0;
}

/* The ranges, in order, must cover the data of `size` bytes exactly once. */
static DcStatus
check_ranges(const DcTensorFile *file, Range *ranges, size_t size, DcError *error)
{
  qsort(ranges, file->count, sizeof *ranges, compare_ranges);
  size_t at = 0;
  for (size_t i = 0; i < file->count; i++) {
    const char *name = file->tensors[ranges[i].tensor].name;
    if (ranges[i].end > size)
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "%s: tensor \"%s\" ends %zu bytes past the data: the file is cut short",
                          file->name, name, ranges[i].end - size);
    if (ranges[i].begin != at)
      return dc_error_set(error, DC_ERROR_FORMAT, "%s: tensor \"%s\" %s the one before it",
                          file->name, name,
                          ranges[i].begin < at ? "overlaps" : "leaves a gap after");
    at = ranges[i].end;
  }
  return at == size ? DC_OK : broken(file, error, "bytes that belong to no tensor at its end");
}

/* Copies each tensor to a place of its own that is aligned for any type. */
static DcStatus
place_tensors(DcTensorFile *file, const Range *ranges, const unsigned char *data, DcError *error)
{
  size_t total = 0;
  for (size_t i = 0; i < file->count; i++) {
    size_t padded;
    if (!dc_checked_round_up(file->tensors[i].bytes, DC_ALIGNMENT, &padded) ||
        !dc_checked_add(total, padded, &total))
      return broken(file, error, "it is too large");
  }
  file->data = DC_NEW(unsigned char, total);
  if (!file->data)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for %zu bytes", file->name, total);
  unsigned char *place = file->data;
  for (size_t i = 0; i < file->count; i++) {
    DcTensor *tensor = &file->tensors[ranges[i].tensor];
    tensor->data = place;
    if (tensor->bytes)
      memcpy(place, data + ranges[i].begin, tensor->bytes);
    place += (tensor->bytes + DC_ALIGNMENT - 1) & ~(size_t)(DC_ALIGNMENT - 1);
  }
  return DC_OK;
}

static DcStatus
read_metadata(DcTensorFile *file, DcError *error)
{
  if (!json_object_has_member(file->header, METADATA))
    return DC_OK;
  DcStatus status = dc_json_object(file->header, METADATA, file->name, &file->metadata, error);
  if (status)
    return status;
  g_autoptr(GList) keys = json_object_get_members(file->metadata);
  for (GList *key = keys; key && !status; key = key->next) {
    const char *value;
    status = dc_json_string(file->metadata, key->data, file->name, &value, error);
  }
  return status;
}

static int
compare_names(const void *a, const void *b)
{
  return strcmp(((const DcTensor *)a)->name, ((const DcTensor *)b)->name);
}

static DcStatus
list_tensors(DcTensorFile *file, DcError *error)
{
  g_autoptr(GList) names = json_object_get_members(file->header);
  file->tensors = DC_NEW(DcTensor, json_object_get_size(file->header));
  if (!file->tensors)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for its header", file->name);
  for (GList *name = names; name; name = name->next)
    if (strcmp(name->data, METADATA) != 0)
      file->tensors[file->count++].name = name->data;
  qsort(file->tensors, file->count, sizeof *file->tensors, compare_names);
  return DC_OK;
}

static DcStatus
read_tensors(DcTensorFile *file, const unsigned char *data, size_t size, DcError *error)
{
  DcStatus status = list_tensors(file, error);
  if (status)
    return status;
  Range *ranges = DC_NEW(Range, file->count);
  if (!ranges)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for its header", file->name);
  for (size_t i = 0; i < file->count && !status; i++) {
    ranges[i].tensor = i;
    status = read_tensor(file, &file->tensors[i], &ranges[i], error);
  }
  if (!status)
    status = check_ranges(file, ranges, size, error);
  if (!status)
    status = place_tensors(file, ranges, data, error);
  dc_free(ranges);
  return status;
}

static DcStatus
parse(DcTensorFile *file, const unsigned char *bytes, size_t size, DcError *error)
{
  if (size < LENGTH_SIZE)
    return foreign(file, bytes, size, "is shorter than the length of a header", error);
  uint64_t length = read_little_endian(bytes);
  if (length > MAX_HEADER)
    return foreign(file, bytes, size, "has a header of more than 16 MiB", error);
  if (length > size - LENGTH_SIZE)
    return foreign(file, bytes, size, "ends within its header", error);
  DcStatus status = dc_json_parse((const char *)bytes + LENGTH_SIZE, (size_t)length, file->name,
                                  &file->header, error);
  if (!status)
    status = read_metadata(file, error);
  size_t before_data = LENGTH_SIZE + (size_t)length;
  if (!status)
    status = read_tensors(file, bytes + before_data, size - before_data, error);
  return status;
}

DcStatus
dc_tensor_file_parse(const void *bytes, size_t size, const char *name, DcTensorFile **file,
                     DcError *error)
{
  *file = DC_NEW(DcTensorFile, 1);
  if (!*file)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", name);
  (*file)->name = g_strdup(name);
  DcStatus status = parse(*file, bytes, size, error);
  if (status) {
    dc_tensor_file_free(*file);
    *file = NULL;
  }
  return status;
}

DcStatus
dc_tensor_file_read(const char *path, DcTensorFile **file, DcError *error)
{
  *file = NULL;
  unsigned char *bytes;
  size_t size;
  DcStatus status = dc_file_read_whole(path, MAX_FILE, &bytes, &size, error);
  if (status)
    return status;
  status = dc_tensor_file_parse(bytes, size, path, file, error);
  dc_free(bytes);
  return status;
}

void
dc_tensor_file_free(DcTensorFile *file)
{
  if (!file)
    return;
  if (file->header)
    json_object_unref(file->header);
  g_free(file->name);
  dc_free(file->tensors);
  dc_free(file->data);
  dc_free(file);
}

size_t
dc_tensor_file_count(const DcTensorFile *file)
{
  return file->count;
}

const DcTensor *
dc_tensor_file_at(const DcTensorFile *file, size_t index)
{
  return &file->tensors[index];
}

const DcTensor *
dc_tensor_file_find(const DcTensorFile *file, const char *name)
{
  const DcTensor key = {.name = name};
  return bsearch(&key, file->tensors, file->count, sizeof key, compare_names);
}

const char *
dc_tensor_file_metadata(const DcTensorFile *file, const char *key)
{
  if (!file->metadata || !json_object_has_member(file->metadata, key))
    return NULL;
  return json_object_get_string_member(file->metadata, key);
}

char *
dc_tensors_checksum(const DcTensor *tensors, size_t n_tensors)
{
  DcTensor *sorted = g_memdup2(tensors, n_tensors * sizeof *tensors);
  if (n_tensors)
    qsort(sorted, n_tensors, sizeof *sorted, compare_names);
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  for (size_t i = 0; i < n_tensors; i++) {
    g_checksum_update(checksum, (const guchar *)sorted[i].name, (gssize)strlen(sorted[i].name) + 1);
    if (sorted[i].bytes)
      g_checksum_update(checksum, sorted[i].data, (gssize)sorted[i].bytes);
  }
  g_free(sorted);
  return g_strconcat("sha256:", g_checksum_get_string(checksum), NULL);
}

DcStatus
dc_tensor_file_expect(const DcTensorFile *file, const char *format, const char *version,
                      DcError *error)
{
  const char *stated = dc_tensor_file_metadata(file, "format");
  if (!stated || strcmp(stated, format) != 0)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: its format is \"%.60s\"; a %s is needed",
                        file->name, stated ? stated : "unknown", format);
  stated = dc_tensor_file_metadata(file, "format_version");
  if (!stated || strcmp(stated, version) != 0)
    return dc_error_set(error, DC_ERROR_VERSION,
                        "%s: a %s of version \"%.20s\"; this build reads version \"%s\": use the "
                        "driftcluster that wrote it, or a newer one",
                        file->name, format, stated ? stated : "unknown", version);
  stated = dc_tensor_file_metadata(file, "checksum");
  if (!stated)
    return DC_OK;
  g_autofree char *made = dc_tensors_checksum(file->tensors, file->count);
  if (strcmp(made, stated) != 0)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: the checksum of its data is wrong: the file is damaged", file->name);
  return DC_OK;
}

static char *
shape_text(size_t rank, const size_t *shape)
{
  GString *text = g_string_new("[");
  for (size_t i = 0; i < rank; i++) {
    g_string_append(text, i ? ", " : "");
    if (shape[i])
      g_string_append_printf(text, "%zu", shape[i]);
    else
      g_string_append(text, "any");
  }
  return g_string_free(g_string_append_c(text, ']'), FALSE);
}

static bool
shape_fits(const DcTensor *tensor, size_t rank, const size_t *shape)
{
  if (tensor->rank != rank)
    return false;
  for (size_t i = 0; i < rank; i++)
    if (shape[i] != 0 && shape[i] != tensor->shape[i])
      return false;
  return true;
}

DcStatus
dc_tensor_file_need(const DcTensorFile *file, const char *name, DcTensorType type, size_t rank,
                    const size_t *shape, const DcTensor **tensor, DcError *error)
{
  *tensor = NULL;
  g_autofree char *needed = shape_text(rank, shape);
  const DcTensor *found = dc_tensor_file_find(file, name);
  if (!found)
    return dc_error_set(error, DC_ERROR_NOT_FOUND, "%s: no tensor \"%s\"; %s %s is needed",
                        file->name, name, type_info[type].name, needed);
  if (found->type != type || !shape_fits(found, rank, shape)) {
    g_autofree char *there = shape_text(found->rank, found->shape);
    return dc_error_set(error, DC_ERROR_SHAPE, "%s: tensor \"%s\" is %s %s; %s %s is needed",
                        file->name, name, type_info[found->type].name, there, type_info[type].name,
                        needed);
  }
  *tensor = found;
  return DC_OK;
}

/* Wide types first, so that every tensor is aligned for its type when the data are; the order of
 * the caller within a type keeps equal contents equal bytes. */
static size_t *
order_of_writing(const DcTensor *tensors, size_t n_tensors)
{
  size_t *order = DC_NEW(size_t, n_tensors);
  size_t used = 0;
  for (size_t width = 8; width >= 1 && order; width /= 2)
    for (size_t i = 0; i < n_tensors; i++)
      if (type_info[tensors[i].type].size == width)
        order[used++] = i;
  return order;
}

static void
add_entry(JsonObject *header, const DcTensor *tensor, size_t begin)
{
  JsonArray *shape = json_array_new(), *offsets = json_array_new();
  for (size_t i = 0; i < tensor->rank; i++)
    json_array_add_int_element(shape, (gint64)tensor->shape[i]);
  json_array_add_int_element(offsets, (gint64)begin);
  json_array_add_int_element(offsets, (gint64)(begin + tensor->bytes));
  JsonObject *entry = json_object_new();
  json_object_set_string_member(entry, "dtype", type_info[tensor->type].name);
  json_object_set_array_member(entry, "shape", shape);
  json_object_set_array_member(entry, "data_offsets", offsets);
  json_object_set_object_member(header, tensor->name, entry);
}

static void
add_metadata(JsonObject *header, const char *const *metadata, size_t n_metadata)
{
  if (n_metadata == 0)
    return;
  JsonObject *entries = json_object_new();
  for (size_t i = 0; i < n_metadata; i++)
    json_object_set_string_member(entries, metadata[2 * i], metadata[2 * i + 1]);
  json_object_set_object_member(header, METADATA, entries);
}

static DcStatus
check_for_writing(const DcTensor *tensors, size_t n_tensors, const char *const *metadata,
                  size_t n_metadata, const char *path, DcError *error)
{
  g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
  size_t total = 0;
  for (size_t i = 0; i < n_tensors; i++) {
    const DcTensor *tensor = &tensors[i];
    size_t bytes;
    if (!name_is_fit(tensor->name) || !g_utf8_validate(tensor->name, -1, NULL) ||
        strcmp(tensor->name, METADATA) == 0 || !g_hash_table_add(names, (gpointer)tensor->name))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cannot write \"%s\": tensor %zu has no name of its own", path, i);
    if ((size_t)tensor->type >= TYPE_COUNT || tensor->rank > DC_TENSOR_MAX_RANK ||
        !shape_bytes(tensor, &bytes) || bytes != tensor->bytes)
      return dc_error_set(error, DC_ERROR_SHAPE,
                          "cannot write \"%s\": tensor \"%s\" has a shape that does not fit its "
                          "bytes",
                          path, tensor->name);
    if (!dc_checked_add(total, bytes, &total) || total > DC_TENSOR_FILE_MOST)
      return dc_error_set(
          error, DC_ERROR_SHAPE,
          "cannot write \"%s\": up to tensor \"%s\" there are more than the %zu MiB "
          "that such a file may hold",
          path, tensor->name, DC_TENSOR_FILE_MOST >> 20);
  }
  for (size_t i = 0; i < 2 * n_metadata; i++)
    if (!g_utf8_validate(metadata[i], -1, NULL))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cannot write \"%s\": its metadata are not valid UTF-8", path);
  return DC_OK;
}

/* Length and header, padded with spaces so that the data start on a multiple of 8. */
static GByteArray *
encode_header(const DcTensor *tensors, const size_t *order, size_t n_tensors,
              const char *const *metadata, size_t n_metadata)
{
  g_autoptr(JsonObject) header = json_object_new();
  add_metadata(header, metadata, n_metadata);
  for (size_t i = 0, begin = 0; i < n_tensors; i++) {
    add_entry(header, &tensors[order[i]], begin);
    begin += tensors[order[i]].bytes;
  }
  g_autofree char *text = dc_json_text(header);
  unsigned char length[LENGTH_SIZE];
  size_t padded = (strlen(text) + 7) / 8 * 8;
  write_little_endian(length, padded);
  GByteArray *bytes = g_byte_array_new();
  g_byte_array_append(bytes, length, LENGTH_SIZE);
  g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
  g_byte_array_append(bytes, (const guint8 *)"       ", (guint)(padded - strlen(text)));
  return bytes;
}

static DcStatus
write_in_order(const char *path, const GByteArray *header, const DcTensor *tensors,
               const size_t *order, size_t n_tensors, bool keep_previous, DcError *error)
{
  DcFileWriter writer = {0};
  DcStatus status = dc_file_create(&writer, path, error);
  if (status)
    return status;
  status = dc_file_append(&writer, header->data, header->len, error);
  for (size_t i = 0; i < n_tensors && !status; i++)
    status = dc_file_append(&writer, tensors[order[i]].data, tensors[order[i]].bytes, error);
  if (status)
    return status;
  return dc_file_commit_durably(&writer, keep_previous, error);
}

DcStatus
dc_tensor_file_write(const char *path, const DcTensor *tensors, size_t n_tensors,
                     const char *const *metadata, size_t n_metadata, int keep_previous,
                     DcError *error)
{
  DcStatus status = check_for_writing(tensors, n_tensors, metadata, n_metadata, path, error);
  if (status)
    return status;
  size_t *order = order_of_writing(tensors, n_tensors);
  if (!order)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to write \"%s\"", path);
  g_autoptr(GByteArray) header = encode_header(tensors, order, n_tensors, metadata, n_metadata);
  if (header->len > MAX_HEADER)
    status = dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cannot write \"%s\": more than 16 MiB of header", path);
  else
    status = write_in_order(path, header, tensors, order, n_tensors, keep_previous != 0, error);
  dc_free(order);
  return status;
}
