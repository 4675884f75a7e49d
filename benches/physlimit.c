/* The machine's own limit for header work: how fast can files be walked, opened, read, mapped and scanned at all?
 *
 *   cc -O3 -march=native -pthread -o physlimit physlimit.c
 *   ./physlimit DIR THREADS REPEATS [MODE...]
 *
 * No MODE: all of them. The openat modes use one directory handle per folder and no fstat. Prints one JSON line per
 * mode: median and best over REPEATS, after one warm-up pass. "Floor A" of RESULTS.md is read8k+scan26+copy.
 * floors.c includes this file for its loops, so that both measure with the very same code.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define BUFFER (1 << 20)

/* ---- the files: full path, and name beside a handle of the folder ---- */
static char **paths;
static size_t npaths, capacity;
static int *folder;
static char **name_in_folder;
static volatile uint64_t sink;

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static double now(void) { return seconds(CLOCK_MONOTONIC); }

static void keep_path(const char *path) {
  if (npaths == capacity) {
    capacity = capacity ? capacity * 2 : 4096;
    paths = realloc(paths, capacity * sizeof *paths);
  }
  paths[npaths++] = strdup(path);
}

static size_t walk(int dfd, char *path, size_t len, int keep, int with_stat) {
  DIR *d = fdopendir(dfd);
  if (!d) return 0;
  size_t n = 0;
  struct dirent *e;
  while ((e = readdir(d))) {
    if (e->d_name[0] == '.' && (!e->d_name[1] || (e->d_name[1] == '.' && !e->d_name[2]))) continue;
    size_t l = strlen(e->d_name);
    path[len] = '/';
    memcpy(path + len + 1, e->d_name, l + 1);
    if (e->d_type == DT_DIR) {
      int f = openat(dfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (f >= 0) n += walk(f, path, len + 1 + l, keep, with_stat);
    } else {
      n++;
      if (with_stat) {
        struct stat st;
        fstatat(dfd, e->d_name, &st, 0);
        sink += st.st_size;
      }
      if (keep) keep_path(path);
    }
  }
  closedir(d);
  return n;
}

static size_t walk_folder(const char *dir, int keep, int with_stat) {
  char path[4096];
  snprintf(path, sizeof path, "%s", dir);
  return walk(open(dir, O_RDONLY | O_DIRECTORY), path, strlen(path), keep, with_stat);
}

static void open_folders(void) {
  static char last[4096];
  int handle = -1;
  struct rlimit rl = {1 << 18, 1 << 18};
  setrlimit(RLIMIT_NOFILE, &rl);
  folder = malloc(npaths * sizeof *folder);
  name_in_folder = malloc(npaths * sizeof *name_in_folder);
  for (size_t i = 0; i < npaths; i++) {
    char *slash = strrchr(paths[i], '/');
    size_t l = slash - paths[i];
    if (handle < 0 || strncmp(last, paths[i], l) || last[l]) {
      memcpy(last, paths[i], l);
      last[l] = 0;
      handle = open(last, O_RDONLY | O_DIRECTORY);
    }
    folder[i] = handle;
    name_in_folder[i] = slash + 1;
  }
}

/* ---- a minimal scan: 26 tags -> (offset, length); sequences are skipped ---- */
static const uint32_t WANT[] = {
    0x00080016, 0x00080018, 0x00080020, 0x00080030, 0x00080050, 0x00080060, 0x00080070, 0x00081030, 0x0008103E,
    0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00180050, 0x0020000D, 0x0020000E, 0x00200011, 0x00200013,
    0x00200032, 0x00200037, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00281052, 0x00281053};
#define NW (sizeof WANT / sizeof *WANT)
#define UNDEFINED 0xFFFFFFFFu

typedef struct {
  uint32_t off, len;
} span;

static inline uint16_t u16(const uint8_t *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}
static inline uint32_t u32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}

#define VR(a, b) ((a) | (b) << 8)
static inline int long_length(uint16_t vr) { /* PS3.5 table 7.1-1 */
  switch (vr) {
    case VR('O', 'B'): case VR('O', 'W'): case VR('O', 'F'): case VR('O', 'D'): case VR('O', 'L'): case VR('O', 'V'):
    case VR('S', 'Q'): case VR('U', 'N'): case VR('U', 'T'): case VR('U', 'C'): case VR('U', 'R'): case VR('S', 'V'):
    case VR('U', 'V'):
      return 1;
  }
  return 0;
}

/* -> offset of the value, 0 at the end of the data */
static inline size_t element(const uint8_t *b, size_t p, size_t n, int explicit_vr, uint32_t *tag, uint32_t *len) {
  if (p + 8 > n) return 0;
  *tag = (uint32_t)u16(b + p) << 16 | u16(b + p + 2);
  if (!explicit_vr || (*tag >> 16) == 0xFFFE) {
    *len = u32(b + p + 4);
    return p + 8;
  }
  if (long_length(u16(b + p + 4))) {
    if (p + 12 > n) return 0;
    *len = u32(b + p + 8);
    return p + 12;
  }
  *len = u16(b + p + 6);
  return p + 8;
}

static size_t skip_sequence(const uint8_t *b, size_t p, size_t n, int explicit_vr, int item) {
  for (;;) {
    uint32_t t, l;
    size_t q = element(b, p, n, explicit_vr, &t, &l);
    if (!q) return 0;
    if (t == (item ? 0xFFFEE00Du : 0xFFFEE0DDu)) return q;
    if (l == UNDEFINED) {
      q = skip_sequence(b, q, n, explicit_vr, item ? 0 : 1);
      if (!q) return 0;
      p = q;
    } else {
      p = q + l;
    }
  }
}

static int scan(const uint8_t *b, size_t n, span *out) {
  if (n < 148 || memcmp(b + 128, "DICM", 4)) return -1;
  size_t p = 132, end = 132 + 12 + u32(b + 140);
  int explicit_vr = 1;
  uint32_t t, l;
  while (p < end) {
    size_t q = element(b, p, n, 1, &t, &l);
    if (!q) return -1;
    if (t == 0x00020010u)
      explicit_vr = !(l >= 17 && b[q + l - 1] != '.' && l <= 18 && !memcmp(b + q, "1.2.840.10008.1.2", 17) &&
                      (l == 17 || b[q + 17] == 0));
    p = q + l;
  }
  int w = 0, found = 0;
  for (;;) {
    size_t q = element(b, p, n, explicit_vr, &t, &l);
    if (!q) return found;
    if (t >= 0x7FE00008u) return found;
    while (w < (int)NW && WANT[w] < t) w++;
    if (w < (int)NW && WANT[w] == t) {
      out[w].off = q;
      out[w].len = l;
      found++;
      w++;
      if (w == NW) return found;
    }
    if (l == UNDEFINED) {
      p = skip_sequence(b, q, n, explicit_vr, 0);
      if (!p) return found;
    } else {
      p = q + l;
    }
  }
}

static uint64_t scan_and_copy(const uint8_t *b, ssize_t n, span *spans, char *values) {
  int found = scan(b, n, spans);
  char *o = values;
  if (found == NW)
    for (unsigned k = 0; k < NW; k++) {
      memcpy(o, b + spans[k].off, spans[k].len);
      o += spans[k].len;
    }
  return found + values[0];
}

/* ---- one pass over the files ---- */
enum { AT_OPEN, AT_READ4K, AT_READ8K, AT_SCAN_COPY, OPEN, STAT, READ8K, READ_ALL, MAP, MAP_POPULATED, READ_SCAN, MAP_SCAN,
       READ_SCAN_COPY, MAP_ALL, MAP_POPULATED_ALL, READ4K, MODES };
static const char *MODE_NAMES[] = {
    "openat+close", "openat+read4k+close", "openat+read8k+close", "openat+read8k+scan26+copy", "openclose", "stat",
    "open+fstat+read8k+close", "open+fstat+readall+close", "open+fstat+mmap+touch+munmap+close",
    "open+fstat+mmap_populate+touch+munmap+close", "read8k+scan26", "mmap+scan26", "read8k+scan26+copy",
    "mmap+touch_all_pages", "mmap_populate+touch_all_pages", "open+read4k+close"};

typedef struct {
  int mode;
  size_t from, to;
  uint64_t acc;
} job;

static uint64_t at_folder(int mode, size_t i, uint8_t *buf, span *spans, char *values) {
  uint64_t acc = 0;
  int fd = openat(folder[i], name_in_folder[i], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  if (mode == AT_READ4K) acc = pread(fd, buf, 4096, 0);
  if (mode == AT_READ8K) acc = pread(fd, buf, 8192, 0);
  if (mode == AT_SCAN_COPY) acc = scan_and_copy(buf, pread(fd, buf, 8192, 0), spans, values);
  close(fd);
  return acc;
}

static uint64_t mapped(int mode, int fd, off_t size, span *spans) {
  int populate = mode == MAP_POPULATED || mode == MAP_POPULATED_ALL ? MAP_POPULATE : 0;
  uint64_t acc = 0;
  uint8_t *m = mmap(0, size, PROT_READ, MAP_PRIVATE | populate, fd, 0);
  if (mode == MAP_SCAN) acc = scan(m, size, spans);
  else if (mode == MAP || mode == MAP_POPULATED) acc = m[0] + m[4096];
  else for (off_t o = 0; o < size; o += 4096) acc += m[o];
  munmap(m, size);
  return acc;
}

static uint64_t by_path(int mode, size_t i, uint8_t *buf, span *spans, char *values) {
  struct stat st;
  uint64_t acc = 0;
  if (mode == STAT) {
    stat(paths[i], &st);
    return st.st_size;
  }
  int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  if (mode != OPEN && mode != READ4K) fstat(fd, &st);
  switch (mode) {
    case OPEN: break;
    case READ4K: acc = read(fd, buf, 4096); break;
    case READ8K: acc = read(fd, buf, 8192); break;
    case READ_ALL: acc = read(fd, buf, BUFFER); break;
    case READ_SCAN: acc = scan(buf, read(fd, buf, 8192), spans); break;
    case READ_SCAN_COPY: acc = scan_and_copy(buf, read(fd, buf, 8192), spans, values); break;
    default: acc = mapped(mode, fd, st.st_size, spans);
  }
  close(fd);
  return acc;
}

static void *work(void *v) {
  job *j = v;
  uint8_t *buf = malloc(BUFFER);
  uint64_t acc = 0;
  span spans[NW];
  char values[8192];
  values[0] = 0;
  for (size_t i = j->from; i < j->to; i++)
    acc += j->mode <= AT_SCAN_COPY ? at_folder(j->mode, i, buf, spans, values) : by_path(j->mode, i, buf, spans, values);
  free(buf);
  j->acc = acc;
  return 0;
}

/* One pass in `threads` threads -> wall seconds, the threads' start and end included. */
static double pass(int mode, int threads, uint64_t *acc) {
  pthread_t th[MAX_THREADS];
  job jobs[MAX_THREADS];
  double start = now();
  for (int k = 0; k < threads; k++) {
    jobs[k] = (job){mode, npaths * k / threads, npaths * (k + 1) / threads, 0};
    if (threads > 1) pthread_create(&th[k], 0, work, &jobs[k]);
    else work(&jobs[k]);
  }
  if (threads > 1)
    for (int k = 0; k < threads; k++) pthread_join(th[k], 0);
  double took = now() - start;
  *acc = 0;
  for (int k = 0; k < threads; k++) *acc += jobs[k].acc;
  return took;
}

#ifndef PHYSLIMIT_LOOPS_ONLY
static int ascending(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return x < y ? -1 : x > y;
}

static void report(const char *mode, int threads, size_t files, int repeats, double *wall, double *cpu) {
  qsort(wall, repeats, sizeof *wall, ascending);
  qsort(cpu, repeats, sizeof *cpu, ascending);
  double w = wall[repeats / 2];
  printf("{\"cpu_us_per_file\":%.3f,\"mode\":\"%s\",\"threads\":%d,\"files\":%zu,\"median_s\":%.6f,\"best_s\":%.6f,"
         "\"files_per_s\":%.0f,\"us_per_file\":%.3f}\n",
         cpu[repeats / 2] / files * 1e6, mode, threads, files, w, wall[0], files / w, w / files * 1e6);
  fflush(stdout);
}

int main(int c, char **v) {
  double wall[64], cpu[64];
  if (c < 4 || atoi(v[2]) > MAX_THREADS || atoi(v[3]) > 64) return fprintf(stderr, "physlimit DIR THREADS REPEATS [MODE...]\n"), 2;
  const char *dir = v[1];
  int threads = atoi(v[2]), repeats = atoi(v[3]);
  walk_folder(dir, 1, 0);
  open_folders();
  for (int with_stat = 0; with_stat < 2; with_stat++) {
    size_t n = 0;
    for (int r = 0; r < repeats; r++) {
      double a = now(), b = seconds(CLOCK_PROCESS_CPUTIME_ID);
      n = walk_folder(dir, 0, with_stat);
      wall[r] = now() - a;
      cpu[r] = seconds(CLOCK_PROCESS_CPUTIME_ID) - b;
    }
    report(with_stat ? "walk+stat" : "walk", 1, n, repeats, wall, cpu);
  }
  for (int m = 0; m < MODES; m++) {
    uint64_t acc = 0;
    int wanted = c < 5;
    for (int k = 4; k < c; k++) wanted |= !strcmp(v[k], MODE_NAMES[m]);
    if (!wanted) continue;
    for (int r = -1; r < repeats; r++) {
      double b = seconds(CLOCK_PROCESS_CPUTIME_ID), took = pass(m, threads, &acc);
      if (r >= 0) {
        wall[r] = took;
        cpu[r] = seconds(CLOCK_PROCESS_CPUTIME_ID) - b;
      }
    }
    if (m == READ_SCAN || m == MAP_SCAN) fprintf(stderr, "%s: tags found per file %.2f\n", MODE_NAMES[m], (double)acc / npaths);
    report(MODE_NAMES[m], threads, npaths, repeats, wall, cpu);
  }
  return 0;
}
#endif
