/* The C floors of RESULTS.md as a process that run.py asks for one round at a time, between the rounds of the others.
 *
 *   cc -O3 -march=native -pthread -o floors floors.c
 *
 * A process of its own, so that neither side's threads, maps or file descriptors slow the other down. One request a
 * line, words parted by tabs; the answer is one number: seconds of the whole round (or a count, for load and evict).
 *
 *   load DIR              walk DIR, remember its files, open its folders  -> files
 *   load_sorted DIR       the same in the order of the paths              -> files
 *   pass MODE THREADS     one pass of a physlimit.c mode over all files   -> seconds
 *   walk DIR              the walk alone                                  -> seconds
 *   evict                 drop the files' cached pages                    -> files
 *   prefix N              open, pread 8 KiB, close; the first N files     -> seconds
 *   two_preads N          open, pread 8 KiB, pread the last 512 KiB into a reused buffer, close
 *   map N                 open, fstat, mmap, touch two pages, munmap, close
 *   frames PATH BYTES N   open, pread frame k (k runs through 0..N-1 in strides of 37), close
 *   walk_stat DIR         the walk, and a stat of each file               -> seconds
 *   last BYTES N          open, pread the last BYTES into a reused buffer, close; the first N files
 *   items N               open, pread 8 KiB, pread the header of every item of the Pixel Data, close; the first N files
 *   written PATH BYTES    write so much, fsync, rename to PATH, fsync of its folder
 */
#define PHYSLIMIT_LOOPS_ONLY
#include "physlimit.c"

#define FRAME (512 * 512 * 2)

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static size_t load(const char *dir, int sorted) {
  for (size_t i = 0; i < npaths; i++) free(paths[i]);
  for (size_t i = 0; i < npaths; i++)
    if (!i || folder[i] != folder[i - 1]) close(folder[i]);
  free(folder);
  free(name_in_folder);
  npaths = 0;
  walk_folder(dir, 1, 0);
  if (sorted) qsort(paths, npaths, sizeof *paths, by_name);
  open_folders();
  return npaths;
}

static size_t evict(void) {
  for (size_t i = 0; i < npaths; i++) {
    int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
  }
  return npaths;
}

static double prefix(size_t n, uint8_t *buf) {
  double start = now();
  for (size_t i = 0; i < n; i++) {
    int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    sink += pread(fd, buf, 8192, 0);
    close(fd);
  }
  return now() - start;
}

static double two_preads(size_t n, uint8_t *buf) {
  double took = 0;
  for (size_t i = 0; i < n; i++) {
    struct stat st;
    stat(paths[i], &st); /* where the pixels lie is known to C for nothing: not timed */
    double start = now();
    int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    sink += pread(fd, buf, 8192, 0);
    sink += pread(fd, buf, FRAME, st.st_size - FRAME);
    close(fd);
    took += now() - start;
  }
  return took;
}

static double map(size_t n, uint8_t *buf) {
  span spans[NW];
  char values[8192];
  double start = now();
  for (size_t i = 0; i < n; i++) sink += by_path(MAP, i, buf, spans, values);
  return now() - start;
}

static double frames(const char *path, size_t bytes, size_t n, uint8_t *buf) {
  struct stat st;
  if (bytes > BUFFER || stat(path, &st)) return -1;
  off_t first = st.st_size - (off_t)(bytes * n);
  double start = now();
  for (size_t i = 0; i < n; i++) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    sink += pread(fd, buf, bytes, first + (off_t)(bytes * (i * 37 % n)));
    close(fd);
  }
  return now() - start;
}

static double last(size_t bytes, size_t n, uint8_t *buf) {
  double took = 0;
  if (bytes > BUFFER) return -1;
  for (size_t i = 0; i < n; i++) {
    struct stat st;
    stat(paths[i], &st); /* as in two_preads: not timed */
    double start = now();
    int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    sink += pread(fd, buf, bytes, st.st_size - bytes);
    close(fd);
    took += now() - start;
  }
  return took;
}

/* Explicit VR -> offset of the Pixel Data's value, 0 where it isn't within these bytes */
static size_t pixel_data(const uint8_t *b, size_t n) {
  if (n < 148 || memcmp(b + 128, "DICM", 4)) return 0;
  uint32_t t, l;
  for (size_t p = 132, q; (q = element(b, p, n, 1, &t, &l));) {
    if (t == 0x7FE00010u) return q;
    p = l == UNDEFINED ? skip_sequence(b, q, n, 1, 0) : q + l;
    if (!p) return 0;
  }
  return 0;
}

static double items(size_t n, uint8_t *buf) {
  uint64_t found = 0;
  double start = now();
  for (size_t i = 0; i < n; i++) {
    int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
    ssize_t got = pread(fd, buf, 8192, 0);
    off_t p = pixel_data(buf, got < 0 ? 0 : got);
    uint8_t header[8]; /* PS3.5 A.4: an Item until the Sequence Delimitation Item */
    while (p && pread(fd, header, 8, p) == 8 && u16(header) == 0xFFFE && u16(header + 2) == 0xE000) {
      p += 8 + (off_t)u32(header + 4);
      found++;
    }
    close(fd);
  }
  double took = now() - start;
  return found < 2 * n ? -1 : took;
}

static double written(const char *path, size_t bytes, const uint8_t *buf) {
  char temporary[4096], folder_of[4096];
  if (snprintf(temporary, sizeof temporary, "%s.part", path) >= (int)sizeof temporary) return -1;
  snprintf(folder_of, sizeof folder_of, "%s", path);
  *strrchr(folder_of, '/') = 0;
  double start = now();
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), dir = open(folder_of, O_RDONLY | O_DIRECTORY);
  ssize_t wrote = 1;
  for (size_t done = 0; done < bytes && wrote > 0; done += wrote)
    wrote = write(fd, buf, bytes - done < BUFFER ? bytes - done : BUFFER);
  int failed = wrote <= 0 || fsync(fd) || close(fd) || rename(temporary, path) || fsync(dir);
  double took = now() - start;
  close(dir);
  return failed ? -1 : took;
}

static double walk_only(const char *dir, int with_stat) {
  double start = now();
  sink += walk_folder(dir, 0, with_stat);
  return now() - start;
}

static double one_pass(const char *mode, int threads) {
  uint64_t acc;
  if (threads < 1 || threads > MAX_THREADS) return -1;
  for (int m = 0; m < MODES; m++)
    if (!strcmp(mode, MODE_NAMES[m])) {
      double took = pass(m, threads, &acc);
      sink += acc;
      return took;
    }
  return -1;
}

static double answer(char **w, int words, uint8_t *buf) {
  size_t n = words > 1 ? strtoul(w[1], 0, 10) : 0;
  if (n > npaths) n = npaths;
  if (words == 2 && !strcmp(w[0], "load")) return load(w[1], 0);
  if (words == 2 && !strcmp(w[0], "load_sorted")) return load(w[1], 1);
  if (words == 3 && !strcmp(w[0], "pass")) return one_pass(w[1], atoi(w[2]));
  if (words == 1 && !strcmp(w[0], "evict")) return evict();
  if (words == 2 && !strcmp(w[0], "prefix")) return prefix(n, buf);
  if (words == 2 && !strcmp(w[0], "two_preads")) return two_preads(n, buf);
  if (words == 2 && !strcmp(w[0], "map")) return map(n, buf);
  if (words == 4 && !strcmp(w[0], "frames")) return frames(w[1], strtoul(w[2], 0, 10), strtoul(w[3], 0, 10), buf);
  if (words == 2 && !strcmp(w[0], "walk")) return walk_only(w[1], 0);
  if (words == 2 && !strcmp(w[0], "walk_stat")) return walk_only(w[1], 1);
  if (words == 2 && !strcmp(w[0], "items")) return items(n, buf);
  if (words == 3 && !strcmp(w[0], "written")) return written(w[1], strtoul(w[2], 0, 10), buf);
  if (words == 3 && !strcmp(w[0], "last")) {
    size_t files = strtoul(w[2], 0, 10);
    return last(strtoul(w[1], 0, 10), files > npaths ? npaths : files, buf);
  }
  return -1;
}

int main(void) {
  static char line[8192];
  uint8_t *buf = malloc(BUFFER);
  memset(buf, 1, BUFFER); /* "reused": its pages exist */
  while (fgets(line, sizeof line, stdin)) {
    char *w[8], *rest = line;
    int words = 0;
    line[strcspn(line, "\n")] = 0;
    while (words < 8 && (w[words] = strsep(&rest, "\t"))) words++;
    printf("%.9f\n", answer(w, words, buf));
    fflush(stdout);
  }
  return 0;
}
