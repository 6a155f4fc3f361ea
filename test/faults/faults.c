// Makes the file calls of a process fail as a disk does. Loaded with LD_PRELOAD beneath kept-server (and so
// beneath RocksDB), steered by a control file that the test rewrites while the server runs:
//
//   KEPT_FAULT_DIR      only paths in this directory are hit
//   KEPT_FAULT_CONTROL  a file of 4096 bytes, mapped and shared. From byte 0 text:
//
//     version\n
//     call pattern effect skip count milliseconds\n      ... one line a rule, up to 16
//     end version\n
//
//   and from byte 3072 one 32-bit number for each rule: how often it has struck.
//
//   call     write | sync | read | create | rename | unlink | truncate
//   pattern  of the file's name, as the shell's: *.log, *.sst, MANIFEST-*
//   effect   EIO | ENOSPC | EDQUOT   the call fails and does nothing
//            short                   half of it is written and told so; the next one finds no space
//            torn                    half of it is written, and the call fails with EIO
//            lost                    sync: fails with EIO, and what was not synced before becomes zeros: the
//                                    kernel forgets pages that it could not write, and a second
//                                    attempt finds nothing to do and "succeeds"
//            flip                    read: one bit of what is read is turned
//            slow                    takes so many milliseconds more
//   skip     so many calls are spared first; count: so many are hit, -1 for all
//
// Not thread-safe to the last: two threads may both take the last of a count. Good enough for a test.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_BYTES 4096
#define COUNTERS_AT 3072
#define RULES_MAX 16
#define FILES_MAX 65536

enum effect { NONE, FAIL, SHORT, TORN, LOST, FLIP, SLOW };

struct rule {
  char call[16];
  char pattern[64];
  enum effect effect;
  int error;
  long skip;
  long count;
  long milliseconds;
};

static const char *directory;
static volatile char *control;
static volatile uint32_t *counters;
static long version = -1;
static struct rule rules[RULES_MAX];
static int ruleCount;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// Up to where a descriptor's file is known to be on the disk.
static off_t syncedTo[FILES_MAX];

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

#define REAL(result, name, ...)                          \
  static result (*real_##name)(__VA_ARGS__);             \
  if (real_##name == NULL) *(void **)&real_##name = next(#name)

__attribute__((constructor)) static void begin(void) {
  directory = getenv("KEPT_FAULT_DIR");
  const char *path = getenv("KEPT_FAULT_CONTROL");
  if (directory == NULL || path == NULL) return;
  int file = open(path, O_RDWR);
  if (file < 0) return;
  void *mapped = mmap(NULL, CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  counters = (volatile uint32_t *)((char *)mapped + COUNTERS_AT);
  control = mapped;
}

static int readEffect(struct rule *rule, const char *word) {
  rule->error = EIO;
  rule->effect = FAIL;
  if (strcmp(word, "EIO") == 0) return 1;
  if (strcmp(word, "ENOSPC") == 0) return rule->error = ENOSPC, 1;
  if (strcmp(word, "EDQUOT") == 0) return rule->error = EDQUOT, 1;
  const char *names[] = {"short", "torn", "lost", "flip", "slow"};
  for (int index = 0; index < 5; index++) {
    if (strcmp(word, names[index]) == 0) return rule->effect = SHORT + index, 1;
  }
  return 0;
}

// Takes the rules over when the whole of a newer version is there.
static void refresh(void) {
  if (atol((const char *)control) == version) return;
  char text[COUNTERS_AT + 1];
  memcpy(text, (const char *)control, COUNTERS_AT);
  text[COUNTERS_AT] = 0;
  long found = atol(text);
  char ending[40];
  snprintf(ending, sizeof ending, "\nend %ld\n", found);
  if (strstr(text, ending) == NULL) return;
  ruleCount = 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    struct rule rule = {0};
    char effect[16];
    int parts = sscanf(line, "%15s %63s %15s %ld %ld %ld", rule.call, rule.pattern, effect,
                       &rule.skip, &rule.count, &rule.milliseconds);
    if (parts != 6 || ruleCount == RULES_MAX) continue;
    if (!readEffect(&rule, effect)) continue;
    counters[ruleCount] = 0;
    rules[ruleCount++] = rule;
  }
  version = found;
}

static const char *nameIn(const char *path) {
  size_t length = strlen(directory);
  if (strncmp(path, directory, length) != 0 || path[length] != '/') return NULL;
  return strrchr(path, '/') + 1;
}

// What is to happen to this call on this file. Slowness is served here.
static struct rule *struck(const char *call, const char *path) {
  if (control == NULL) return NULL;
  pthread_mutex_lock(&lock);
  refresh();
  struct rule *hit = NULL;
  const char *name = ruleCount == 0 ? NULL : nameIn(path);
  for (int index = 0; name != NULL && index < ruleCount; index++) {
    struct rule *rule = &rules[index];
    if (strcmp(rule->call, call) != 0 || fnmatch(rule->pattern, name, 0) != 0) continue;
    if (rule->skip > 0) {
      rule->skip--;
      continue;
    }
    if (rule->count == 0) continue;
    if (rule->count > 0) rule->count--;
    counters[index]++;
    hit = rule;
    break;
  }
  long milliseconds = hit != NULL && hit->effect == SLOW ? hit->milliseconds : 0;
  pthread_mutex_unlock(&lock);
  if (milliseconds == 0) return hit;
  struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  nanosleep(&pause, NULL);
  return NULL;
}

static struct rule *struckFile(const char *call, int file) {
  if (control == NULL) return NULL;
  if (atol((const char *)control) == version && ruleCount == 0) return NULL;
  char link[40];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  int saved = errno;
  struct rule *hit = struck(call, path);
  errno = saved;
  return hit;
}

static struct rule enoughWritten = {.effect = FAIL, .error = ENOSPC};
static _Thread_local int halfWritten;

// The rule for a write of `size` bytes; *size is what may be written of them before it fails.
static struct rule *struckWrite(int file, size_t *size) {
  if (halfWritten) return halfWritten = 0, *size = 0, &enoughWritten;
  struct rule *hit = struckFile("write", file);
  if (hit == NULL) return NULL;
  *size = hit->effect == SHORT || hit->effect == TORN ? *size / 2 : 0;
  return hit;
}

static ssize_t endOfWrite(struct rule *hit, ssize_t done) {
  if (hit->effect == SHORT && done > 0) return halfWritten = 1, done;
  errno = hit->error;
  return -1;
}

ssize_t write(int file, const void *bytes, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t);
  struct rule *hit = struckWrite(file, &size);
  if (hit == NULL) return real_write(file, bytes, size);
  return endOfWrite(hit, size == 0 ? 0 : real_write(file, bytes, size));
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  struct rule *hit = struckWrite(file, &size);
  if (hit == NULL) return real_pwrite64(file, bytes, size, at);
  return endOfWrite(hit, size == 0 ? 0 : real_pwrite64(file, bytes, size, at));
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
  return pwrite64(file, bytes, size, at);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  size_t size = 0;
  struct rule *hit = struckWrite(file, &size);
  return hit == NULL ? real_writev(file, pieces, count) : endOfWrite(hit, 0);
}

static void forget(int file) {
  struct stat about;
  if (file >= FILES_MAX || fstat(file, &about) != 0) return;
  static const char zeros[65536];
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  int other = open(link, O_WRONLY);
  if (other < 0) return;
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  for (off_t at = syncedTo[file]; at < about.st_size; at += (off_t)sizeof zeros) {
    off_t left = about.st_size - at;
    size_t size = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;
    if (real_pwrite64(other, zeros, size, at) < 0) break;
  }
  close(other);
  syncedTo[file] = about.st_size;
}

static int synced(int file, int (*real)(int)) {
  struct rule *hit = struckFile("sync", file);
  if (hit != NULL) {
    if (hit->effect == LOST) forget(file);
    errno = hit->error;
    return -1;
  }
  struct stat about;
  int isKnown = control != NULL && file < FILES_MAX && fstat(file, &about) == 0;
  int result = real(file);
  if (result == 0 && isKnown) syncedTo[file] = about.st_size;
  return result;
}

int fsync(int file) {
  REAL(int, fsync, int);
  return synced(file, real_fsync);
}

int fdatasync(int file) {
  REAL(int, fdatasync, int);
  return synced(file, real_fdatasync);
}

static ssize_t turned(struct rule *hit, void *bytes, ssize_t done) {
  if (hit->effect != FLIP) {
    errno = hit->error;
    return -1;
  }
  if (done > 0) ((unsigned char *)bytes)[done / 2] ^= 0x10;
  return done;
}

ssize_t read(int file, void *bytes, size_t size) {
  REAL(ssize_t, read, int, void *, size_t);
  struct rule *hit = struckFile("read", file);
  if (hit == NULL) return real_read(file, bytes, size);
  return turned(hit, bytes, hit->effect == FLIP ? real_read(file, bytes, size) : 0);
}

ssize_t pread64(int file, void *bytes, size_t size, off64_t at) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  struct rule *hit = struckFile("read", file);
  if (hit == NULL) return real_pread64(file, bytes, size, at);
  return turned(hit, bytes, hit->effect == FLIP ? real_pread64(file, bytes, size, at) : 0);
}

ssize_t pread(int file, void *bytes, size_t size, off_t at) {
  return pread64(file, bytes, size, at);
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && control != NULL) {
    struct rule *hit = struck("create", path);
    if (hit != NULL) return errno = hit->error, -1;
  }
  int file = real(path, flags, mode);
  if (file >= 0 && file < FILES_MAX) {
    struct stat about;
    int isOld = control != NULL && fstat(file, &about) == 0;
    syncedTo[file] = isOld ? about.st_size : 0;
  }
  return file;
}

#define OPEN(name)                                        \
  int name(const char *path, int flags, ...) {            \
    REAL(int, name, const char *, int, ...);              \
    va_list more;                                         \
    va_start(more, flags);                                \
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0; \
    va_end(more);                                         \
    return opened(real_##name, path, flags, mode);        \
  }
OPEN(open)
OPEN(open64)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  struct rule *hit = struck("rename", from);
  return hit == NULL ? real_rename(from, to) : (errno = hit->error, -1);
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  struct rule *hit = struck("unlink", path);
  return hit == NULL ? real_unlink(path) : (errno = hit->error, -1);
}

int ftruncate64(int file, off64_t size) {
  REAL(int, ftruncate64, int, off64_t);
  struct rule *hit = struckFile("truncate", file);
  return hit == NULL ? real_ftruncate64(file, size) : (errno = hit->error, -1);
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
