/* A virtual clock shared by every process of a capture (LD_PRELOAD).
 *
 * VCLOCK="REAL VIRTUAL RATE": at real epoch second REAL the virtual clock shows VIRTUAL, and runs RATE times as fast.
 * Every process computes the same function of the real clock, so all logs agree exactly, also across exec.
 * Both the wall clock and the monotonic clock are virtual, and every timeout is shortened by RATE, so that a setting
 * such as "pool timeout 10 s" lasts ten virtual seconds and is logged as ten seconds.
 *
 * build: gcc -O2 -shared -fPIC -o vclock.so vclock.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef __int128 wide;
#define NS 1000000000LL

static int64_t real0, virtual0, mono0, rate_milli = 1000;
static int ready;

static int64_t raw_ns(clockid_t id) {
  struct timespec t;
  syscall(SYS_clock_gettime, id, &t);
  return t.tv_sec * NS + t.tv_nsec;
}

static void start(void) {
  const char *text = getenv("VCLOCK");
  double real, virtual, rate;
  if (text && sscanf(text, "%lf %lf %lf", &real, &virtual, &rate) == 3) {
    real0 = (int64_t)(real * 1e6) * 1000;
    virtual0 = (int64_t)(virtual * 1e6) * 1000;
    rate_milli = (int64_t)(rate * 1000);
    mono0 = real0 - (raw_ns(CLOCK_REALTIME) - raw_ns(CLOCK_MONOTONIC)); /* the monotonic reading at REAL */
    mono0 -= mono0 % 1000000;                                            /* the same in every process */
    ready = 2;
  } else {
    ready = 1;
  }
}

__attribute__((constructor)) static void at_load(void) { if (!ready) start(); }

static int on(void) {
  if (!ready) start();
  return ready == 2;
}

static int64_t scale_up(int64_t ns) { return (int64_t)((wide)ns * rate_milli / 1000); }
static int64_t scale_down(int64_t ns) { return (int64_t)((wide)ns * 1000 / rate_milli); }

static int64_t virtual_ns(clockid_t id) {
  switch (id) {
  case CLOCK_REALTIME:
  case CLOCK_REALTIME_COARSE:
  case CLOCK_TAI:
    return virtual0 + scale_up(raw_ns(CLOCK_REALTIME) - real0);
  case CLOCK_MONOTONIC:
  case CLOCK_MONOTONIC_COARSE:
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_BOOTTIME:
    return mono0 + scale_up(raw_ns(CLOCK_MONOTONIC) - mono0);
  default:
    return raw_ns(id);
  }
}

static struct timespec from_ns(int64_t ns) {
  struct timespec t = {ns / NS, ns % NS};
  if (t.tv_nsec < 0) { t.tv_nsec += NS; t.tv_sec--; }
  return t;
}

static int64_t to_ns(const struct timespec *t) { return t->tv_sec * NS + t->tv_nsec; }

/* An absolute virtual deadline as an absolute real one. Deadlines beyond 2001 are on the wall clock. */
static struct timespec real_deadline(const struct timespec *t) {
  int64_t ns = to_ns(t);
  if (t->tv_sec > 900000000)
    return from_ns(real0 + scale_down(ns - virtual0));
  return from_ns(mono0 + scale_down(ns - mono0));
}

static int64_t real_timeout(int64_t ns) {
  int64_t scaled = scale_down(ns);
  return ns > 0 && scaled < 50000 ? 50000 : scaled; /* never spin */
}

#define NEXT(name) ({ static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); next; })

int clock_gettime(clockid_t id, struct timespec *t) {
  if (!on()) return syscall(SYS_clock_gettime, id, t);
  *t = from_ns(virtual_ns(id));
  return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  if (!on()) return syscall(SYS_gettimeofday, t, zone);
  struct timespec s = from_ns(virtual_ns(CLOCK_REALTIME));
  if (t) { t->tv_sec = s.tv_sec; t->tv_usec = s.tv_nsec / 1000; }
  return 0;
}

time_t time(time_t *out) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (out) *out = t.tv_sec;
  return t.tv_sec;
}

int timespec_get(struct timespec *t, int base) {
  clock_gettime(CLOCK_REALTIME, t);
  return base;
}

int nanosleep(const struct timespec *want, struct timespec *left) {
  if (!on()) return NEXT(nanosleep)(want, left);
  struct timespec t = from_ns(real_timeout(to_ns(want)));
  int code = NEXT(nanosleep)(&t, left);
  if (code && left) *left = from_ns(scale_up(to_ns(left)));
  return code;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *want, struct timespec *left) {
  if (!on()) return NEXT(clock_nanosleep)(id, flags, want, left);
  struct timespec t = flags & TIMER_ABSTIME ? real_deadline(want) : from_ns(real_timeout(to_ns(want)));
  int code = NEXT(clock_nanosleep)(id, flags, &t, left);
  if (code && left && !(flags & TIMER_ABSTIME)) *left = from_ns(scale_up(to_ns(left)));
  return code;
}

int usleep(useconds_t us) {
  struct timespec t = from_ns((int64_t)us * 1000);
  return nanosleep(&t, NULL);
}

unsigned sleep(unsigned seconds) {
  struct timespec t = {seconds, 0};
  nanosleep(&t, NULL);
  return 0;
}

int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout) {
  if (!on() || !timeout) return NEXT(select)(n, r, w, e, timeout);
  int64_t ns = real_timeout(timeout->tv_sec * NS + timeout->tv_usec * 1000LL);
  struct timeval t = {ns / NS, ns % NS / 1000};
  int code = NEXT(select)(n, r, w, e, &t);
  ns = scale_up(t.tv_sec * NS + t.tv_usec * 1000LL);
  timeout->tv_sec = ns / NS;
  timeout->tv_usec = ns % NS / 1000;
  return code;
}

int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *timeout, const sigset_t *mask) {
  if (!on() || !timeout) return NEXT(pselect)(n, r, w, e, timeout, mask);
  struct timespec t = from_ns(real_timeout(to_ns(timeout)));
  return NEXT(pselect)(n, r, w, e, &t, mask);
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
  if (!on() || !timeout) return NEXT(ppoll)(fds, n, timeout, mask);
  struct timespec t = from_ns(real_timeout(to_ns(timeout)));
  return NEXT(ppoll)(fds, n, &t, mask);
}

int poll(struct pollfd *fds, nfds_t n, int ms) {
  if (!on() || ms <= 0) return NEXT(poll)(fds, n, ms);
  struct timespec t = from_ns(ms * 1000000LL);
  return ppoll(fds, n, &t, NULL);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t size) { (void)size; return poll(fds, n, ms); }

static int wait_events(int fd, struct epoll_event *events, int max, int ms, const sigset_t *mask) {
  struct timespec t = from_ns(real_timeout(ms * 1000000LL));
  return NEXT(epoll_pwait2)(fd, events, max, &t, mask);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int ms) {
  if (!on() || ms <= 0) return NEXT(epoll_wait)(fd, events, max, ms);
  return wait_events(fd, events, max, ms, NULL);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int ms, const sigset_t *mask) {
  if (!on() || ms <= 0) return NEXT(epoll_pwait)(fd, events, max, ms, mask);
  return wait_events(fd, events, max, ms, mask);
}

int setitimer(__itimer_which_t which, const struct itimerval *restrict new, struct itimerval *restrict old) {
  if (!on() || !new || which != ITIMER_REAL) return NEXT(setitimer)(which, new, old);
  int64_t value = real_timeout(new->it_value.tv_sec * NS + new->it_value.tv_usec * 1000LL);
  int64_t every = real_timeout(new->it_interval.tv_sec * NS + new->it_interval.tv_usec * 1000LL);
  struct itimerval t = {{every / NS, every % NS / 1000}, {value / NS, value % NS / 1000}};
  return NEXT(setitimer)(which, &t, old);
}

unsigned alarm(unsigned seconds) {
  struct itimerval t = {{0, 0}, {seconds, 0}};
  setitimer(ITIMER_REAL, &t, NULL);
  return 0;
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict deadline) {
  if (!on()) return NEXT(sem_timedwait)(sem, deadline);
  struct timespec t = real_deadline(deadline);
  return NEXT(sem_timedwait)(sem, &t);
}

int sem_clockwait(sem_t *restrict sem, clockid_t id, const struct timespec *restrict deadline) {
  if (!on()) return NEXT(sem_clockwait)(sem, id, deadline);
  struct timespec t = real_deadline(deadline);
  return NEXT(sem_clockwait)(sem, id, &t);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, const struct timespec *restrict deadline) {
  if (!on()) return NEXT(pthread_cond_timedwait)(c, m, deadline);
  struct timespec t = real_deadline(deadline);
  return NEXT(pthread_cond_timedwait)(c, m, &t);
}

int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t id, const struct timespec *restrict deadline) {
  if (!on()) return NEXT(pthread_cond_clockwait)(c, m, id, deadline);
  struct timespec t = real_deadline(deadline);
  return NEXT(pthread_cond_clockwait)(c, m, id, &t);
}
